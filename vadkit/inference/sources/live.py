"""Cameras and network streams: a stall or a broken connection is an event, and never a hang."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from vadkit.addresses import encoding_hint, mask_address, mask_message
from vadkit.data.decoding.child import Failed, Stalled, Worker
from vadkit.data.decoding.worker import OPENED, TIMED
from vadkit.errors import DataError, RecipeError
from vadkit.files import describe_os_error
from vadkit.inference.sources.clock import StreamClock
from vadkit.inference.sources.source import EventKind, Frame, SourceEvent
from vadkit.text import printable

# The limit for counting frames that are missing after an outage.
_MOST_MISSED = 1000
# After a pause of this length, frames do not belong to those before it.
_GAP_S = 2.0
# For cameras of few frames a second, the pause is also longer than this many usual steps.
_GAP_STEPS, _USUAL_STEPS = 3, 9


class LiveSource:
    """The common part of cameras and streams: connect, read, and reconnect.

    A child process reads, so a library that hangs or crashes ends only one connection. A connection
    without a frame for ``stall_s`` seconds is closed. Reconnection starts after ``retry_s``
    seconds, and the delay doubles up to ``retry_most_s``. ``give_up_s`` seconds without a frame are
    an error (None: never).
    """

    def __init__(
        self,
        name: str,
        request: dict[str, Any],
        *,
        stall_s: float,
        retry_s: float,
        retry_most_s: float,
        give_up_s: float | None,
    ) -> None:
        self.name, self.live = name, True
        self.stall_s, self.give_up_s = stall_s, give_up_s
        self.retry_s, self.retry_most_s = retry_s, retry_most_s
        self._request = {"form": None, "options": {}, **request}
        self._is_http = str(request["live"]).startswith("http")
        self._closed = threading.Event()
        self._worker = Worker()

    def read(self) -> Iterator[Frame | SourceEvent]:
        """See ``Source``; ``DataError`` after ``give_up_s``, or if a finite stream breaks."""
        self._request.pop("size", None)
        self._closed.clear()
        self.live = True
        clock = StreamClock()
        opened, wait, last_data = False, 0.0, time.monotonic()
        with self._worker:
            while not self._closed.is_set():
                kind: EventKind = "retrying" if wait else "lost"
                reason = "the stream ended"
                try:
                    for item in self._connection(clock, opened):
                        opened, wait, last_data, kind = True, 0.0, time.monotonic(), "lost"
                        yield item
                    if not self.live:
                        yield SourceEvent("ended", clock.last)
                        return
                except Failed as failure:
                    reason = self._shown(str(failure))
                    if isinstance(failure, Stalled) and not wait:
                        kind = "stalled"
                except OSError as error:
                    # No process or pipe is available now; try again later.
                    reason = describe_os_error(error)
                if self._closed.is_set():
                    return
                silent = time.monotonic() - last_data
                if not self.live:
                    raise DataError(f"{self.name} stopped at {clock.last:.1f} s: {reason}")
                if self.give_up_s is not None and silent > self.give_up_s:
                    raise DataError(f"{self.name} gave no frame for {silent:.0f} s: {reason}")
                wait = min(2 * wait or self.retry_s, self.retry_most_s)
                text = f"{reason}; trying again in {wait:g} s"
                yield SourceEvent(kind, clock.now(time.monotonic()), text)
                self._closed.wait(wait)

    def close(self) -> None:
        """See ``Source``."""
        self._closed.set()
        self._worker.interrupt()

    def _connection(self, clock: StreamClock, again: bool) -> Iterator[Frame | SourceEvent]:
        """Yield the frames of one connection until it ends, after an event that it is open."""
        fps, first, before = 25.0, True, clock.last
        steps: deque[float] = deque(maxlen=_USUAL_STEPS)
        clock.reconnected()
        with contextlib.closing(self._worker.ask(self._request, self.stall_s)) as records:
            for kind, body in records:
                if kind == OPENED:
                    record = json.loads(body)
                    fps = record["fps"]
                    # A video file over HTTP. RTSP servers may state a length for endless streams.
                    self.live = record["duration"] is None or not self._is_http
                    # After a reconnection, pictures of another size are resized to the first one.
                    self._request["size"] = record["size"]
                    event: EventKind = "reconnected" if again else "opened"
                    now = clock.now(record["arrived"])
                    yield SourceEvent(event, now, fps=fps, size=tuple(record["size"]))
                elif kind == TIMED:
                    stream_time, arrived, cut, _, image = body
                    now = clock.at(stream_time, arrived)
                    missed = 0
                    gap = max(_GAP_S, _GAP_STEPS * (median(steps) if steps else 1 / fps))
                    if not first:
                        steps.append(now - before)
                    if (first and again) or (self.live and now - before > gap):
                        missed = max(1, min(_MOST_MISSED, round((now - before) * fps) - 1))
                    yield Frame(now, image, missed, arrived, bool(cut))
                    first, before = False, now

    def _shown(self, text: str) -> str:
        """Return a library's message without the address, and without its password in any form."""
        address = str(self._request["live"])
        text = text.replace(f": '{address}'", "").replace(address, self.name)
        return mask_message(text, address)


