"""Rows of numbers of the tracked people of each frame, from files of tracks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from vadkit.data.objects.tracks import TrackRows, read_tracks
from vadkit.data.segments.people import PERSON, person_rows
from vadkit.data.segments.video import SegmentVideo
from vadkit.data.videos import Video
from vadkit.errors import DataError, RecipeError


class TrackFiles:
    """Tracked people of each frame, for ``track-density``; no video is needed.

    ``files`` are files or folders of tracks: MOT text, ``.npz``, or JSON of AlphaPose or COCO. A
    video must be in one of them. ``size`` is the height and width of the pictures that the boxes
    were measured in. The speed of a person is measured over the last ``past`` frames. Of more than
    ``people`` in a frame, the tallest are kept. ``scenes`` takes the digits at the beginning of a
    video's name, up to the first other character, as the number of its camera: 01 for 01_0014.
    """

    from_file: ClassVar[bool] = True

    def __init__(
        self,
        *,
        files: Annotated[list[Path], Field(min_length=1)],
        size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
        past: Annotated[int, Field(ge=1)] = 12,
        people: Annotated[int, Field(ge=1, le=1000)] = 16,
        scenes: bool = False,
    ) -> None:
        self.files = [file.expanduser() for file in files]
        self.size, self.past, self.people, self.scenes = size, past, people, scenes

    def open(self) -> TrackFiles:
        """Return this set; the files are read when videos are asked for."""
        return self

    def videos(self, videos: Sequence[Video], frames: Mapping[str, int]) -> list[SegmentVideo]:
        """Return the people of videos; ``frames`` are numbers of frames where they are known.

        Raises ``DataError`` if a video is in no file, or has tracks after its last frame.
        """
        known: dict[str, TrackRows] = {}
        for file in self.files:
            for name, rows in read_tracks(file).items():
                if name in known:
                    raise DataError(f"{file} has tracks of video '{name}', as a file before does")
                known[name] = rows
        return [self._video(video, known, frames.get(video.id)) for video in videos]

    def _video(
        self, video: Video, known: Mapping[str, TrackRows], frames: int | None
    ) -> SegmentVideo:
        rows = known.get(video.id) or known.get(Path(video.id).name)
        if rows is None:
            names = ", ".join(str(file) for file in self.files)
            raise DataError(
                f"{names}: no tracks of video '{video.id}'; they have {len(known)} videos, such as "
                f"{', '.join(list(known)[:4]) or 'none'}"
            )
        last = int(rows.frame.max()) if len(rows) else -1
        if frames is None and last < 0:
            raise DataError(
                f"video '{video.id}' has no tracks, and nothing tells its number of frames; give "
                "a data set that does"
            )
        if frames is not None and last >= frames:
            raise DataError(
                f"the tracks of video '{video.id}' reach frame {last}, but it has {frames} frames, "
                f"0 to {frames - 1}; the tracks count from 1, or belong to another version of it"
            )
        count = frames if frames is not None else last + 1
        shape = (count, 1, 1 + self.people * PERSON)
        return SegmentVideo(
            video.id,
            self._key(rows, count),
            shape,
            partial(self._load, rows, count, self._scene(video.id)),
            count,
            1,
            video.abnormal,
            video.category,
        )

    def _load(self, rows: TrackRows, frames: int, scene: int, crop: int) -> np.ndarray:
        people = person_rows(rows, frames, self.size, self.past, self.people)
        return np.column_stack([np.full(frames, scene, np.float32), people])

    def _scene(self, name: str) -> int:
        if not self.scenes:
            return 0
        found = re.match(r"\d+", Path(name).name)
        if found is None:
            raise RecipeError(
                f"features: the name of video '{name}' does not begin with the number of its "
                "camera; set features.scenes: false"
            )
        return int(found[0])

    def _key(self, rows: TrackRows, frames: int) -> str:
        content = hashlib.blake2b(digest_size=12)
        for array in (rows.frame, rows.track, rows.xyxy):
            content.update(np.ascontiguousarray(array).tobytes())
        content.update(f"{frames} {self.size} {self.past} {self.people} {self.scenes}".encode())
        return content.hexdigest()
