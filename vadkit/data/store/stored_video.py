"""One video in the frame store, for reading."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from vadkit.data.store.write import FRAMES_FILE, META_FILE, TIMES_FILE
from vadkit.errors import DataError
from vadkit.files import describe_os_error
from vadkit.reading import read_json

_Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class StoredVideo:
    """A video's frames in the store: ``shape`` is (N, H, W, C), ``first`` is their start.

    ``cuts`` are the frames, counted from ``first``, that no clip may cross to. ``times`` (N,) are
    in seconds from the first frame of the file, None if they are unknown, as for synthetic clips;
    ``fps`` is the usual rate of the file, None for a folder of images, and
    ``source_size`` (height, width) the size of its pictures.
    """

    id: str
    folder: Path
    shape: tuple[int, int, int, int]
    first: int = 0
    cuts: tuple[int, ...] = ()
    times: np.ndarray | None = field(default=None, repr=False, compare=False)
    fps: float | None = None
    source_size: tuple[int, int] | None = None

    def __len__(self) -> int:
        """The number of frames."""
        return self.shape[0]

    @property
    def key(self) -> str:
        """Identifies the content and how its frames are made."""
        return f"{self.folder.name} {self.first} {len(self)}"

    @property
    def frames(self) -> np.ndarray:
        """(N, H, W, C) uint8, memory-mapped and read-only; for inspection."""
        offset = self.first * int(np.prod(self.shape[1:]))
        return np.memmap(self.folder / FRAMES_FILE, np.uint8, "r", offset, self.shape)

    def read(self, start: int, stop: int, out: np.ndarray | None = None) -> np.ndarray:
        """Return frames [start, stop) as (n, H, W, C) uint8, copied into ``out`` if it is given.

        The bytes are read, not mapped: pages of a mapping count as the process's memory, so
        training on a large store would seem to need memory for all of it.
        """
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"frames [{start}, {stop}) of {len(self)}")
        if out is None:
            out = np.empty((stop - start, *self.shape[1:]), np.uint8)
        return read_rows(self.folder / FRAMES_FILE, self.first + start, out)


def read_rows(path: Path, first: int, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (n, ...) with the rows of a file from number ``first`` on.

    Raises ``DataError`` if the file ends too early.
    """
    if not out.size:
        return out
    view, place = out.data.cast("B"), first * out[0].nbytes
    with path.open("rb", buffering=0) as file:
        while view:
            count = os.preadv(file.fileno(), [view], place)
            if not count:
                raise DataError(
                    f"the stored frames in {path} are truncated; "
                    "run: vadkit data cache verify --delete"
                )
            view, place = view[count:], place + count
    return out


class Notes(BaseModel):
    """``meta.json`` of a stored video."""

    shape: tuple[_Count, _Count, _Count, _Count]
    source: str
    crc32: int
    # Earlier versions did not look for cuts.
    cuts: list[int] = []
    # None for a folder of images.
    fps: Annotated[float, Field(gt=0)] | None = None
    source_size: tuple[_Count, _Count] | None = None


def read_notes(folder: Path) -> dict[str, Any]:
    """Return the metadata of a stored video, after checking the length of its frames file.

    Raises ``DataError`` if it is damaged, ``FileNotFoundError`` if there is none.
    """
    frames, advice = folder / FRAMES_FILE, "run: vadkit data cache verify --delete"
    notes: dict[str, Any] = read_json(folder / META_FILE, Notes, advice, error=DataError)
    try:
        size = frames.stat().st_size
    except OSError as error:
        raise DataError(f"stored frames: {describe_os_error(error)}; {advice}") from None
    if size < math.prod(notes["shape"]):
        raise DataError(f"the stored frames in {frames} are truncated; {advice}")
    return notes


def open_stored(
    video: str, folder: Path, part: tuple[int, int | None] | None = None
) -> StoredVideo | None:
    """Return a stored video or a part of one, None if it is not in the store.

    A folder under its final name is always complete. Raises ``DataError`` if the video is shorter
    than the part, or if its metadata is damaged.
    """
    if not (folder / META_FILE).exists():
        return None
    meta = read_notes(folder)
    # Records the last use, for `vadkit data cache prune`.
    with contextlib.suppress(OSError):
        os.utime(folder / META_FILE)
    frames, height, width, planes = meta["shape"]
    start, stop = part or (0, None)
    stop = frames if stop is None else stop
    if not 0 <= start < stop <= frames:
        raise DataError(
            f"video '{video}' is frames {start} to {stop} of {meta['source']}, which has "
            f"{frames} frames; the file is truncated or another version"
        )
    cuts = tuple(cut - start for cut in meta.get("cuts", ()) if start < cut < stop)
    shape = (stop - start, height, width, planes)
    times = _read_times(folder, frames)
    times = None if times is None else times[start:stop]
    size = tuple(meta["source_size"]) if meta.get("source_size") else None
    return StoredVideo(video, folder, shape, start, cuts, times, meta.get("fps"), size)


def _read_times(folder: Path, frames: int) -> np.ndarray | None:
    """Return the times (frames,) of a stored file; None for synthetic clips, which have none."""
    path = folder / TIMES_FILE
    try:
        return read_rows(path, 0, np.empty(frames))
    except FileNotFoundError:
        return None
