"""Write one video into the frame store: atomically, by one process at a time."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.data.decoding.child import Worker
from vadkit.data.decoding.decode import decode_to_file, probe
from vadkit.errors import DataError
from vadkit.files import remove_leftovers, write_whole_folder

if TYPE_CHECKING:
    from vadkit.data.store.settings import Settings

FRAMES_FILE, TIMES_FILE, META_FILE = "frames.u8", "times.f64", "meta.json"


def write_video(
    path: Path,
    cache: Path,
    key: str,
    settings: Settings,
    worker: Worker,
    progress: Callable[[int], None],
) -> None:
    """Decode a file into ``cache/key``, unless another process has done this in the meantime.

    It is written under another name and renamed when it is complete and on disk, so a killed
    process leaves nothing under a final name. ``progress`` is called with numbers of new frames.
    """
    with _one_at_a_time(cache, key):
        if (cache / key / META_FILE).is_file():
            return
        remove_leftovers(cache, key)
        try:
            with write_whole_folder(cache / key) as folder:
                _write(path, folder, settings, worker, progress)
        except OSError as error:
            raise DataError(_no_room(path, cache, error)) from None


def _write(
    path: Path,
    folder: Path,
    settings: Settings,
    worker: Worker,
    progress: Callable[[int], None],
) -> None:
    frames = folder / FRAMES_FILE

    def on_disk(count: int) -> None:
        # Flushed while the child decodes, so that little is left to flush at the end.
        _flush(frames)
        progress(count)

    decoded = decode_to_file(
        path,
        frames,
        readers=settings.readers,
        size=settings.size,
        channels=settings.channels,
        plugins=settings.plugins,
        stall_s=settings.stall_s,
        levels=settings.levels,
        worker=worker,
        progress=on_disk,
    )
    fps, size = rate_and_size(path, settings, worker)
    np.array(decoded.times).tofile(folder / TIMES_FILE)
    meta = {
        "shape": [decoded.frames, *settings.size, settings.planes],
        "channels": settings.channels,
        "source": str(path.absolute()),
        "readers": decoded.readers,
        "crc32": decoded.crc,
        "cuts": decoded.cuts,
        "fps": fps,
        "source_size": size,
        "created": time.time(),
    }
    (folder / META_FILE).write_text(json.dumps(meta), encoding="utf-8")


def rate_and_size(
    path: Path, settings: Settings, worker: Worker
) -> tuple[float | None, tuple[int, int] | None]:
    """Return the usual frames per second of a file and the size (height, width) of its pictures.

    A folder of images has no rate; both are None for a file that only a plugin can read.
    """
    try:
        info = probe(path, stall_s=settings.stall_s, worker=worker)
    except DataError:
        return None, None
    return None if path.is_dir() else info.fps, info.size


def _flush(path: Path) -> None:
    """Wait until the content of a file is on disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _one_at_a_time(cache: Path, key: str) -> Iterator[None]:
    """Hold the lock of a key, which the operating system releases when the process dies."""
    from filelock import FileLock

    try:
        (cache / "locks").mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache / "locks" / f"{key}.lock")
        lock.acquire()
    except OSError as error:
        raise DataError(
            f"the frame store cannot write to {cache}: {error.strerror}; "
            "set VADKIT_CACHE to a writable folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _no_room(path: Path, cache: Path, error: OSError) -> str:
    free = shutil.disk_usage(cache).free
    advice = (
        "the disk is full; free space with `vadkit data cache prune`, set VADKIT_CACHE to a larger "
        "disk, or set data.store to none"
        if error.errno in (errno.ENOSPC, errno.EDQUOT)
        else "set VADKIT_CACHE to a writable folder"
    )
    return (
        f"storing the frames of {path} failed: {error.strerror}, with {free / 2**30:.2f} GiB free "
        f"in {cache}: {advice}"
    )
