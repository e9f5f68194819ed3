"""Watch several cameras with one model, until they end or the user stops it."""

from __future__ import annotations

import contextlib
import logging
import operator
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from vadkit.addresses import mask_address
from vadkit.errors import RecipeError
from vadkit.files import describe_os_error
from vadkit.recipe import Spec
from vadkit.registry import find
from vadkit.signals import stop_signals
from vadkit.workflows.detector import load_detector
from vadkit.workflows.run_sinks import own_sinks

__all__ = [
    "View",
    "load_detector",
    "named_sources",
    "new_board",
    "sinks_of",
    "sinks_of_run",
    "watch",
]

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
# Seconds without a frame after which a camera is lost, and seconds between two checks.
LOST_AFTER_S, _IDLE_S = 15.0, 1.0
# Seconds to wait for failing sinks at the end.
PATIENCE_S = 5.0
_log = logging.getLogger("vadkit.watch")


class View(Protocol):
    """A display of what happens; the board is up to date when its methods are called."""

    def source_event(self, source: str, event: SourceEvent) -> None: ...

    def event(self, event: Event) -> None: ...

    def tick(self) -> None: ...


def named_sources(
    texts: Sequence[str], settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, Source]:
    """Return the sources of ``texts`` by name; ``NAME=SOURCE`` sets a name."""
    from vadkit.inference.sinks.sink import file_for
    from vadkit.inference.sources.find import find_sources

    found: dict[str, Source] = {}
    files: set[Path] = set()
    for text in texts:
        name = None
        match = re.fullmatch(r"([\w][\w .-]*)=(.+)", text)
        if match and not _is_path(text):
            name, text = match.groups()
        new = find_sources([text], settings)
        if name is not None and len(new) > 1:
            raise RecipeError(
                f"'{name}' names {len(new)} sources, {mask_address(text)}; give each its own name"
            )
        for source in new.values():
            label, number = name or source.name, 1
            # Their file names must also differ.
            while file_for(Path(), label, "") in files:
                number += 1
                label = f"{name or source.name}-{number}"
            files.add(file_for(Path(), label, ""))
            source.name = label
            found[label] = source
    return found


def _is_path(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        # Too long for a path, or contains a NUL.
        return False


def new_board(detector: Detector, sources: Mapping[str, Source]) -> Board:
    """Create a board of all sources with the threshold of the detector.

    Raises ``RecipeError`` for a live source if a scorer is not causal.
    """
    from vadkit.reports.live_board import Board

    if any(source.live for source in sources.values()):
        detector.smoothing(live=True)

    board = Board(list(sources), f"vadkit watch: {len(sources)} cameras")
    if detector.rules is not None:
        for camera in board.cameras.values():
            camera.threshold, camera.usual = detector.threshold, detector.usual
    return board


def sinks_of_run(run: Path) -> list[Spec]:
    """Return the sinks of a run's recipe that work with cameras; none for an exported file."""
    kinds: list[tuple[Spec, Any]] = [
        (spec, find("sinks", spec.type).load()) for spec in (own_sinks(run) if run.is_dir() else ())
    ]
    return [spec for spec, kind in kinds if kind.live]


def sinks_of(specs: Sequence[Spec], folder: Path) -> Callable[[], EverySink]:
    """Return a function that creates the sinks of a source; all of them write to ``folder``.

    Raises ``RecipeError`` for a sink that needs the end of a video.
    """
    from vadkit.inference.sinks.build import build_sinks

    for spec in specs:
        kind: Any = find("sinks", spec.type).load()
        if not kind.live:
            raise RecipeError(
                f"sink '{spec.type}' writes when a video ends, but a camera has no end; see "
                "`vadkit list-components sinks` for sinks of alarms"
            )
    build_sinks(specs, folder)  # report invalid sinks now
    return lambda: build_sinks(specs, folder)


def watch(
    detector: Detector,
    sources: Mapping[str, Source],
    board: Board,
    views: Sequence[View] = (),
    *,
    make_sinks: Callable[[], EverySink],
    seconds: float | None = None,
    max_delay_s: float = 0.0,
    lost_after_s: float = LOST_AFTER_S,
) -> dict[str, list[Unwritten]]:
    """Score all sources until they end, ``seconds`` have passed, or a signal requests a stop.

    Then the waiting frames are scored, alarms are ended and sinks are closed; a second signal skips
    this. ``board`` and ``views`` are kept up to date. ``make_sinks`` creates the sinks of a source.
    A source is lost if it gives no frame for ``lost_after_s`` seconds.

    Returns what sinks could not write, by source, for sources with such losses.
    """
    from vadkit.inference.frame_score import FrameScore
    from vadkit.inference.streams import run_streams

    session = _Session(detector, board, views, make_sinks, lost_after_s)
    with (
        _stopping(sources.values(), seconds) as stopped,
        contextlib.closing(
            run_streams(detector, sources, max_delay_s=max_delay_s, idle_s=_IDLE_S)
        ) as items,
    ):
        try:
            for name, item in items:
                if isinstance(item, FrameScore):
                    session.frame(name, item)
                elif item.kind != "idle":
                    session.source_event(name, item, stopped())
                session.tick()
        finally:
            session.close()
    return session.unwritten


class _Session:
    """Handles scored frames and camera events."""

    def __init__(
        self,
        detector: Detector,
        board: Board,
        views: Sequence[View],
        make_sinks: Callable[[], EverySink],
        lost_after_s: float,
    ) -> None:
        from vadkit.inference.outages import Outages

        self.detector, self.board, self.views = detector, board, views
        self.outages = Outages(board.cameras, lost_after_s)
        self.sinks = {name: make_sinks() for name in board.cameras}
        self.outputs: dict[str, SourceOutput] = {}
        self.unwritten: dict[str, list[Unwritten]] = {}
        self._drawn = dict.fromkeys(board.cameras, 0.0)
        self._views_work = True

    def frame(self, name: str, item: FrameScore) -> None:
        """Handle a scored frame."""
        camera, board, output = self.board.cameras[name], self.board, self.outputs[name]
        self._outage(self.outages.frame(name, item.time))
        events = output.frame(item)
        now = time.monotonic()
        with board.lock:
            camera.saw(item.time, item.score, now - item.arrived, output.alarm)
        if now - self._drawn[name] > _PICTURE_S and board.looked_at > now - _LOOKED_S:
            self._drawn[name] = now
            camera.picture = _picture(self.detector, item)
            camera.pictures += 1
        self._tell(events)

    def source_event(self, name: str, item: SourceEvent, stopped: bool) -> None:
        """Handle an event of a camera."""
        if item.kind == "opened":
            self.outputs[name] = _source_output(self.detector, name, item, self.sinks[name])
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
    info = SourceInfo(name, opened.fps, opened.size, detector.normal, detector.calibration)
    epoch = time.time() - opened.time
    return SourceOutput(info, sinks, detector.rules, epoch=epoch, ring=detector.clip_ring())


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


@contextlib.contextmanager
def _stopping(sources: Iterable[Source], seconds: float | None) -> Iterator[Callable[[], bool]]:
    """Close the sources when a signal asks to stop, and after ``seconds``; streams end then."""
    stop = threading.Event()

    def close() -> None:
        stop.set()
        for source in sources:
            source.close()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        # Not here: closing takes locks that the interrupted code may hold.
        threading.Thread(target=close, daemon=True).start()

    timer = threading.Timer(seconds, close) if seconds is not None else None
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, on_signal) for number in stop_signals()}
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield stop.is_set
    finally:
        if timer is not None:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
