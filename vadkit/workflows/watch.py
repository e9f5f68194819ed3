"""Watching cameras: several sources through one model, until they end or somebody stops it."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from vadkit.errors import RecipeError
from vadkit.recipe import Spec
from vadkit.registry import find
from vadkit.workflows.infer import load_detector
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
    from vadkit.inference.detector import Detector
    from vadkit.inference.lane import FrameScore
    from vadkit.inference.outlet import Outlet
    from vadkit.inference.sinks.sink import EverySink
    from vadkit.inference.sources.source import Source, SourceEvent
    from vadkit.reports.live_board import Board, Camera

# Seconds between two pictures of a camera for the page, and for how long nobody may have looked.
_PICTURE_S, _LOOKED_S = 0.5, 5.0
_PICTURE_WIDTH = 480


class View(Protocol):
    """Somebody who is shown what happens; the board is up to date when these are called."""

    def told(self, source: str, event: SourceEvent) -> None: ...

    def alarm(self, event: Event) -> None: ...

    def tick(self) -> None: ...


def named_sources(
    texts: Sequence[str], settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, Source]:
    """The sources behind ``texts`` by name; ``NAME=SOURCE`` names one."""
    from vadkit.inference.sources.find import find_sources

    found: dict[str, Source] = {}
    for text in texts:
        name = None
        match = re.fullmatch(r"([\w][\w .-]*)=(.+)", text)
        if match and not Path(text).exists():
            name, text = match.groups()
        new = find_sources([text], settings)
        if name is not None and len(new) > 1:
            raise RecipeError(f"'{name}' names {len(new)} sources, {text}; name them one by one")
        for source in new.values():
            label, number = name or source.name, 1
            while label in found:
                number += 1
                label = f"{name or source.name}-{number}"
            source.name = label
            found[label] = source
    return found


def new_board(detector: Detector, sources: Mapping[str, Source]) -> Board:
    """A board of all sources with the threshold of the detector.

    Raises ``RecipeError`` for a live source where a scorer looks ahead.
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
    """The sinks of a run's recipe that can follow a camera; none for an exported file."""
    kinds: list[tuple[Spec, Any]] = [
        (spec, find("sinks", spec.type).load()) for spec in (own_sinks(run) if run.is_dir() else ())
    ]
    return [spec for spec, kind in kinds if kind.live]


def sinks_of(specs: Sequence[Spec], folder: Path) -> Callable[[], EverySink]:
    """A function that makes the sinks of a source; all write to ``folder``.

    Raises ``RecipeError`` for a sink that needs a video to end.
    """
    from vadkit.inference.sinks.build import build_sinks

    for spec in specs:
        kind: Any = find("sinks", spec.type).load()
        if not kind.live:
            raise RecipeError(
                f"sink '{spec.type}' writes when a video ends, which a camera does not; "
                "see `vadkit list-components sinks` for those of alarms"
            )
    build_sinks(specs, folder)
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
) -> None:
    """Score all sources until they end, ``seconds`` are over, or SIGINT or SIGTERM comes.

    Then what is under way is scored, alarms are ended and sinks are closed; a second signal does
    not wait for that. ``board`` and ``views`` are kept up to date. ``make_sinks`` gives the sinks
    of a source.
    """
    from vadkit.inference.lane import FrameScore
    from vadkit.inference.streams import run_streams

    outlets: dict[str, Outlet] = {}
    drawn = dict.fromkeys(sources, 0.0)
    with (
        _stopping(sources.values(), seconds) as stopped,
        contextlib.closing(run_streams(detector, sources, max_delay_s=max_delay_s)) as items,
    ):
        try:
            for name, item in items:
                camera = board.cameras[name]
                if isinstance(item, FrameScore):
                    events = outlets[name].frame(item)
                    now = time.monotonic()
                    with board.lock:
                        delay = now - item.arrived
                        camera.saw(item.time, item.score, delay, outlets[name].alarm)
                    if now - drawn[name] > _PICTURE_S and board.looked_at > now - _LOOKED_S:
                        drawn[name] = now
                        camera.picture = _picture(detector, item)
                        camera.pictures += 1
                else:
                    events = []
                    if item.kind == "opened":
                        outlets[name] = _outlet(detector, name, item, make_sinks())
                    elif item.kind in ("ended", "failed") and name in outlets:
                        events = outlets[name].finish()
                        outlets.pop(name).close()
                    with board.lock:
                        _note(camera, item, stopped())
                    for view in views:
                        view.told(name, item)
                for event in events:
                    board.event(event.to_dict(), event.snapshot)
                    for view in views:
                        view.alarm(event)
                for view in views:
                    view.tick()
        finally:
            for outlet in outlets.values():
                outlet.finish()
                outlet.close()


def _outlet(
    detector: Detector,
    name: str,
    opened: SourceEvent,
    sinks: EverySink,
) -> Outlet:
    from vadkit.inference.outlet import Outlet
    from vadkit.inference.sinks.sink import SourceInfo

    assert opened.fps is not None and opened.size is not None
    info = SourceInfo(name, opened.fps, opened.size, detector.normal, detector.calibration)
    epoch = time.time() - opened.time
    return Outlet(info, sinks, detector.rules, epoch=epoch, ring=detector.clip_ring())


def _note(camera: Camera, item: SourceEvent, stopped: bool) -> None:
    """Put what happened to a source on the board."""
    if item.kind == "dropped":
        camera.dropped += item.frames
        return
    states = {"opened": "live", "reconnected": "live"}
    camera.state = states.get(item.kind, item.kind)
    if item.kind == "ended" and stopped:
        camera.state = "stopped"
    camera.message = item.message
    if camera.state != "live":
        camera.alarm, camera.score = False, None


def _picture(detector: Detector, item: FrameScore) -> bytes:
    """A small JPEG of a frame with its heat."""
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
    """Close the sources on SIGINT and SIGTERM, and after ``seconds``; then the streams end."""
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
        before = {n: signal.signal(n, on_signal) for n in (signal.SIGINT, signal.SIGTERM)}
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
