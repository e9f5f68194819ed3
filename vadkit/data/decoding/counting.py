"""Count the frames of videos, and find their times and rates, without scoring them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vadkit.data.decoding.child import Failed, Worker
from vadkit.data.decoding.decode import STALL_S, probe, read_frames
from vadkit.data.decoding.folders import image_files
from vadkit.data.decoding.times import FrameClock, rate_without_cuts
from vadkit.errors import DataError

# Counted frames are resized to this before they go through the pipe.
_SMALL = (8, 8)


def stated_counts(paths: Mapping[str, Path]) -> dict[str, int | None]:
    """Return the number of frames that each file states, None if it states none; by name."""
    with Worker() as worker:
        found: dict[str, int | None] = {}
        for name, path in paths.items():
            found[name] = (
                len(image_files(path)) if path.is_dir() else probe(path, worker=worker).frames
            )
    return found


def decoded_counts(paths: Mapping[str, Path]) -> dict[str, int]:
    """Return the number of frames of each file by name, which decoding finds."""
    with Worker() as worker:
        found = {}
        for name, path in paths.items():
            # Only counted, so any levels do.
            reading = read_frames(path, size=_SMALL, levels=(0.0, 1.0), worker=worker)
            with contextlib.closing(reading) as frames:
                found[name] = sum(1 for _ in frames)
    return found


def frame_counts(paths: Mapping[str, Path]) -> dict[str, int]:
    """Return the number of frames of each file by name: as it states, else as decoding finds."""
    stated = stated_counts(paths)
    silent = {name: paths[name] for name, count in stated.items() if count is None}
    counted = decoded_counts(silent) if silent else {}
    return {name: counted[name] if count is None else count for name, count in stated.items()}


def frame_times(path: Path, frames: int, fps: float | None = None) -> np.ndarray:
    """Return the times (frames,) of a video's frames in seconds from the first.

    ``fps`` replaces the times in the file. Raises ``DataError`` for a folder of images without it.
    """
    if fps is not None:
        return np.arange(frames) / fps
    if path.is_dir():
        raise DataError(
            f"{path} is a folder of images, which have no times; give the frame rate with --fps"
        )
    with Worker() as worker:
        rate = probe(path, worker=worker).fps
        times, _ = packet_times(path, worker=worker)
    # An edit list hides frames, and a reader may see more frames than packets.
    return times if len(times) == frames else np.arange(frames) / rate


def packet_times(
    path: Path, *, stall_s: float = STALL_S, worker: Worker | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the times (N,) of a file's frames in seconds and which are cuts, without decoding.

    They are those of ``read_timed_frames``, except for cuts where the size changes. Raises
    ``DataError`` for a file whose packets cannot be read.
    """
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(Worker())
        info = probe(path, stall_s=stall_s, worker=worker)
        try:
            (record,) = worker.ask({"times": str(path.absolute())}, stall_s)
        except Failed as failure:
            raise DataError(f"{path}: the times of frames cannot be read ({failure})") from None
    clock = FrameClock(info.fps)
    pairs = [clock.at(stamp) for stamp in json.loads(record[1])]
    return np.array([at for at, _ in pairs]), np.array([cut for _, cut in pairs], bool)


def mean_rate(path: Path, *, stall_s: float = STALL_S, worker: Worker | None = None) -> float:
    """Return the frames per second of a file over all its frames, without holes in time."""
    info = probe(path, stall_s=stall_s, worker=worker)
    if not info.variable_rate:
        return info.fps
    times, cuts = packet_times(path, stall_s=stall_s, worker=worker)
    return rate_without_cuts(times, cuts) or info.fps
