"""Video for a web page: small, with the time of every frame given by its number."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vadkit.reports.video_writer import WEB, VideoWriter

# Wide enough to see what happens.
MAX_WIDTH, MAX_HEIGHT = 384, 320


@dataclass(frozen=True)
class WebVideo:
    """A written file: frame n of the source starts at n / ``rate`` seconds."""

    path: Path
    rate: float
    frames: int


def web_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return an even (height, width), within 320 by 384; small videos are not enlarged."""
    scale = min(1.0, MAX_WIDTH / size[1], MAX_HEIGHT / size[0])
    height, width = (max(2, 2 * round(length * scale / 2)) for length in size)
    return height, width


def write_web_video(
    path: Path,
    frames_rgb: Iterable[np.ndarray],
    fps: float,
    *,
    wanted: Collection[int] = (),
    progress: Callable[[int], None] | None = None,
) -> tuple[WebVideo, dict[int, np.ndarray]]:
    """Encode frames (H, W, 3) uint8 of one size at a constant rate, one output frame per frame.

    Also returns the ``wanted`` frames by number. ``progress`` is called with 1 for each frame.
    Raises ``DataError`` if there is no frame, or no encoder.
    """
    kept = {}
    with VideoWriter(path, fps, WEB) as writer:
        for number, frame in enumerate(frames_rgb):
            writer.write(frame)
            if number in wanted:
                kept[number] = frame
            if progress is not None:
                progress(1)
    return WebVideo(path, float(writer.rate), writer.frames), kept
