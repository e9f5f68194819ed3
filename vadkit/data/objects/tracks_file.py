"""Boxes of tracked people and objects from files of tracks or poses."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from vadkit.data.objects import Boxes
from vadkit.data.objects.tracks import TrackRows, read_tracks
from vadkit.data.videos import Video
from vadkit.errors import DataError


class TracksFile:
    """Boxes from files of tracks or poses; decodes nothing.

    ``files`` are files or folders: MOT text, ``.npz``, or JSON of AlphaPose or COCO key points (see
    the page on tracks). Every video must be in one of them, under its id. The label of a box is the
    number of its track.
    """

    reads_frames = False

    def __init__(self, *, files: Annotated[list[Path], Field(min_length=1)]) -> None:
        self.files = [file.expanduser() for file in files]

    def __call__(self, video: Video, length: int, frames: Iterator[np.ndarray]) -> Boxes:
        """Return the video's boxes; ``DataError`` if no file has it, or for other frames."""
        found = [known[video.id] for known in map(_tracks, self.files) if video.id in known]
        names = ", ".join(map(str, self.files))
        if len(found) != 1:
            what = "is in several files" if found else "is in none of the files"
            raise DataError(f"tracks of video '{video.id}': it {what} of tracks, {names}")
        rows = found[0]
        if len(rows) and rows.frame.max() >= length:
            raise DataError(
                f"{names}: the tracks of video '{video.id}' reach frame {rows.frame.max()}, but it "
                f"has {length} frames, 0 to {length - 1}; they count from 1, or belong to another "
                "version of it"
            )
        return Boxes(rows.frame, rows.xyxy, np.ones(len(rows), np.float32), rows.track)


@functools.lru_cache(maxsize=8)
def _tracks(path: Path) -> dict[str, TrackRows]:
    return read_tracks(path)
