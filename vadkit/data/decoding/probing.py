"""The properties that a video file states, without decoding; runs in the decoding child."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.data.decoding.readers import frames, image_files, open_container, quarter_turns

_FOLDER_FPS = 25.0
# The number of packets to check whether frames are evenly spaced in time.
_PACKETS = 300
# Packets come in another order than frames are shown, shifted by at most this many in H.264.
_REORDERED = 16


def probe_path(path: Path) -> dict[str, Any]:
    """Return the fields of ``VideoInfo``; raises the errors of the libraries for other files."""
    if path.is_dir():
        files = image_files(path)
        image = next(frames(path))
        return {
            "fps": _FOLDER_FPS,
            "size": image.shape[:2],
            "frames": len(files),
            "codec": files[0].suffix.lower().removeprefix("."),
            "pixels": None,
            "duration": len(files) / _FOLDER_FPS,
            "variable_rate": False,
        }
    with open_container(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None:
            raise ValueError("it has no frames")
        rate = stream.average_rate or stream.guessed_rate
        size = (first.height, first.width)
        info = {
            "fps": float(rate) if rate else _FOLDER_FPS,
            "size": size[::-1] if quarter_turns(first) % 2 else size,
            "frames": _exact_frames(container, stream),
            "codec": stream.codec_context.codec.canonical_name,
            "pixels": first.format.name,
            "duration": _seconds(container, stream),
        }
    with open_container(path) as (container, stream):
        return {**info, "variable_rate": _uneven(container, stream)}


def times_shown(path: Path) -> list[float]:
    """Return when each frame is shown, in seconds from the first; empty if times are missing."""
    with open_container(path) as (container, stream):
        packets = [packet.pts for packet in container.demux(stream) if packet.size]
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
    if stream.duration and stream.average_rate and "mp4" in container.format.name:
        # The edit list of an MP4 may hide frames at both ends, but the count includes them.
        shown = round(stream.duration * stream.time_base * stream.average_rate)
        return int(min(stream.frames, shown))
    return int(stream.frames)


def _seconds(container: Any, stream: Any) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def _uneven(container: Any, stream: Any) -> bool:
    """Whether the times between frames differ, from the first packets and the overall average."""
    packets = list(itertools.islice(container.demux(stream), _PACKETS))
    times = [packet.dts if packet.pts is None else packet.pts for packet in packets]
    times = sorted(time for time in times if time is not None)
    if len(packets) == _PACKETS:
        times = times[:-_REORDERED]
    if len(times) < 3:
        return False
    steps = np.diff(times)
    middle = float(np.median(steps))
    # Containers round times to their unit, Matroska to milliseconds.
    uneven = steps.max() - steps.min() > max(2, middle / 10)
    rate = stream.average_rate
    apart = bool(rate) and abs(float(rate * stream.time_base) * middle - 1) > 0.05
    return bool(uneven) or apart
