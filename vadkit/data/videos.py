"""Videos of datasets and clip specs of methods, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

Split = Literal["train", "test"]


@dataclass(frozen=True)
class Track:
    """One abnormal object over time, for RBDC and TBDC.

    ``frames`` (n,) are 0-based and ascending; ``boxes`` (n, 4) are x1, y1, x2, y2 in source pixels.
    """

    frames: np.ndarray
    boxes: np.ndarray


@dataclass(frozen=True)
class Video:
    """One video of a dataset.

    ``path`` is a video file or a folder of images. ``part`` is the 0-based half-open range of its
    frames that the video consists of, by default the whole file (end None: to the last frame).
    ``labels(frames)`` returns a bool array of exactly ``frames`` values, True for abnormal frames,
    and raises ``DataError`` if the labels have another length. ``masks()`` returns bool (N, H, W)
    and ``tracks()`` the abnormal objects, both at the source's resolution. ``abnormal`` says
    whether any frame is abnormal, and ``category`` the kind of anomaly, if a dataset has this for
    whole videos. ``frames`` is the number of frames if the dataset knows it from a list; None if
    only the file tells.
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
    frames: int | None = None


class FrameReader(Protocol):
    """A video whose frames can be read by number: stored, in memory, or decoded on demand."""

    @property
    def id(self) -> str: ...

    @property
    def key(self) -> str:
        """Identifies the content and how its frames are made."""

    @property
    def shape(self) -> tuple[int, int, int, int]: ...

    @property
    def cuts(self) -> Sequence[int]:
        """The frames that no clip may cross to, ascending."""

    @property
    def times(self) -> np.ndarray | None:
        """The times (N,) of the frames in seconds; None if they are unknown."""

    @property
    def fps(self) -> float | None:
        """The usual rate in frames per second; None if it is unknown."""

    @property
    def source_size(self) -> tuple[int, int] | None:
        """The size (height, width) of the pictures in the file; None if it is unknown."""

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int, out: Any = None) -> np.ndarray: ...


@dataclass(frozen=True)
class ClipSpec:
    """The frames that a method uses together, and which of them it scores.

    A clip has ``frames`` frames, ``step`` apart, resized to ``size`` (height, width). ``scored``
    lists the offsets of the scored frames, in clip frames from 0. Pixels are scaled to ``range``.
    The last ``ahead`` frames are only for training: a method learns to predict them but does not
    score them. ``flow`` lists the offsets of frames whose optical flow from the previous frame the
    method needs. ``boxes`` is the offset of the frame whose objects it needs, or None. ``given``
    names the components of the method, by their place in its parameters (``features.0``), that read
    rows of features from files; the rows are those of the last scored frame. ``fps`` is the frame
    rate of clips in training, None if it is unknown; other video is brought to it (see
    ``vadkit.data.pace``). ``aspect`` is the width of training pictures divided by their height,
    None if they differ; pictures of another shape are refused. ``dim`` is the number of features of
    a segment for methods that learn from bags (see ``Bags``), ``classes`` are the kinds of
    anomalies of their training videos, and ``scale`` says how features are scaled; None and () for
    methods that learn from frames. If ``cube`` is the side of a
    crop, training batches have single objects, cut to that size; see
    ``vadkit.data.clips.cubes``.
    """

    frames: int
    size: tuple[int, int]
    channels: Literal["rgb", "gray"]
    scored: tuple[int, ...]
    step: int = 1
    range: tuple[float, float] = (0.0, 1.0)
    ahead: int = 0
    flow: tuple[int, ...] = ()
    boxes: int | None = None
    given: tuple[str, ...] = ()
    fps: float | None = None
    aspect: float | None = None
    dim: int | None = None
    classes: tuple[str, ...] = ()
    scale: Literal["none", "length", "standard"] = "none"
    cube: int | None = None

    @property
    def scoring(self) -> ClipSpec:
        """The clip spec for ``Method.score``, without what is only for training."""
        return replace(self, frames=self.frames - self.ahead, ahead=0)

    @property
    def span(self) -> int:
        """The number of video frames that one clip covers."""
        return (self.frames - 1) * self.step + 1

    @property
    def planes(self) -> int:
        """The number of channels of one frame: 3 for rgb, 1 for gray."""
        return 3 if self.channels == "rgb" else 1
