"""The contract between the detector and what writes its results."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from vadkit.errors import VadkitError
from vadkit.inference.alarms import Event
from vadkit.scoring.calibration import Calibration
from vadkit.scoring.normal import NormalScores

T = TypeVar("T")
_log = logging.getLogger("vadkit.sinks")


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
class ScoredFrame:
    """A frame as sinks see it: (H, W, 3) uint8 RGB, ``time`` in seconds of its source's clock.

    ``raw`` is the method's score and ``score`` the live one that thresholds are for, NaN where
    there is none; ``map`` is (h, w), ``alarm`` whether an alarm is on, ``raised_by`` the part whose
    score it is, of a method that has several.
    """

    index: int
    time: float
    frame: np.ndarray
    raw: float
    score: float
    map: np.ndarray | None = None
    alarm: bool = False
    raised_by: str | None = None


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
    """Writes what becomes of a video into a folder, or sends it away.

    The constructor is ``(out: Path, *, parameters)``. For each video come ``open``, then ``frame``
    for every frame from 0 on in order and ``event`` in between, then ``close``, which gives the
    path written, or ``abort``, after which no half-written file is left. Files are written under a
    temporary name and renamed; logs of events are appended to.

    ``live`` says that it writes as it goes, so that a stream need not end: ``close`` then takes
    None for the result.
    """

    live: ClassVar[bool]

    def open(self, info: SourceInfo) -> None: ...

    def frame(self, seen: ScoredFrame) -> None: ...

    def event(self, event: Event) -> None:
        """Take an event: once when it begins, and once more when it is over."""
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

    def frame(self, seen: ScoredFrame) -> None:
        """Frames are not needed."""

    def event(self, event: Event) -> None:
        """Nor are events."""

    def abort(self) -> None:
        self.info = None


class EventSink:
    """Base of the sinks that need only events, of any number of videos at once."""

    live: ClassVar[bool] = True
    # Whether it sends what it gets to another machine.
    sends: ClassVar[bool] = False

    def __init__(self, out: Path) -> None:
        self.out = out

    def open(self, info: SourceInfo) -> None:
        """Events say themselves of which video they are."""

    def frame(self, seen: ScoredFrame) -> None:
        """Frames are not needed."""

    def close(self, result: VideoScores | None) -> Path | None:
        """What events wrote stays; there is no file of a video."""
        return None

    def abort(self) -> None:
        """What events wrote stays."""


class EverySink:
    """Several sinks as one. One that fails is told of once, and left out of the video at hand.

    ``sinks`` come with their names; ``failed`` holds what went wrong, by name.
    """

    def __init__(self, sinks: Sequence[tuple[str, Sink]]) -> None:
        self.sinks = list(sinks)
        self.failed: dict[str, str] = {}
        self._out: set[int] = set()

    def open(self, info: SourceInfo) -> None:
        self.failed, self._out = {}, set()
        self._each(lambda sink: sink.open(info))

    def frame(self, seen: ScoredFrame) -> None:
        self._each(lambda sink: sink.frame(seen))

    def event(self, event: Event) -> None:
        self._each(lambda sink: sink.event(event))

    def close(self, result: VideoScores | None) -> list[Path]:
        """The paths written. Sinks that need a result are aborted where a stream has none."""

        def end(sink: Sink) -> Path | None:
            if result is None and not sink.live:
                sink.abort()
                return None
            return sink.close(result)

        return [path for path in self._each(end) if path is not None]

    def abort(self) -> None:
        self._each(lambda sink: sink.abort())

    def _each(self, do: Callable[[Sink], T]) -> list[T]:
        given = []
        for place, (name, sink) in enumerate(self.sinks):
            if place in self._out:
                continue
            try:
                given.append(do(sink))
            except Exception as error:
                # Whatever it is, the others go on: a full disk must not keep an alarm from a phone.
                said = str(error) if isinstance(error, VadkitError) else repr(error)
                self.failed[name] = said
                self._out.add(place)
                _log.error("sink '%s' failed and is left out of this video: %s", name, said)
                with contextlib.suppress(Exception):
                    sink.abort()
        return given


def file_for(out: Path, name: str, suffix: str) -> Path:
    """The file of a video in the folder ``out``; what a file name cannot hold becomes "_"."""
    stem = re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "video"
    return out / f"{stem}{suffix}"
