"""The work on each scored frame and camera event: outages, alarms, the board and the views."""

from __future__ import annotations

import logging
import math
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from vadkit.files import describe_os_error
from vadkit.text import printable
from vadkit.workflows.scene import SceneCheck, read_scene
from vadkit.zones import now_on

if TYPE_CHECKING:
    from vadkit.inference.alarms import Event
    from vadkit.inference.frame_score import FrameScore
    from vadkit.inference.sinks.every import EverySink, Unwritten
    from vadkit.inference.source_output import SourceOutput
    from vadkit.inference.sources.source import Source, SourceEvent
    from vadkit.reports.live_board import Board, Camera
    from vadkit.workflows.detector import Detector

# Seconds between two pictures of a camera for the page, and how long a viewer counts as active.
_PICTURE_S, _LOOKED_S = 0.5, 5.0
_PICTURE_WIDTH = 480
# Seconds to wait for failing sinks at the end.
PATIENCE_S = 5.0
# Seconds after which the delay of the fastest frame is measured anew.
_DRIFT_S = 300.0
_log = logging.getLogger("vadkit.watch")


class View(Protocol):
    """A display of what happens; the board is up to date when its methods are called."""

    def source_event(self, source: str, event: SourceEvent) -> None: ...

    def event(self, event: Event) -> None: ...

    def tick(self) -> None: ...


class SourceDelay:
    """How far scores are behind a live source's own clock.

    A frame's delay is the time since its source took it: the difference between its arrival and its
    time is smallest for the frame that came fastest, which counts as having come at once. It is
    measured anew every few minutes, because the clocks of cameras drift.
    """

    def __init__(self) -> None:
        self._least = self._before = math.inf
        self._until = 0.0

    def of(self, frame_time: float, arrived: float, now: float) -> float:
        """Return the delay in seconds at ``now``; NaN if the arrival of the frame is unknown."""
        if not arrived:
            return math.nan
        if now >= self._until:
            self._before, self._least, self._until = self._least, math.inf, now + _DRIFT_S
        self._least = min(self._least, arrived - frame_time)
        return now - frame_time - min(self._least, self._before)


