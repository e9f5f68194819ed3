"""Read cameras, streams and pipes with FFmpeg; runs in the decoding child process."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from vadkit.data.decoding.readers import quarter_turns

# These formats have no timestamps; FFmpeg invents some for a guessed frame rate.
_UNTIMED = ("mpjpeg", "mjpeg")
_DAMAGED_IN_A_ROW = 100


class Opened(NamedTuple):
    """The properties of a stream; ``duration`` is in seconds if it has an end, else None.

    ``arrived`` is when this was known, on the system's monotonic clock.
    """

    fps: float
    size: tuple[int, int]
    duration: float | None
    arrived: float


class TimedPicture(NamedTuple):
    """A picture, its time in seconds in the stream (NaN if unknown), and its arrival."""

    time: float
    arrived: float
    image: np.ndarray


def read_live(
    address: str, form: str | None, options: dict[str, str]
) -> Iterator[Opened | TimedPicture]:
    """Yield ``Opened``, then pictures (H, W, 3) uint8 RGB as they arrive.

    ``form`` and ``options`` are those of FFmpeg. Damaged packets are skipped. ``arrived`` is on the
    system's monotonic clock.
    """
    import av
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    with av.open(address, format=form, options=options) as container:
        stream = container.streams.best("video")
        if stream is None:
            raise ValueError("it has no video stream")
        stream.codec_context.thread_count = 1
        untimed = container.format.name in _UNTIMED
        duration = container.duration / 1e6 if container.duration else None
        # A playlist delivers segments of several seconds at once; a camera does not.
        paced = container.format.name == "hls" and duration is None
        first: float | None = None
        began = 0.0
        for frame in _frames(container, stream):
            shown = math.nan if untimed or frame.time is None else float(frame.time)
            if first is None:
                rate = stream.average_rate or stream.guessed_rate
                turned = quarter_turns(frame) % 2
                size = (frame.width, frame.height) if turned else (frame.height, frame.width)
                first, began = shown, time.monotonic()
                yield Opened(float(rate) if rate else 25.0, size, duration, began)
            if paced and shown == shown:
                time.sleep(max(0.0, min(5.0, began + shown - first - time.monotonic())))
            pixels = reformatter.reformat(frame, format="rgb24").to_ndarray()
            yield TimedPicture(shown, time.monotonic(), np.rot90(pixels, quarter_turns(frame)))


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield decoded frames; damaged ones are skipped, unless there are too many in a row."""
    from av.error import InvalidDataError

    damaged = 0
    for packet in container.demux(stream):
        frames: list[Any] = []
        with contextlib.suppress(InvalidDataError):
            frames = packet.decode()
        damaged = 0 if frames else damaged + 1
        if damaged > _DAMAGED_IN_A_ROW:
            raise ValueError(f"{damaged} packets in a row could not be decoded")
        yield from frames
