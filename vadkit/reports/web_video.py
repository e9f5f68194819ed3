"""Video for a web page: small, with the time of every frame given by its number."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vadkit.reports.video_writer import WEB, VideoWriter

# Wide enough to see what happens.
MAX_WIDTH, MAX_HEIGHT = 384, 320


# Times this close to an even rate, as a share of a frame, are not listed.
_EVEN = 0.1


@dataclass(frozen=True)
class WebVideo:
    """A written file: frame n of the source is shown from ``times[n]`` on, in seconds.

    ``times`` is None for an even rate: then it is shown from n / ``rate`` on.
    """

    path: Path
    rate: float
    frames: int
    times: list[float] | None = None


def web_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return an even (height, width), within 320 by 384; small videos are not enlarged."""
    scale = min(1.0, MAX_WIDTH / size[1], MAX_HEIGHT / size[0])
    height, width = (max(2, 2 * round(length * scale / 2)) for length in size)
    return height, width


def write_web_video(
    path: Path,
    frames_rgb: Iterable[np.ndarray | tuple[float, np.ndarray]],
    fps: float,
    *,
    wanted: Collection[int] = (),
    progress: Callable[[int], None] | None = None,
) -> tuple[WebVideo, dict[int, np.ndarray]]:
    """Encode frames (H, W, 3) uint8 of one size, one output frame per frame.

    A frame may come with its time in seconds; those without are shown at ``fps``. Also returns the
    ``wanted`` frames by number. ``progress`` is called with 1 for each frame. Raises ``DataError``
    if there is no frame, or no encoder.
    """
    kept = {}
    times: list[float] = []
    with VideoWriter(path, fps, WEB) as writer:
        rate = float(writer.rate)
        for number, item in enumerate(frames_rgb):
            time, frame = item if isinstance(item, tuple) else (number / rate, item)
            times.append(time)
            writer.write(frame, time - times[0])
            if number in wanted:
                kept[number] = frame
            if progress is not None:
                progress(1)
    shown = np.array(times) - times[0]
    even = np.abs(shown * rate - np.arange(len(shown))).max() < _EVEN
    listed = None if even else np.round(shown, 4).tolist()
    return WebVideo(path, rate, len(shown), listed), kept
