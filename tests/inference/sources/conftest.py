"""A small H.264 file whose frames can be told apart, and a free port."""

from __future__ import annotations

import socket
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

FRAMES, FPS, SIZE = 50, 25, (48, 64)
MILLISECOND = Fraction(1, 1000)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 frames of 64x48 at 25 a second, each 4 brighter than the one before."""
    path = tmp_path_factory.mktemp("clip") / "gate.mp4"
    _write_video(path, [index / FPS for index in range(FRAMES)])
    return path


@pytest.fixture(scope="session")
def write_video() -> Callable[[Path, list[float]], None]:
    """A function that writes a file of frames at these seconds."""
    return _write_video


def _write_video(path: Path, times: list[float]) -> None:
    """H.264 with a key frame every 12 frames; ``times`` in seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = SIZE
        stream.pix_fmt, stream.gop_size, stream.max_b_frames = "yuv420p", 12, 0
        stream.codec_context.time_base = stream.time_base = MILLISECOND
        for index, time in enumerate(times):
            gray = np.full((*SIZE, 3), 20 + 4 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(gray, format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
