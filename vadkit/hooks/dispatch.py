"""Call hooks so that a failing hook does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from vadkit.errors import VadkitError
from vadkit.hooks.hook import FitContext, Hook

_log = logging.getLogger("vadkit.hooks")


def tell_all(hooks: Sequence[Hook], event: str, ctx: FitContext, *details: str) -> None:
    """Call ``event`` on every hook, then raise the first exception.

    A failing hook ends training, but a checkpoint hook after it still writes its checkpoint.
    """
    first: Exception | None = None
    for hook in hooks:
        try:
            getattr(hook, event)(ctx, *details)
        except Exception as error:
            error.add_note(f"raised by hook {type(hook).__name__} in {event}")
            if first is None:
                first = error
            else:
                _log.error("%s", _described(hook, event, error))
    if first is not None:
        raise first


def tell_of_error(hooks: Sequence[Hook], ctx: FitContext, error: BaseException) -> None:
    """Call ``on_error`` on every hook; log hooks that fail."""
    for hook in hooks:
        try:
            hook.on_error(ctx, error)
        except Exception as failure:
            _log.error("%s", _described(hook, "on_error", failure))


def close_all(hooks: Sequence[Hook]) -> None:
    """Close every hook; log hooks that fail."""
    for hook in hooks:
        try:
            hook.close()
        except Exception as failure:
            _log.error("%s", _described(hook, "close", failure))


def _described(hook: Hook, event: str, error: Exception) -> str:
    message = str(error) if isinstance(error, VadkitError) else f"{type(error).__name__}: {error}"
    return f"hook {type(hook).__name__} failed in {event}: {message}"
