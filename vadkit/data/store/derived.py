"""Files that are computed from frames once and kept: named by their origin, written atomically."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from vadkit.errors import DataError
from vadkit.files import remove_leftovers, write_whole

# Part of every key: increase it when the content of the files changes.
_FORMAT = "1"
Progress = Callable[[int, int], None]


def key_of(name: str, params: Mapping[str, Any], *more: str) -> str:
    """Return a name from a component, its parameters (with defaults) and other dependencies."""
    text = json.dumps([_FORMAT, name, dict(params), *more], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def counter(progress: Progress | None) -> Progress:
    """Add up the progress of several threads, and report the sums one at a time."""
    lock = threading.Lock()
    done = [0, 0]

    def tell(videos: int, frames: int) -> None:
        with lock:
            done[0] += videos
            done[1] += frames
            if progress is not None:
                progress(*done)

    return tell


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Hold a file's lock, which the operating system releases when the process dies."""
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        raise _not_writable(path, error) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def write_derived(path: Path) -> Iterator[BinaryIO]:
    """Open a file for atomic writing; the lock of ``path`` must be held.

    Raises ``DataError`` if it cannot be written.
    """
    remove_leftovers(path.parent, path.stem)
    try:
        with write_whole(path) as partial, partial.open("wb") as file:
            yield file
    except OSError as error:
        raise _not_writable(path, error) from None


def _not_writable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path} cannot be written: {error.strerror or error}; free space with `vadkit data cache "
        "prune`, or set VADKIT_CACHE to a writable folder"
    )
