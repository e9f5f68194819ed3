"""The properties that a video file states, without decoding; runs in the decoding child."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.data.decoding.folders import image_files
from vadkit.data.decoding.readers import open_container, quarter_turns
from vadkit.data.decoding.times import UNKNOWN_RATE, usual_rate
from vadkit.data.images import decode_pixels

# The number of packets to take the frame rate from, and whether it varies.
_PACKETS = 3000
# Enough for the step that a clock starts with.
_FEW_PACKETS = 64
# Packets come in another order than frames are shown, shifted by at most this many in H.264.
_REORDERED = 16


def probe_path(path: Path) -> dict[str, Any]:
    """Return the fields of ``VideoInfo``; raises the errors of the libraries for other files."""
    if path.is_dir():
        files = image_files(path)
        return {
            "fps": UNKNOWN_RATE,
            "size": decode_pixels(files[0]).shape[:2],
            "frames": len(files),
            "codec": files[0].suffix.lower().removeprefix("."),
            "pixels": None,
            "duration": len(files) / UNKNOWN_RATE,
            "variable_rate": False,
        }
    with open_container(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None:
            raise ValueError("it has no frames")
        size = (first.height, first.width)
        info = {
            "size": size[::-1] if quarter_turns(first) % 2 else size,
            "frames": _exact_frames(container, stream),
            "dropped": _avi_chunks(container, stream)[1] if container.format.name == "avi" else 0,
            "codec": stream.codec_context.codec.canonical_name,
            "pixels": first.format.name,
            "duration": _seconds(container, stream),
        }
    with open_container(path) as (container, stream):
        ticks = _first_ticks(container, stream)
        # A header may state no rate, or one that is wrong.
        rate = usual_rate(ticks, stream.time_base) or stream.average_rate or stream.guessed_rate
        return {**info, "fps": float(rate or UNKNOWN_RATE), "variable_rate": _uneven(ticks)}


def _first_ticks(container: Any, stream: Any, most: int = _PACKETS) -> list[int]:
    """Return the times of the first frames in the stream's unit, in order; empty for none."""
    packets = [
        packet
        for packet in itertools.islice(container.demux(stream), most)
        if packet.size and not packet.is_discard
    ]
    times = [packet.dts if packet.pts is None else packet.pts for packet in packets]
    known = sorted(time for time in times if time is not None)
    if len(packets) >= most - _REORDERED:
        # Frames that are shown between the last ones may come later.
        known = known[:-_REORDERED]
    return known


def first_rate(path: Path) -> float:
    """Return frames per second from the first packets of a file, ``UNKNOWN_RATE`` if unknown."""
    if path.is_dir():
        return UNKNOWN_RATE
    try:
        with open_container(path) as (container, stream):
            ticks = _first_ticks(container, stream, _FEW_PACKETS)
            return usual_rate(ticks, stream.time_base) or UNKNOWN_RATE
    except Exception:
        # A plugin may read formats that PyAV does not know.
        return UNKNOWN_RATE


def times_shown(path: Path) -> list[float]:
    """Return when each frame is shown, in seconds from the first; empty if times are missing."""
    with open_container(path) as (container, stream):
        packets = [
            packet.pts
            for packet in container.demux(stream)
            if packet.size and not packet.is_discard
        ]
        if not packets or None in packets:
            return []
        shown = sorted(packets)
        return [float((time - shown[0]) * stream.time_base) for time in shown]


def stated_frames(path: Path) -> tuple[int, bool] | None:
    """Return the stated number of frames, and whether it is exact or computed from a duration."""
    if path.is_dir():
        return None
    try:
        with open_container(path) as (container, stream):
            exact = _exact_frames(container, stream)
            if exact is not None:
                return exact, True
            seconds, rate = _seconds(container, stream), stream.average_rate
    except Exception:
        # A plugin may read formats that PyAV does not know.
        return None
    return (round(seconds * rate), False) if seconds and rate else None


def _exact_frames(container: Any, stream: Any) -> int | None:
    if not stream.frames:
        return None
    if container.format.name == "avi":
        return _avi_chunks(container, stream)[0]
    if stream.duration and stream.average_rate and "mp4" in container.format.name:
        # The edit list of an MP4 may hide frames at both ends, but the count includes them.
        shown = round(stream.duration * stream.time_base * stream.average_rate)
        return int(min(stream.frames, shown))
    return int(stream.frames)


def _seconds(container: Any, stream: Any) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def _avi_chunks(container: Any, stream: Any) -> tuple[int, int]:
    """Return the stated number of frames without empty chunks, and the number of empty ones."""
    # The caller may have decoded the first frame.
    container.seek(0)
    places = [packet.pts for packet in container.demux(stream) if packet.size]
    if not places or None in places:
        return int(stream.frames), 0
    step = float(np.median(np.diff(places))) if len(places) > 1 else 1.0
    # Counted in chunks; a file whose chunks reach the stated number is complete.
    reached = max(places) + step
    whole = reached >= stream.frames
    frames = len(places) if whole else round(len(places) * stream.frames / reached)
    return frames, max(0, round(reached / step) - len(places))


def _uneven(ticks: list[int]) -> bool:
    """Whether the steps between times differ by more than their rounding."""
    if len(ticks) < 3:
        return False
    steps = np.diff(ticks)
    middle = float(np.median(steps))
    # Containers round times to their unit, Matroska to milliseconds.
    return bool(steps.max() - steps.min() > max(2, middle / 10))
