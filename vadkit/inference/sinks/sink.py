"""The interface between the detector and the sinks that write its results."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from vadkit.inference.alarms import Event
from vadkit.inference.frame_score import FrameScore
from vadkit.recipe import Zone
from vadkit.scoring.calibration import Calibration
from vadkit.scoring.normal import NormalScores
from vadkit.text import shortened


@dataclass(frozen=True)
class SourceInfo:
    """A video or stream that will be scored: its name, frame rate, (height, width).

    ``normal`` and ``calibration`` are the references of the run, None if it has none. ``zones`` are
    places that do not count.
    """

    name: str
    fps: float
    size: tuple[int, int]
    normal: NormalScores | None = None
    calibration: Calibration | None = None
    zones: tuple[Zone, ...] = ()


@dataclass(frozen=True)
class VideoScores:
    """A video's scores, (N,) float64, NaN for a frame without a score; higher is more abnormal.

    ``times`` (N,) are seconds from the first frame, by default evenly spaced. ``final_label`` names
    the scorers that turned ``raw`` into ``final``, "raw" for none.
    ``same_unit`` says whether both have the method's own unit (see ``chain_keeps_unit``).
    ``labels`` is (N,) bool.
    """

    name: str
    fps: float
    raw: np.ndarray
    final: np.ndarray
    final_label: str = "raw"
    labels: np.ndarray | None = None
    same_unit: bool = False
    times: np.ndarray = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        if self.times is None:
            object.__setattr__(self, "times", np.arange(len(self.raw)) / self.fps)


class Sink(Protocol):
    """Writes the results of a video to a folder, or sends them to another program.

    The constructor is ``(out: Path, *, parameters)``. For each video, ``open`` is called first,
    then ``frame`` for every frame in order from 0, with ``event`` in between. At the end, either
    ``close`` returns the written path, or ``abort`` removes an incomplete file. Files are written
    under a temporary name and renamed; logs of events are appended to.

    ``live`` says that the sink writes immediately, so a stream may be endless: ``close`` then gets
    None as the result. If a sink has ``shows_events = False``, events may come without pictures,
    which saves time.
    """

    live: ClassVar[bool]

    def open(self, info: SourceInfo) -> None: ...

    def frame(self, seen: FrameScore) -> None: ...

    def event(self, event: Event) -> None:
        """Handle an event: called when it begins, and again when it is over.

        ``event.kind`` distinguishes alarms from outages of a camera.
        """
        ...

    def close(self, result: VideoScores | None) -> Path | None: ...

    def abort(self) -> None: ...


class ResultSink:
    """Base class of sinks that need only the finished scores: they write in ``close``."""

    live: ClassVar[bool] = False
    shows_events: ClassVar[bool] = False

    def __init__(self, out: Path) -> None:
        self.out = out
        self.info: SourceInfo | None = None

    def open(self, info: SourceInfo) -> None:
        self.info = info

    def frame(self, seen: FrameScore) -> None:
        """Ignore frames."""

    def event(self, event: Event) -> None:
        """Ignore events."""

    def abort(self) -> None:
        self.info = None


class EventSink:
    """Base class of sinks that need only events, of any number of videos at once.

    ``event`` runs in a separate thread. If it raises an exception, the event counts as not written
    and comes again, so a second call with the same event must do no harm.
    """

    live: ClassVar[bool] = True
    # Whether it sends data to another machine.
    sends: ClassVar[bool] = False

    def __init__(self, out: Path) -> None:
        self.out = out

    def check(self) -> None:
        """Raise an exception if events cannot be written; called before the first frame."""

    def open(self, info: SourceInfo) -> None:
        """Do nothing: each event names its video."""

    def frame(self, seen: FrameScore) -> None:
        """Ignore frames."""

    def close(self, result: VideoScores | None) -> Path | None:
        """Keep what was written; there is no file for a single video."""
        return None

    def abort(self) -> None:
        """Keep what was written."""


def file_for(out: Path, name: str, suffix: str) -> Path:
    """Return the file of a video in the folder ``out``; invalid characters become "_".

    A name that is too long is shortened, and a digest of it is appended.
    """
    stem = re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "video"
    return out / f"{shortened(stem)}{suffix}"
