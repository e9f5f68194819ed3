"""Detections of a run's test split, and the abnormal regions that they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from vadkit.data.videos import FrameReader, Video
    from vadkit.evaluation.regions import Tracks, Truth


class FoundDetections:
    """The detections of stored videos, collected while a method scores their clips.

    ``videos`` are those of the split, and ``size`` is the height and width of a clip.
    """

    def __init__(
        self, stored: Sequence[FrameReader], videos: Sequence[Video], size: tuple[int, int]
    ) -> None:
        self._videos, self._size = stored, size
        self._paths = {video.id: video.path for video in videos}
        self._rows: list[list[tuple[int, Tensor]]] = [[] for _ in stored]

    def takers(self) -> list[Callable[[int, Tensor], None]]:
        """Return for each video the function that takes the detections of a frame."""

        def taker(rows: list[tuple[int, Tensor]]) -> Callable[[int, Tensor], None]:
            return lambda frame, found: rows.append((frame, found))

        return [taker(rows) for rows in self._rows]

    def save(self, run: Path) -> bool:
        """Write the detections of a run's test split; False if the method scores no objects."""
        from vadkit.data.detections import write_detections

        path, found = detections_path(run), self.by_video()
        path.unlink(missing_ok=True)
        if found:
            write_detections(path, found)
        return bool(found)

    def by_video(self) -> dict[str, np.ndarray]:
        """Return rows (n, 6) of all frames in source pixels; {} if the method scores no objects.

        The corners of a box are the centres of its outermost pixels.
        """
        from vadkit.data.decoding.decode import probe
        from vadkit.data.store.paced import frames_scored_as

        if not any(self._rows):
            return {}
        found = {}
        for video, own in zip(self._videos, self._rows, strict=True):
            scale = np.divide(probe(self._paths[video.id]).size, self._size)[::-1]
            tables = [np.empty((0, 6))]
            for number, rows in own:
                table = rows.double().cpu().numpy()
                corners = table[:, :4] * np.tile(scale, 2)
                corners[:, 2:] = np.maximum(corners[:, 2:] - 1, corners[:, :2])
                for frame in frames_scored_as(video, number):
                    frames = np.full(len(table), frame)
                    tables.append(np.column_stack([frames, corners, table[:, 4]]))
            found[video.id] = np.concatenate(tables)
        return found


def detections_path(run: Path) -> Path:
    """Return the file of the detections of a run's test split."""
    return run / "scores" / "test" / "detections.npz"


def truth_of(video: Video) -> Truth:
    """Return the abnormal regions of a video, none if it has neither masks nor tracks."""
    from vadkit.evaluation.regions import Truth, truth_of_masks, truth_of_tracks

    if video.tracks is not None:
        return truth_of_tracks(tracks_of(video))
    if video.masks is not None:
        return truth_of_masks(video.masks())
    none = np.empty(0, np.int64)
    return Truth(none, none, np.empty((0, 4)))


def tracks_of(video: Video) -> Tracks:
    """Return the abnormal objects of a video with tracks."""
    from vadkit.data.decoding.decode import probe
    from vadkit.evaluation.regions import Tracks

    assert video.tracks is not None
    objects = [(track.frames, track.boxes) for track in video.tracks()]
    return Tracks(probe(video.path).size, objects)
