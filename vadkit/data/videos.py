"""What a dataset yields and what a method asks for, as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

Split = Literal["train", "test"]


@dataclass(frozen=True)
class Track:
    """One abnormal object over time, as RBDC and TBDC need it.

    ``frames`` (n,) are 0-based and ascending; ``boxes`` (n, 4) are x1, y1, x2, y2 in pixels of
    the source.
    """

    frames: np.ndarray
    boxes: np.ndarray


@dataclass(frozen=True)
class Video:
    """One video of a dataset.

    ``path`` is a video file or a folder of images, ``part`` the 0-based half-open range of its
    frames that the video is, the whole of it by default (end None: to the last frame).
    ``labels(frames)`` gives a bool array of exactly ``frames`` values, True where a frame is
    abnormal, and raises ``DataError`` when the labels speak of another length. ``masks()`` gives
    bool (N, H, W) and ``tracks()`` the abnormal objects, both at the source's resolution.
    ``abnormal`` says whether any frame is, and ``category`` what kind of anomaly it shows, where a
    dataset tells that of whole videos.
    """

    id: str
    split: Split
    path: Path
    labels: Callable[[int], np.ndarray] | None = None
    masks: Callable[[], np.ndarray] | None = None
    tracks: Callable[[], list[Track]] | None = None
    part: tuple[int, int | None] | None = None
    abnormal: bool | None = None
    category: str | None = None


@dataclass(frozen=True)
class ClipSpec:
    """Which frames a method looks at together, and which of them get a score.

    A clip is ``frames`` frames, ``step`` apart, resized to ``size`` (height, width). ``scored``
    lists the offsets, in clip frames from 0, that the method scores. Pixels reach the method
    scaled to ``range``. Of the frames the last ``ahead`` are for training alone: what a method
    learns to predict but does not score. ``flow`` lists the offsets of frames whose optical flow
    from the frame before the method takes, for training alone where ``flow_trains``; ``boxes`` is
    the offset of the frame whose objects it takes, None where it takes none. ``given`` names the
    components of the method, by their place in its parameters (``features.0``), that read rows of
    features from files; they are those of the last frame scored.
    """

    frames: int
    size: tuple[int, int]
    channels: Literal["rgb", "gray"]
    scored: tuple[int, ...]
    step: int = 1
    range: tuple[float, float] = (0.0, 1.0)
    ahead: int = 0
    flow: tuple[int, ...] = ()
    flow_trains: bool = False
    boxes: int | None = None
    given: tuple[str, ...] = ()

    @property
    def scoring(self) -> ClipSpec:
        """The clip as ``Method.score`` takes it, without what is for training alone."""
        flow = () if self.flow_trains else self.flow
        return replace(self, frames=self.frames - self.ahead, ahead=0, flow=flow, flow_trains=False)

    @property
    def span(self) -> int:
        """Frames of video that one clip covers."""
        return (self.frames - 1) * self.step + 1

    @property
    def planes(self) -> int:
        """Channels of one frame: 3 for rgb, 1 for gray."""
        return 3 if self.channels == "rgb" else 1
