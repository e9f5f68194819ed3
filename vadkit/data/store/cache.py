"""The content of the frame store: list it, check it, and free space."""

from __future__ import annotations

import contextlib
import shutil
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vadkit.data.store.stored_video import Notes
from vadkit.data.store.write import FRAMES_FILE, META_FILE
from vadkit.errors import TrainingError
from vadkit.reading import read_json

# A temporary folder younger than this may belong to a process that is still writing.
_YOUNG_S = 3600.0
_PIECE = 16 << 20
# The prefix of the sources of synthetic clips.
PSEUDO = "pseudo-anomaly"


@dataclass(frozen=True)
class Entry:
    """One video in the store; ``used`` is when it was last opened, in seconds since 1970."""

    folder: Path
    source: str
    shape: tuple[int, int, int, int]
    bytes: int
    used: float


def entries(cache: Path) -> list[Entry]:
    """Return every stored video, the last used first; one with damaged metadata has no frames."""
    found = []
    for meta_file in cache.glob(f"*/{META_FILE}"):
        folder = meta_file.parent
        if folder.name.startswith("."):
            continue
        meta = _read_meta(folder)
        frames, height, width, planes = meta.get("shape", (0, 0, 0, 0))
        shape = (frames, height, width, planes)
        # Another process may remove the video or finish its flow at the same time.
        with contextlib.suppress(FileNotFoundError):
            size = sum(path.stat().st_size for path in folder.iterdir() if path.name[0] != ".")
            used = meta_file.stat().st_mtime
            found.append(Entry(folder, str(meta.get("source", "unknown")), shape, size, used))
    return sorted(found, key=lambda entry: -entry.used)


def damage(entry: Entry) -> str | None:
    """Return the damage of a stored video, from its length and checksum; None if it is intact."""
    meta = _read_meta(entry.folder)
    if not meta:
        return f"{META_FILE} is damaged"
    frames, height, width, planes = entry.shape
    expected = frames * height * width * planes
    try:
        size = (entry.folder / FRAMES_FILE).stat().st_size
        if size != expected:
            return f"{FRAMES_FILE} has {size} bytes instead of {expected}"
        crc = 0
        with (entry.folder / FRAMES_FILE).open("rb") as file:
            while piece := file.read(_PIECE):
                crc = zlib.crc32(piece, crc)
    except OSError as error:
        return f"{FRAMES_FILE} cannot be read: {error.strerror}"
    return None if crc == meta["crc32"] else f"the bytes of {FRAMES_FILE} have changed"


def remove(entry: Entry) -> None:
    """Delete a stored video; it is decoded again when it is needed."""
    # Without its metadata it is no longer in the store, even if deleting the rest takes a while.
    (entry.folder / META_FILE).unlink(missing_ok=True)
    shutil.rmtree(entry.folder, ignore_errors=True)


def remove_leftovers(cache: Path) -> int:
    """Delete what killed processes left behind; return the number of freed bytes."""
    freed = 0
    for folder in cache.glob(".*/"):
        with contextlib.suppress(OSError):
            files = [path.stat() for path in folder.iterdir()]
            newest = max((stat.st_mtime for stat in files), default=folder.stat().st_mtime)
            if time.time() - newest > _YOUNG_S:
                freed += sum(stat.st_size for stat in files)
                shutil.rmtree(folder)
    return freed


def boxes_bytes(cache: Path) -> int:
    """Return the size of all object boxes, over all videos."""
    return sum(path.stat().st_size for path in cache.glob("objects/*.npz"))


def remove_boxes(cache: Path, older_than_days: float = 0.0) -> int:
    """Delete object boxes not used for this many days; return the number of freed bytes."""
    freed = 0
    for path in cache.glob("objects/*.npz"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            if time.time() - status.st_mtime >= older_than_days * 86400:
                path.unlink()
                freed += status.st_size
    return freed


def to_prune(
    found: list[Entry], *, older_than_days: float | None, keep_bytes: int | None
) -> list[Entry]:
    """Return entries not used for so many days, and the least recently used until the rest fits."""
    now = time.time()
    chosen, kept = [], 0
    for entry in sorted(found, key=lambda entry: -entry.used):
        old = older_than_days is not None and now - entry.used > older_than_days * 86400
        full = keep_bytes is not None and kept + entry.bytes > keep_bytes
        if old or full:
            chosen.append(entry)
        else:
            kept += entry.bytes
    return chosen


def _read_meta(folder: Path) -> dict[str, Any]:
    """Return the metadata of a folder, empty if it is damaged."""
    try:
        notes: dict[str, Any] = read_json(folder / META_FILE, Notes, "delete it")
    except (OSError, TrainingError):
        return {}
    return notes
