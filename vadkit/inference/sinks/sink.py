"""The contract between the detector and what writes its results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from vadkit.inference.alarms import Event
from vadkit.inference.frame_score import FrameScore
from vadkit.scoring.calibration import Calibration
from vadkit.scoring.normal import NormalScores
from vadkit.text import shortened


@dataclass(frozen=True)
class SourceInfo:
    """A video or stream about to be scored: its name, frame rate, (height, width).

    ``normal`` and ``calibration`` are the run's references, None where it has none.
    """

    name: str
    fps: float
    size: tuple[int, int]
    normal: NormalScores | None = None
    calibration: Calibration | None = None


@dataclass(frozen=True)
class VideoScores:
    """A video's scores, (N,) float64 each, NaN where a frame has none; higher is more abnormal.

    ``final_label`` names the scorers that made ``final`` of ``raw``, "raw" for none; ``same_unit``
    says whether both are in the method's own unit (see ``chain_keeps_unit``). ``labels`` is (N,)
    bool.
    """

    name: str
    fps: float
    raw: np.ndarray
    final: np.ndarray
    final_label: str = "raw"
    labels: np.ndarray | None = None
    same_unit: bool = False


class Sink(Protocol):
    """Writes the results of a video to a folder, or sends them to another program.

    The constructor is ``(out: Path, *, parameters)``. For each video come ``open``, then ``frame``
    for every frame from 0 on in order and ``event`` in between, then ``close``, which gives the
    path written, or ``abort``, after which no half-written file is left. Files are written under a
    temporary name and renamed; logs of events are appended to.

    ``live`` says that it writes as it goes, so that a stream need not end: ``close`` then takes
    None for the result.
    """

    live: ClassVar[bool]

    def open(self, info: SourceInfo) -> None: ...

    def frame(self, seen: FrameScore) -> None: ...

    def event(self, event: Event) -> None:
        """Take an event: once when it begins, and once more when it is over.

        ``event.kind`` tells alarms from outages of a camera.
        """
        ...

    def close(self, result: VideoScores | None) -> Path | None: ...

    def abort(self) -> None: ...


class ResultSink:
    """Base of the sinks that need only the finished scores: they write in ``close``."""

    live: ClassVar[bool] = False

    def __init__(self, out: Path) -> None:
        self.out = out
        self.info: SourceInfo | None = None

    def open(self, info: SourceInfo) -> None:
        self.info = info

    def frame(self, seen: FrameScore) -> None:
        """Frames are not needed."""

    def event(self, event: Event) -> None:
        """Nor are events."""

    def abort(self) -> None:
        self.info = None


class EventSink:
    """Base of the sinks that need only events, of any number of videos at once.

    ``event`` is called in a thread of its own. It raises where an event could not be written, and
    then gets the same one again, so it must not matter that it comes twice.
    """

    live: ClassVar[bool] = True
    # Whether it sends what it gets to another machine.
    sends: ClassVar[bool] = False

    def __init__(self, out: Path) -> None:
        self.out = out

    def check(self) -> None:
        """Raise where events cannot be written; called before the first frame."""

    def open(self, info: SourceInfo) -> None:
        """Events say themselves of which video they are."""

    def frame(self, seen: FrameScore) -> None:
        """Frames are not needed."""

    def close(self, result: VideoScores | None) -> Path | None:
        """What events wrote stays; there is no file of a video."""
        return None

    def abort(self) -> None:
        """What events wrote stays."""


def file_for(out: Path, name: str, suffix: str) -> Path:
    """The file of a video in the folder ``out``; what a file name cannot hold becomes "_".

    Of a name too long for a disk the beginning stands, and a digest of it.
    """
    stem = re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "video"
    return out / f"{shortened(stem)}{suffix}"
