"""Video from standard input: Y4M, or raw pictures of a stated form."""

import sys
from types import SimpleNamespace

import av
import numpy as np
import pytest

from vadkit.errors import DataError, RecipeError
from vadkit.inference.sources.source import Frame
from vadkit.inference.sources.standard_input import StandardInput

PICTURES = np.random.default_rng(0).integers(0, 256, (12, 32, 48), dtype=np.uint8)


@pytest.fixture
def given(tmp_path, monkeypatch):
    """A function that makes bytes what standard input gives."""
    opened = []

    def give(data):
        (tmp_path / "given").write_bytes(data)
        file = (tmp_path / "given").open("rb")
        opened.append(file)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=file.fileno))

    yield give
    for file in opened:
        file.close()


def test_raw_pictures(given):
    given(PICTURES.tobytes())
    source = StandardInput("48x32@10:gray")
    opened, *items, ended = source.read()
    assert (opened.kind, opened.fps, opened.size, source.live) == ("opened", 10, (32, 48), False)
    assert [round(item.time, 6) for item in items] == [n / 10 for n in range(12)]
    # Gray has the full range in RGB; one of rounding is FFmpeg's.
    seen = np.array([item.image for item in items]).astype(int)
    assert np.abs(seen - PICTURES[..., None]).max() <= 1
    assert ended.kind == "ended"


def test_y4m(given, tmp_path):
    with av.open(str(tmp_path / "a.y4m"), "w", format="yuv4mpegpipe") as container:
        stream = container.add_stream("wrapped_avframe", rate=5)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "gray"
        for picture in PICTURES:
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    given((tmp_path / "a.y4m").read_bytes())
    opened, *items, _ = StandardInput().read()
    assert opened.size == (32, 48)
    assert [item.time for item in items if isinstance(item, Frame)] == [n / 5 for n in range(12)]


def test_input_that_is_not_a_video(given):
    given(b"hello")
    with pytest.raises(DataError, match="standard input cannot be read as video after 0 frames"):
        list(StandardInput().read())
    with pytest.raises(RecipeError, match=r"stdin:640 is not a raw video format.*640x480@10:rgb24"):
        StandardInput("640")
