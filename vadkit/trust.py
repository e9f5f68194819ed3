"""The code that this user trusts: a file of SHA-256 digests that only the user can change.

Training records the plugins that it copies into a run, `vadkit export` the ``.pt2`` files that it
writes, and ``--trust-plugins`` what the user allows. Code that is not recorded does not run.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vadkit.errors import PluginError
from vadkit.files import describe_os_error, write_whole
from vadkit.text import printable

_log = logging.getLogger("vadkit.trust")
# No plugin is nearly this long, but a device or a pipe in its place has no end.
MOST_BYTES = 4 << 20
# What this process trusts in addition to the list.
_accepted: set[str] = set()


def digest(content: bytes) -> str:
    """The SHA-256 of a file's content, as ``sha256sum`` prints it."""
    return hashlib.sha256(content).hexdigest()


def trust_file() -> Path:
    """Return ``$VADKIT_TRUST``, else ``vadkit/trusted.json`` in the user's config folder."""
    if chosen := os.environ.get("VADKIT_TRUST"):
        return Path(chosen)
    folder = config_folder()
    if folder is None:
        raise PluginError(
            "this user has no home folder for the list of trusted plugins; set VADKIT_TRUST to a "
            "file"
        )
    return folder / "trusted.json"


def config_folder() -> Path | None:
    """Return the folder ``vadkit`` in the user's config folder; None for a user without a home."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        # The XDG specification says to ignore a relative path.
        return (Path(home) if os.path.isabs(home) else Path.home() / ".config") / "vadkit"
    except RuntimeError:
        return None


def is_trusted(content_digest: str) -> bool:
    """Whether content with this digest is trusted; ``PluginError`` for an unsafe list."""
    return content_digest in _accepted or content_digest in _read(trust_file())


def accept(digests: Iterable[str]) -> None:
    """Trust content with these digests in this process only.

    For a process on another machine that works for a command of this user, which has checked them.
    """
    _accepted.update(digests)


def remember(found: Mapping[str, Path], by: str) -> None:
    """Record digests with their files as trusted; ``by`` is the command.

    Raises ``PluginError`` if they cannot be recorded.
    """
    path = trust_file()
    known = _read(path)
    if all(one in known for one in found):
        return
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    try:
        with _alone(path):
            known = _read(path)
            for one, file in found.items():
                entry = {"file": printable(str(file.absolute())), "by": by, "when": now}
                known.setdefault(one, entry)
            with write_whole(path) as partial:
                text = json.dumps({"version": 1, "trusted": known}, indent=2) + "\n"
                descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file_:
                    file_.write(text)
    except OSError as error:
        raise PluginError(
            f"trusted plugins cannot be recorded: {describe_os_error(error)}; or set VADKIT_TRUST "
            "to a writable file"
        ) from None


def remember_own(found: Mapping[str, Path], by: str) -> None:
    """Like ``remember``, for files that this user just made: a failure is only a warning."""
    try:
        if found:
            remember(found, by)
    except PluginError as error:
        _log.warning("%s. Later commands will ask for --trust-plugins", error)


def read_small(path: Path) -> bytes:
    """Read a regular file; ``PluginError`` for any other, or a very long one."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise PluginError(f"plugin {path} is not a file")
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PluginError(f"plugin {path} cannot be read: {reason}") from None
    if len(content) > MOST_BYTES:
        raise PluginError(f"plugin {path} is longer than {MOST_BYTES >> 20} MiB")
    return content


def _without_waiting(name: str, flags: int) -> int:
    # Without this, `open` would wait for a writer of a pipe.
    return os.open(name, flags | os.O_NONBLOCK)


def _read(path: Path) -> dict[str, Any]:
    """Return the recorded entries by digest; empty if there is no file yet."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            text = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PluginError(f"trusted plugins: {describe_os_error(error)}") from None
    if status.st_uid not in (os.geteuid(), 0) or status.st_mode & 0o022:
        raise PluginError(
            f"{path} lists code that may run, but other users can change it; check its content, "
            f"then run: chmod 600 {path}"
        )
    try:
        known = json.loads(text)["trusted"]
        if isinstance(known, dict):
            return known
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise PluginError(f"{path} is damaged; remove it, and allow trusted plugins again")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes of this user from writing at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
