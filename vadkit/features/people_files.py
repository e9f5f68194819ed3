"""Rows of numbers of the tracked people of each frame, from files; the base of its kinds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from vadkit.data.segments.video import SegmentVideo
from vadkit.data.videos import Video
from vadkit.errors import DataError

T = TypeVar("T")


class PeopleFiles:
    """Finds the people of each video in files, and makes a row of numbers for each frame.

    A kind of files sets ``files``, and implements ``read``, ``arrays``, ``load`` and ``settings``.
    """

    from_file: ClassVar[bool] = True
    # What the files contain, for messages.
    content: ClassVar[str]
    files: list[Path]
    # The number of values in a row.
    dim: int

    def open(self) -> Self:
        """Return this set; the files are read when videos are asked for."""
        return self

    def read(self, file: Path) -> Mapping[str, Any]:
        """Return the people of each video in a file or folder, with ``frame`` (n,)."""
        raise NotImplementedError

    def arrays(self, people: Any) -> Sequence[np.ndarray]:
        """Return the arrays that identify what is known of a video."""
        raise NotImplementedError

    def load(self, people: Any, frames: int, video: str) -> np.ndarray:
        """Return the rows (frames, dim) of a video."""
        raise NotImplementedError

    def settings(self) -> str:
        """Return the settings that change rows."""
        raise NotImplementedError

    def videos(self, videos: Sequence[Video], frames: Mapping[str, int]) -> list[SegmentVideo]:
        """Return the people of videos; ``frames`` are numbers of frames where they are known.

        Raises ``DataError`` if a video is in no file, or has people after its last frame.
        """
        known = read_all(self.files, self.read, self.content)
        return [self._video(video, known, frames.get(video.id)) for video in videos]

    def _video(self, video: Video, known: Mapping[str, Any], frames: int | None) -> SegmentVideo:
        people = known_of(video, known)
        if people is None:
            names = ", ".join(str(file) for file in self.files)
            raise DataError(
                f"{names}: no {self.content} of video '{video.id}'; they have {len(known)} videos, "
                f"such as {', '.join(list(known)[:4]) or 'none'}"
            )
        last = int(people.frame.max()) if len(people) else -1
        if frames is None and last < 0:
            raise DataError(
                f"video '{video.id}' has no {self.content}, and nothing tells its number of "
                "frames; give a data set that does"
            )
        if frames is not None and last >= frames:
            raise DataError(
                f"the {self.content} of video '{video.id}' reach frame {last}, but it has {frames} "
                f"frames, 0 to {frames - 1}; the {self.content} count from 1, or belong to another "
                "version of it"
            )
        count = frames if frames is not None else last + 1
        return SegmentVideo(
            video.id,
            self._key(people, count),
            (count, 1, self.dim),
            partial(self._load, people, count, video.id),
            count,
            1,
            video.abnormal,
            video.category,
        )

    def _load(self, people: Any, frames: int, video: str, crop: int) -> np.ndarray:
        return self.load(people, frames, video)

    def _key(self, people: Any, frames: int) -> str:
        content = hashlib.blake2b(digest_size=12)
        for array in self.arrays(people):
            content.update(np.ascontiguousarray(array).tobytes())
        content.update(f"{frames} {self.settings()}".encode())
        return content.hexdigest()


def read_all(
    files: Sequence[Path], read: Callable[[Path], Mapping[str, T]], content: str
) -> dict[str, T]:
    """Return what files have of each video; ``DataError`` if two have the same video."""
    known: dict[str, T] = {}
    for file in files:
        for name, people in read(file).items():
            if name in known:
                raise DataError(f"{file} has {content} of video '{name}', as a file before does")
            known[name] = people
    return known


def known_of(video: Video, known: Mapping[str, T]) -> T | None:
    """Return what is known of a video, by its id or else its name without folders."""
    return known.get(video.id, known.get(Path(video.id).name))
