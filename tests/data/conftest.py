"""Small videos for tests of the data side, written by PyAV."""

from __future__ import annotations

import av
import numpy as np
import pytest


@pytest.fixture
def pictures():
    """Frames of coarse random blocks (N, 32, 64, 3) uint8, each unlike the others."""
    coarse = np.random.default_rng(0).integers(0, 256, (20, 4, 8, 3))
    return np.kron(coarse, np.ones((1, 8, 8, 1))).astype(np.uint8)


@pytest.fixture
def write_video():
    """A function that writes frames as a video, lossless unless told otherwise."""

    def write(path, frames, *, codec="ffv1", form=None, pixels="bgr0", **options):
        with av.open(str(path), "w", format=form) as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = pixels
            stream.options = options
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write
