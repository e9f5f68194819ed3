"""Several sources with one method: threads read and prepare, batches contain clips of all."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping

from vadkit.data.pace import Pacer
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.prepare import prepare
from vadkit.inference.reading import reading
from vadkit.inference.sources.source import BROKEN, OVER, Frame, Source, SourceEvent
from vadkit.inference.stream_state import StreamDetector, StreamState, score_ready
from vadkit.inference.window import Prepared


def stream_frames(
    detector: StreamDetector, frames: Iterator[Frame], batch: int, fps: float | None = None
) -> Iterator[FrameScore]:
    """Score frames from the caller's iterator, in its thread; ``fps`` is their rate, if known."""
    stream = StreamState(detector, batch, live=False)
    spec = detector.method.clip.scoring
    pacer = Pacer(spec.fps, fps)
    for frame in prepare(frames, spec, detector.flow, detector.objects, pacer):
        if frame.starts_anew:
            yield from stream.finish()
        stream.push(frame)
        if len(stream.window.ready) == batch:
            score_ready(detector, [stream])
        yield from stream.release()
    yield from stream.finish()


def run_streams(
    detector: StreamDetector,
    sources: Mapping[str, Source],
    *,
    max_delay: int | None = None,
    max_delay_s: float = 0.0,
    idle_s: float | None = None,
) -> Generator[tuple[str, FrameScore | SourceEvent], None, None]:
    """Score several sources at once; yield the source's name with each frame and event.

    For each source, one thread reads and another prepares frames, while this thread scores clips of
    all sources in batches. A batch is scored when it has ``batch_size`` clips. A live source does
    not wait for a full batch: its clips are scored as soon as no frame is waiting and its oldest
    clip has waited for ``max_delay_s`` seconds. If ``max_delay`` is given, a score comes at most
    that many frames after its frame (``RecipeError`` if the method needs more).

    If scoring is slower than a live source, frames are dropped, with an event that counts them;
    frames of a file wait. Memory is bounded in both cases. If a source fails, it ends with the
    event ``failed`` and the others continue. A clip never contains frames from both sides of a gap.

    With ``idle_s``, an event ``idle`` with the name "" comes whenever nothing has come for that
    many seconds. Close the iterator to stop; this also closes the sources.
    """
    batch = detector.batch_for(max_delay)
    streams: dict[str, StreamState] = {}
    ended = 0
    with reading(detector, sources) as arrivals:
        while ended < len(sources):
            now = time.monotonic()
            waiting = [stream for stream in streams.values() if stream.window.ready]
            count = sum(len(stream.window.ready) for stream in waiting)
            due = [stream.waiting_since + max_delay_s for stream in waiting if stream.live]
            late = any(len(stream.window.ready) >= batch for stream in waiting)
            if late or count >= detector.batch_size or (due and min(due) <= now and not arrivals):
                score_ready(detector, waiting)
                for name, stream in streams.items():
                    for score in stream.release():
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
            if isinstance(item, SourceEvent):
                ended += item.kind in OVER
                if item.kind == "opened":
                    live = sources[name].live
                    # Files are not from now, and their own time of day is unknown.
                    epoch = time.time() - item.time if live else None
                    streams[name] = StreamState(detector, batch, live=live, name=name, epoch=epoch)
            for score in _after(streams, name, item):
                yield name, score
            if isinstance(item, SourceEvent):
                yield name, item


def _after(
    streams: dict[str, StreamState], name: str, item: Prepared | SourceEvent
) -> Iterator[FrameScore]:
    """Yield the frames whose scores a frame or an event of their source completes."""
    if isinstance(item, Prepared):
        if item.starts_anew:
            yield from streams[name].finish()
        streams[name].push(item)
        yield from streams[name].release()
    elif item.kind in OVER and name in streams:
        yield from streams.pop(name).finish()
    elif item.kind in BROKEN and name in streams:
        # Clips do not cross the gap, so frames before it need not wait.
        yield from streams[name].finish()
