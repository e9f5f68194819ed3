"""One video in the frame store, as its readers see it."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vadkit.data.store_write import FRAMES_FILE, META_FILE
from vadkit.errors import DataError


@dataclass(frozen=True)
class StoredVideo:
    """A video's frames in the store: ``shape`` is (N, H, W, C), ``first`` where they begin."""

    id: str
    folder: Path
    shape: tuple[int, int, int, int]
    first: int = 0

    def __len__(self) -> int:
        """Number of frames."""
        return self.shape[0]

    @property
    def key(self) -> str:
        """Names the content and how its frames are made."""
        return f"{self.folder.name} {self.first} {len(self)}"

    @property
    def frames(self) -> np.ndarray:
        """(N, H, W, C) uint8, memory-mapped and read-only; for looking around."""
        offset = self.first * int(np.prod(self.shape[1:]))
        return np.memmap(self.folder / FRAMES_FILE, np.uint8, "r", offset, self.shape)

    def read(self, start: int, stop: int, out: np.ndarray | None = None) -> np.ndarray:
        """Frames [start, stop) as (n, H, W, C) uint8, copied into ``out`` where it is given.

        The bytes are read, not mapped: pages of a mapping count as the process's memory, and
        training on a large store would seem to need all of it.
        """
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"frames [{start}, {stop}) of {len(self)}")
        if out is None:
            out = np.empty((stop - start, *self.shape[1:]), np.uint8)
        return read_rows(self.folder / FRAMES_FILE, self.first + start, out)


def read_rows(path: Path, first: int, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (n, ...) with the rows of a file from number ``first`` on.

    Raises ``DataError`` when the file ends too early.
    """
    if not out.size:
        return out
    view, place = out.data.cast("B"), first * out[0].nbytes
    with path.open("rb", buffering=0) as file:
        while view:
            count = os.preadv(file.fileno(), [view], place)
            if not count:
                raise DataError(
                    f"the stored frames in {path} are cut short; "
                    "run: vadkit data cache verify --delete"
                )
            view, place = view[count:], place + count
    return out


def open_stored(
    video: str, folder: Path, part: tuple[int, int | None] | None = None
) -> StoredVideo | None:
    """A stored video or a part of one, None when it is not in the store.

    A folder under its final name is always whole. Raises ``DataError`` when it is shorter than
    the part.
    """
    try:
        meta = json.loads((folder / META_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    # Says when it was last used, for `vadkit data cache prune`.
    with contextlib.suppress(OSError):
        os.utime(folder / META_FILE)
    frames, *rest = meta["shape"]
    start, stop = part or (0, None)
    stop = frames if stop is None else stop
    if not 0 <= start < stop <= frames:
        raise DataError(
            f"video '{video}' is frames {start} to {stop} of {meta['source']}, which has "
            f"{frames} frames; the file is cut or another version"
        )
    return StoredVideo(video, folder, (stop - start, *rest), start)
