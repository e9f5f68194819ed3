"""Check that another machine sees the files of a command under the same paths."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vadkit import trust
from vadkit.errors import TrainingError
from vadkit.text import printable

_MARK = ".shared-"
_OLD_S = 30 * 86400.0


def _versions() -> dict[str, str]:
    """Return the versions that scores depend on, without the part for CPU or CUDA."""
    found = {}
    for name in ("vadkit", "torch"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name).partition("+")[0]
    return found


@dataclass(frozen=True)
class Shared:
    """What a process on another machine needs to stand in for this one.

    ``mark`` is a file in the folder for results that only the same folder has. ``start`` is the
    current folder if a path of the command is relative to it. ``trusted`` has the digests of code
    that this user trusts.
    """

    mark: Path
    start: Path | None
    trusted: tuple[str, ...]
    versions: dict[str, str] = field(default_factory=_versions)

    def enter(self) -> None:
        """Let this process stand in for the command.

        Raises ``TrainingError``, with the name of the machine, if it cannot.
        """
        machine = f"machine {printable(socket.gethostname())} of the Ray cluster"
        if (versions := _versions()) != self.versions:
            raise TrainingError(
                f"{machine} has {_text(versions)}, and this one {_text(self.versions)}; install "
                "the same versions on each machine"
            )
        if self.start is not None:
            try:
                os.chdir(self.start)
            except OSError:
                raise TrainingError(
                    f"{machine} has no folder {self.start}, and this command has paths relative "
                    "to it; run it in a folder that all machines share, or give absolute paths"
                ) from None
        if not self.mark.is_file():
            raise TrainingError(
                f"{machine} does not see {printable(str(self.mark.parent))}; give a folder that "
                "all machines share under this path"
            )
        trust.accept(self.trusted)


@contextlib.contextmanager
def shared_folder(
    folder: Path, paths: Sequence[Path], trusted: tuple[str, ...] = ()
) -> Iterator[Shared]:
    """Mark a folder, so that other machines can tell that it is the same one.

    ``paths`` are all others of the command.
    """
    relative = not all(path.is_absolute() for path in (folder, *paths))
    # A name that no machine has looked for: network disks remember for a while what is missing.
    mark = folder / f"{_MARK}{secrets.token_hex(8)}"
    for old in folder.glob(f"{_MARK}*"):
        # Of a killed process; another command may use a younger one.
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > _OLD_S:
                old.unlink()
    mark.touch()
    try:
        yield Shared(mark, Path.cwd() if relative else None, trusted)
    finally:
        mark.unlink(missing_ok=True)


@dataclass(frozen=True)
class Unseen:
    """A result in place of a video that a machine does not see."""

    machine: str = field(default_factory=socket.gethostname)


def not_shared(machine: str, path: Path) -> TrainingError:
    """Return the error for a run or a video that only this machine sees."""
    return TrainingError(
        f"machine {printable(machine)} of the Ray cluster does not see "
        f"{printable(str(path))}; runs and videos must be in folders that all machines share"
    )


def _text(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
