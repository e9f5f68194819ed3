"""Several sources through one method: threads read and prepare, batches hold clips of all."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING

from vadkit.inference.lane import FrameScore, Lane, score_ready
from vadkit.inference.prepare import prepare
from vadkit.inference.reading import reading
from vadkit.inference.sources.source import BROKEN, OVER, Frame, Source, SourceEvent
from vadkit.inference.window import Prepared

if TYPE_CHECKING:
    from vadkit.inference.detector import Detector


def stream_frames(detector: Detector, frames: Iterator[Frame], batch: int) -> Iterator[FrameScore]:
    """Scores of frames that come from the caller's own iterator, in its thread."""
    lane = Lane(detector, batch, live=False)
    spec = detector.method.clip.scoring
    for frame in prepare(frames, spec, detector.flow, detector.objects):
        if frame.missed:
            yield from lane.finish()
        lane.push(frame)
        if len(lane.window.ready) == batch:
            score_ready(detector, [lane])
        yield from lane.release()
    yield from lane.finish()


def run_streams(
    detector: Detector,
    sources: Mapping[str, Source],
    *,
    max_delay: int | None = None,
    max_delay_s: float = 0.0,
    idle_s: float | None = None,
) -> Generator[tuple[str, FrameScore | SourceEvent], None, None]:
    """Score several sources at once; gives the source's name with each frame and event.

    For each source a thread reads and another prepares frames, while this one scores clips of all
    sources in batches; all are read at once. A batch goes when it holds ``batch_size`` clips. Of a
    live source's it goes as soon as no frame waits and its oldest clip has waited for
    ``max_delay_s`` seconds; of files only full batches go, for they can wait. No score comes later
    than ``max_delay`` frames after its frame, if that is given (``RecipeError`` where the method
    needs more).

    Where scoring is slower than a live source, frames are dropped, with an event that counts them;
    a file's wait. Memory is bounded either way. A source that fails ends with the event ``failed``
    and leaves the others running. Frames on either side of a gap share no clip.

    With ``idle_s`` there is an event ``idle`` under the name "" each time that nothing has come for
    so many seconds. Close the iterator to stop; the sources are closed too.
    """
    batch = detector.batch_for(max_delay)
    lanes: dict[str, Lane] = {}
    ended = 0
    with reading(detector, sources) as arrivals:
        while ended < len(sources):
            now = time.monotonic()
            waiting = [lane for lane in lanes.values() if lane.window.ready]
            count = sum(len(lane.window.ready) for lane in waiting)
            due = [lane.waiting_since + max_delay_s for lane in waiting if lane.live]
            late = any(len(lane.window.ready) >= batch for lane in waiting)
            if late or count >= detector.batch_size or (due and min(due) <= now and not arrivals):
                score_ready(detector, waiting)
                for name, lane in lanes.items():
                    for score in lane.release():
                        yield name, score
                continue
            arrived = arrivals.get(min(due) - now if due else idle_s)
            if arrived is None:
                if not due and idle_s is not None:
                    yield "", SourceEvent("idle", 0.0)
                continue
            name, item = arrived
            if isinstance(item, Exception):
                raise item
            if isinstance(item, Prepared):
                if item.missed:
                    for score in lanes[name].finish():
                        yield name, score
                lanes[name].push(item)
                for score in lanes[name].release():
                    yield name, score
                continue
            if item.kind == "opened":
                lanes[name] = Lane(detector, batch, live=sources[name].live)
            elif item.kind in OVER:
                ended += 1
                if name in lanes:
                    for score in lanes.pop(name).finish():
                        yield name, score
            elif item.kind in BROKEN and name in lanes:
                # Frames on either side share no clip: what came before need not wait for more.
                for score in lanes[name].finish():
                    yield name, score
            yield name, item
