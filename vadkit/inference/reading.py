"""Threads that read sources and prepare their frames, two for each source."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping

from vadkit.data.aspect import check_aspect
from vadkit.data.pace import Pacer, pace_note
from vadkit.errors import DataError, PluginError, VadkitError
from vadkit.files import describe_os_error
from vadkit.inference.buffer import Buffer, Closed, FrameBuffer
from vadkit.inference.prepare import prepare
from vadkit.inference.sources.source import OVER, Frame, Source, SourceEvent
from vadkit.inference.stream_state import StreamDetector
from vadkit.inference.window import Prepared

_log = logging.getLogger("vadkit.infer")
Arrivals = Buffer[tuple[str, Prepared | SourceEvent | Exception]]
# Frames that wait for preparation: a few for a file, at least this many for a live source.
_FILE_FRAMES, _LIVE_FRAMES = 8, 16
# Seconds to wait for a thread that hangs in a library.
_JOIN_S = 5.0


@contextlib.contextmanager
def reading(detector: StreamDetector, sources: Mapping[str, Source]) -> Iterator[Arrivals]:
    """Provide a buffer of all items of all sources, by name: prepared frames, events, our errors.

    The last item of each source is an event of the kinds ``OVER``. Everything is closed at the end.
    """
    arrivals: Arrivals = Buffer(max(_FILE_FRAMES, detector.batch_size))
    # A run of frames between two drops should contain several clips.
    room = max(_LIVE_FRAMES, 2 * detector.method.clip.scoring.span)
    buffers = {name: FrameBuffer(room) for name in sources}
    threads = [
        threading.Thread(target=work, name=f"{work.__name__} {name}", args=args, daemon=True)
        for name, source in sources.items()
        for work, args in (
            (_read, (source, buffers[name])),
            (_prepare, (detector, name, source, buffers[name], arrivals)),
        )
    ]
    try:
        for thread in threads:
            thread.start()
        yield arrivals
    finally:
        for name, source in sources.items():
            buffers[name].close()
            source.close()
        arrivals.close()
        for thread in threads:
            thread.join(_JOIN_S)


def _read(source: Source, buffer: FrameBuffer) -> None:
    """Put the output of a source into its buffer, up to an event of the kinds ``OVER``."""
    time, opened, over = 0.0, False, False
    items = source.read()
    try:
        for item in items:
            time, over = item.time, isinstance(item, SourceEvent) and item.kind in OVER
            opened = opened or (isinstance(item, SourceEvent) and item.kind == "opened")
            if isinstance(item, Frame) and not opened:
                raise PluginError(f"source {source.name} gives frames before its event 'opened'")
            if isinstance(item, Frame) and source.live:
                buffer.put_live(item)
            else:
                buffer.put(item)
        if not over:
            buffer.put(SourceEvent("ended", time))
    except Closed:
        pass
    except (Exception, SystemExit) as error:
        with contextlib.suppress(Closed):
            buffer.put(_failure(time, error))
    finally:
        if hasattr(items, "close"):
            items.close()
        buffer.finish()


def _prepare(
    detector: StreamDetector, name: str, source: Source, buffer: FrameBuffer, arrivals: Arrivals
) -> None:
    """Pass on a source's frames after preparation, and its events at once except the last."""
    last: list[SourceEvent | Exception] = []
    time = 0.0
    spec = detector.method.clip.scoring
    pacer = Pacer(spec.fps)

    def frames() -> Iterator[Frame]:
        nonlocal time
        for item in buffer:
            if isinstance(item, Frame):
                time = item.time
                yield item
            elif isinstance(item, Exception) or item.kind in OVER:
                last.append(item)
            else:
                if item.kind == "opened":
                    check_aspect(spec.aspect, item.size)
                if item.kind == "opened" and item.timed:
                    pacer.expect(item.fps, sure=not source.live)
                    if note := pace_note(spec.fps, item.fps, flow=bool(spec.flow)):
                        _log.warning("%s has %s", name, note)
                arrivals.put((name, item))

    try:
        for frame in prepare(frames(), spec, detector.flow, detector.objects, pacer):
            arrivals.put((name, frame))
        for item in last:
            arrivals.put((name, item))
    except Closed:
        pass
    except (Exception, SystemExit) as error:
        with contextlib.suppress(Closed):
            arrivals.put((name, _failure(time, error)))
    finally:
        buffer.close()


def _failure(time: float, error: Exception | SystemExit) -> SourceEvent | Exception:
    """Return an error of a source as an event, and an error of ours unchanged."""
    if isinstance(error, OSError):
        error = DataError(describe_os_error(error))
    elif isinstance(error, SystemExit):
        error = PluginError(f"a component of a source tried to exit the program: {error!r}")
    if isinstance(error, VadkitError):
        return SourceEvent("failed", time, str(error), error=error)
    return error