class Session:
    """Handles scored frames and camera events."""

    def __init__(
        self,
        detector: Detector,
        board: Board,
        views: Sequence[View],
        make_sinks: Mapping[str, Callable[[], EverySink]],
        lost_after_s: float,
        sources: Mapping[str, Source],
        own: Mapping[str, Detector],
    ) -> None:
        from vadkit.inference.outages import Outages

        self.sources = sources
        self._delays = {name: SourceDelay() for name in sources}

        self.detector, self.board, self.views = detector, board, views
        self._own = own
        self.outages = Outages(sources, lost_after_s)
        self.sinks = {name: make_sinks[name]() for name in sources}
        self.outputs: dict[str, SourceOutput] = {}
        self.unwritten: dict[str, list[Unwritten]] = {}
        self._drawn = dict.fromkeys(sources, 0.0)
        self._views_work = True
        self._references = read_scene(detector.run) if detector.run is not None else []
        self._scenes: dict[str, SceneCheck] = {}

    def frame(self, name: str, item: FrameScore) -> None:
        """Handle a scored frame."""
        camera, board, output = self.board.cameras[name], self.board, self.outputs[name]
        self._outage(self.outages.frame(name, item.time))
        events = output.frame(item)
        now = time.monotonic()
        with board.lock:
            # Of a file, a delay means nothing: it is read as fast as it is scored.
            live = self.sources[name].live
            delay = self._delays[name].of(item.time, item.arrived, now) if live else math.nan
            camera.saw(item.time, item.score, delay, output.alarm)
        if now - self._drawn[name] > _PICTURE_S and board.looked_at > now - _LOOKED_S:
            self._drawn[name] = now
            camera.picture = _picture(self.detector, item)
            camera.pictures += 1
        self._tell(events)
        scene = self._scenes.get(name)
        if scene is not None and (said := scene.push(item.time, item.score, item.frame)):
            _log.warning("%s: %s", printable(name), said)
            with board.lock:
                camera.note = said

    def source_event(self, name: str, item: SourceEvent, stopped: bool) -> None:
        """Handle an event of a camera."""
        if item.kind == "opened":
            detector = self._own.get(name, self.detector)
            if self.sources[name].live:
                self._scenes[name] = SceneCheck(self._references, detector.threshold)
                with self.board.lock:
                    self.board.cameras[name].note = ""
            self.outputs[name] = _source_output(detector, name, item, self.sinks[name])
        over = item.kind in ("ended", "failed")
        events = self.outputs[name].finish() if over and name in self.outputs else []
        with self.board.lock:
            _note(self.board.cameras[name], item, stopped)
        self._show(lambda view: view.source_event(name, item))
        self._tell(events)
        self._outage(self.outages.source_event(name, item))
        if over and not self.sinks[name].failing:
            # Otherwise at the end, so that other cameras do not wait for its sinks.
            self._end(name, PATIENCE_S)

    def tick(self) -> None:
        """Handle the passing of time."""
        self._outage(self.outages.due())
        self.board.ticked_at = time.monotonic()
        for name, sinks in self.sinks.items():
            if (camera := self.board.cameras.get(name)) is not None:
                camera.waiting = sinks.waiting
        self._show(lambda view: view.tick())

    def close(self) -> None:
        """End open alarms, then close all sinks, within a few seconds even if some fail."""
        for output in self.outputs.values():
            output.finish()
        until = time.monotonic() + PATIENCE_S
        for name in list(self.sinks):
            self._end(name, max(0.0, until - time.monotonic()))

    def _end(self, name: str, patience_s: float) -> None:
        sinks = self.sinks.pop(name, None)
        if sinks is None:
            return
        self.outputs.pop(name, None)
        sinks.close(None, patience_s)
        if sinks.unwritten:
            self.unwritten[name] = sinks.unwritten

    def _outage(self, events: list[Event]) -> None:
        for event in events:
            if event.source in self.outputs and not event.over:
                # Its alarm is over, because its real end is unknown.
                self._tell(self.outputs[event.source].finish())
            self.sinks[event.source].event(event)
            self._tell([event])

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self.board.event(event.to_dict(), event.snapshot)
            self._show(operator.methodcaller("event", event))

    def _show(self, show: Callable[[View], None]) -> None:
        """Call the views; a full disk under one of their logs does not stop watching."""
        for view in self.views:
            try:
                show(view)
            except BrokenPipeError:
                raise
            except OSError as error:
                if self._views_work:
                    _log.error("output cannot be printed: %s", describe_os_error(error))
                self._views_work = False


def _source_output(
    detector: Detector,
    name: str,
    opened: SourceEvent,
    sinks: EverySink,
) -> SourceOutput:
    from vadkit.inference.sinks.sink import SourceInfo
    from vadkit.inference.source_output import SourceOutput

    assert opened.fps is not None and opened.size is not None
    zones = now_on(detector.zones, camera=name)
    info = SourceInfo(name, opened.fps, opened.size, detector.normal, detector.calibration, zones)
    epoch = time.time() - opened.time
    return SourceOutput(
        info,
        sinks,
        detector.rules,
        epoch=epoch,
        ring=detector.clip_ring(),
        camera=detector.alarms.camera_changes,
    )


def _note(camera: Camera, item: SourceEvent, stopped: bool) -> None:
    """Update the board with an event of a source."""
    if item.kind == "dropped":
        camera.dropped += item.frames
        return
    if item.kind in ("stalled", "lost", "retrying", "failed"):
        camera.trouble = item.message
    states = {"opened": "live", "reconnected": "live"}
    camera.state = states.get(item.kind, item.kind)
    if item.kind == "ended" and stopped:
        camera.state = "stopped"
    camera.message = item.message
    if camera.state != "live":
        camera.alarm, camera.score = False, None


def _picture(detector: Detector, item: FrameScore) -> bytes:
    """Return a small JPEG of a frame with its heat map."""
    import cv2

    from vadkit.inference.clip_ring import jpeg
    from vadkit.reports.annotate import blend_heat, heat_from_map

    frame = item.frame
    high, wide = frame.shape[:2]
    size = (_PICTURE_WIDTH, max(1, round(high * _PICTURE_WIDTH / wide)))
    frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    heat = None if item.map is None else heat_from_map(item.map, detector.normal)
    return jpeg(frame if heat is None else blend_heat(frame, heat))
