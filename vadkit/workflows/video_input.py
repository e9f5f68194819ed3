"""What a detector scores: videos and frames as callers give them, and the scores of a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.arguments import as_path
from vadkit.errors import DataError
from vadkit.inference.sources.find import find_sources
from vadkit.inference.sources.source import Frame, Source
from vadkit.text import printable


@dataclass(frozen=True, repr=False)
class ScoredVideo:
    """The frames of one video, (N,) each: like ``FrameScore``, without pictures and maps.

    ``time`` is in seconds. ``raw`` has the scores of the method and ``score`` the smoothed ones,
    NaN for frames without a score. ``alarm`` says whether ``score`` reaches ``threshold``.
    ``parts`` has the score of each part of a method of several parts.
    """

    time: np.ndarray
    raw: np.ndarray
    score: np.ndarray
    alarm: np.ndarray
    threshold: float
    parts: dict[str, np.ndarray]

    def __repr__(self) -> str:
        scored = int(np.isfinite(self.score).sum())
        peak = ""
        if scored:
            place = int(np.nanargmax(self.score))
            peak = f", peak {self.score[place]:.4g} at {self.time[place]:.2f} s"
        return (
            f"ScoredVideo({len(self.score)} frames, {scored} scored{peak}, "
            f"{int(self.alarm.sum())} at or above the threshold {self.threshold:.4g})"
        )


def one_source(video: str | Path, settings: Mapping[str, Mapping[str, Any]]) -> Source:
    """Return the source of one video or camera; ``DataError`` if there are several videos.

    ``settings`` are parameters of sources, by component.
    """
    # An address must not become a path, which would lose a slash.
    address = video if isinstance(video, str) else str(as_path(video, "video"))
    found = find_sources([address], settings)
    if len(found) > 1:
        raise DataError(
            f"{printable(address)} has {len(found)} videos; give one of them, or use "
            "vadkit.infer for all"
        )
    (source,) = found.values()
    return source


def timed_frames(frames: Iterable[np.ndarray | Frame], fps: float, planes: int) -> Iterator[Frame]:
    """Yield frames with their times; plain arrays come at a rate of ``fps`` per second.

    ``planes`` is the number of channels of the method's clips; such frames are accepted too.
    Raises ``DataError`` for a frame that is not an (H, W, 3) array of uint8.
    """
    for index, frame in enumerate(frames):
        if isinstance(frame, Frame):
            yield frame
            continue
        if not isinstance(frame, np.ndarray):
            raise DataError(
                f"frame {index} must be a NumPy array (H, W, 3); got {type(frame).__name__}"
            )
        if frame.ndim != 3 or frame.shape[2] not in (3, planes) or frame.dtype != np.uint8:
            raise DataError(
                f"frame {index} must be (H, W, 3) of uint8, RGB; got shape {frame.shape} of "
                f"{frame.dtype}"
            )
        yield Frame(index / fps, frame)
