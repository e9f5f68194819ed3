"""Count the frames of videos, and find when each is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vadkit.data.decoding.child import Worker
from vadkit.data.decoding.decode import packet_times, probe, read_frames
from vadkit.data.decoding.readers import image_files
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
            reading = read_frames(path, size=_SMALL, worker=worker)
            with contextlib.closing(reading) as frames:
                found[name] = sum(1 for _ in frames)
    return found


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