class UrlSource(LiveSource):
    """A network stream: ``rtsp://``, or ``http(s)://`` with MJPEG, HLS, a file or a still picture.

    A stream with an end is read like a file: no frame is dropped, and a break is an error. A still
    picture (``http://camera/snapshot.jpg``) is fetched every ``every_s`` seconds, and is a frame
    each time it has changed; if it does not change for ``stall_s``, the camera counts as stalled.
    ``transport`` is how RTSP sends video; UDP has less delay but loses packets. See ``LiveSource``
    for the other parameters.
    """

    def __init__(
        self,
        address: str,
        *,
        transport: Literal["tcp", "udp"] = "tcp",
        every_s: Annotated[float, Field(gt=0)] = 1.0,
        stall_s: Annotated[float, Field(gt=0)] = 10.0,
        retry_s: Annotated[float, Field(gt=0)] = 1.0,
        retry_most_s: Annotated[float, Field(gt=0)] = 30.0,
        give_up_s: Annotated[float, Field(gt=0)] | None = None,
    ) -> None:
        try:
            parts = urlsplit(address)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host:
            hint = encoding_hint(address) or "give rtsp://host/path or http://host/path"
            raise RecipeError(f"'{printable(mask_address(address))}' has no host; {hint}")
        # A playlist without new entries is a stall; FFmpeg would end after three attempts.
        options = {"max_reload": "1000000", "m3u8_hold_counters": "1000000"}
        if parts.scheme.startswith("rtsp"):
            options = {"rtsp_transport": transport}
        super().__init__(
            mask_address(address),
            {
                "live": address,
                "options": options,
                "every_s": every_s if parts.scheme.startswith("http") else None,
            },
            # A picture that changes more slowly than this is not a stall.
            stall_s=max(stall_s, _GAP_STEPS * every_s),
            retry_s=retry_s,
            retry_most_s=retry_most_s,
            give_up_s=give_up_s,
        )


class CameraSource(LiveSource):
    """A local camera by its number or device: ``0`` is ``/dev/video0`` (Linux).

    ``size`` (width, height) and ``fps`` request a mode of the camera, which it may not have. See
    ``LiveSource`` for the other parameters.
    """

    def __init__(
        self,
        address: str,
        *,
        size: tuple[int, int] | None = None,
        fps: Annotated[float, Field(gt=0)] | None = None,
        stall_s: Annotated[float, Field(gt=0)] = 10.0,
        retry_s: Annotated[float, Field(gt=0)] = 1.0,
        retry_most_s: Annotated[float, Field(gt=0)] = 30.0,
        give_up_s: Annotated[float, Field(gt=0)] | None = None,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise RecipeError(
                f"camera {address}: cameras are supported on Linux only; use its stream"
            )
        device = f"/dev/video{address}" if address.isdecimal() else address
        if give_up_s is None and not Path(device).exists():
            known = sorted(str(path) for path in Path("/dev").glob("video*"))
            raise DataError(f"no camera at {device}; there is {', '.join(known) or 'none'}")
        options = {}
        if size is not None:
            options["video_size"] = f"{size[0]}x{size[1]}"
        if fps is not None:
            options["framerate"] = f"{fps:g}"
        super().__init__(
            f"camera-{address.removeprefix('/dev/video')}",
            {"live": device, "form": "v4l2", "options": options},
            stall_s=stall_s,
            retry_s=retry_s,
            retry_most_s=retry_most_s,
            give_up_s=give_up_s,
        )
