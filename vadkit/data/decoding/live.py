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
# How the names of FFmpeg's formats of single pictures end: jpeg_pipe, png_pipe, ...
_STILL = "_pipe"


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
    address: str, form: str | None, options: dict[str, str], every_s: float | None = None
) -> Iterator[Opened | TimedPicture]:
    """Yield ``Opened``, then pictures (H, W, 3) uint8 RGB as they arrive.

    ``form`` and ``options`` are those of FFmpeg. Damaged packets are skipped. ``arrived`` is on the
    system's monotonic clock. If the address gives a still picture, it is fetched again every
    ``every_s`` seconds (None: never).
    """
    import av
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    with av.open(address, format=form, options=options) as container:
        stream = container.streams.best("video")
        if stream is None:
            raise ValueError("it has no video stream")
        stream.codec_context.thread_count = 1
        still = every_s is not None and container.format.name.endswith(_STILL)
        untimed = container.format.name in _UNTIMED
        duration = container.duration / 1e6 if container.duration else None
        # A playlist delivers segments of several seconds at once; a camera does not.
        paced = container.format.name == "hls" and duration is None
        first: float | None = None
        began = 0.0
        for frame in [] if still else _frames(container, stream):
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
    if still and every_s is not None:
        yield from _poll(address, options, every_s)


def _poll(address: str, options: dict[str, str], every_s: float) -> Iterator[Opened | TimedPicture]:
    """Fetch a still picture again and again; yield it whenever its bytes have changed."""
    import av

    before, due, is_open, damaged = b"", time.monotonic(), False, 0
    while True:
        with av.open(address, options=options) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            packet = next((one for one in container.demux(stream) if one.size), None)
            arrived, content = time.monotonic(), b"" if packet is None else bytes(packet)
            if content != before:
                before = content
                image = None if packet is None else _picture(packet)
                damaged = 0 if image is not None else damaged + 1
                if damaged > _DAMAGED_IN_A_ROW:
                    raise ValueError(f"{damaged} pictures in a row could not be decoded")
                if image is not None:
                    if not is_open:
                        height, width = image.shape[:2]
                        yield Opened(1 / every_s, (height, width), None, arrived)
                    is_open = True
                    yield TimedPicture(math.nan, arrived, image)
        now = time.monotonic()
        due = max(due + every_s, now)
        time.sleep(due - now)


def _picture(packet: Any) -> np.ndarray | None:
    """Return the picture (H, W, 3) of a packet, upright; None if it cannot be decoded."""
    from av.error import InvalidDataError

    with contextlib.suppress(InvalidDataError):
        for frame in packet.decode():
            return np.rot90(frame.to_ndarray(format="rgb24"), quarter_turns(frame))
    return None


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
