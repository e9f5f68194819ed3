"""Watch several cameras with one model, until they end or the user stops it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from vadkit.signals import stop_signals
from vadkit.workflows.watch.session import Session, View

if TYPE_CHECKING:
    from vadkit.inference.sinks.every import EverySink, Unwritten
    from vadkit.inference.sources.source import Source
    from vadkit.reports.live_board import Board
    from vadkit.workflows.detector import Detector

# Seconds without a frame after which a camera is lost, and seconds between two checks.
LOST_AFTER_S, _IDLE_S = 15.0, 1.0


def watch(
    detector: Detector,
    sources: Mapping[str, Source],
    board: Board,
    views: Sequence[View] = (),
    *,
    make_sinks: Callable[[], EverySink] | Mapping[str, Callable[[], EverySink]],
    own: Mapping[str, Detector] | None = None,
    seconds: float | None = None,
    max_delay_s: float = 0.0,
    lost_after_s: float = LOST_AFTER_S,
) -> dict[str, list[Unwritten]]:
    """Score all sources until they end, ``seconds`` have passed, or a signal requests a stop.

    Then the waiting frames are scored, alarms are ended and sinks are closed; a second signal skips
    this. ``board`` and ``views`` are kept up to date. ``make_sinks`` creates the sinks of a source,
    by name if it is a mapping. ``own`` has detectors with other rules of alarms, by source. A
    source is lost if it gives no frame for ``lost_after_s`` seconds.

    Returns what sinks could not write, by source, for sources with such losses.
    """
    from vadkit.device import few_threads
    from vadkit.inference.frame_score import FrameScore
    from vadkit.inference.streams import run_streams

    if not isinstance(make_sinks, Mapping):
        make_sinks = dict.fromkeys(sources, make_sinks)
    session = Session(detector, board, views, make_sinks, lost_after_s, sources, own or {})
    with (
        few_threads(detector.method, detector.device),
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
