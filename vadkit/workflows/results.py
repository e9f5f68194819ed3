"""A folder for results: check that it is writable, and lock it for one command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from vadkit.errors import DataError, RecipeError
from vadkit.files import check_writable, describe_os_error
from vadkit.text import printable


@contextlib.contextmanager
def alone_in(folder: Path, command: str) -> Iterator[None]:
    """Keep a second ``command`` out of the folder inside this context.

    Raises ``DataError`` if the folder cannot be written, and ``RecipeError`` if another command
    already writes to it. Both happen before anything else is done.
    """
    from filelock import FileLock, Timeout

    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder / ".lock", timeout=0))
            check_writable(folder)
        except Timeout:
            raise RecipeError(
                f"another {command} is writing to {printable(str(folder))}; wait for it, or name "
                "another --out"
            ) from None
        except OSError as error:
            raise DataError(
                f"results cannot be written to {printable(str(folder))}: {describe_os_error(error)}"
            ) from None
        yield
