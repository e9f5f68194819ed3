"""The MP4 that is written, read back."""

from __future__ import annotations

import itertools

import av
import numpy as np
import pytest

from vadkit.errors import DataError
from vadkit.reports.video_writer import VideoWriter


def read(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return stream.codec_context.name, stream.pix_fmt, stream.average_rate, frames


def flat(value, size=(48, 64)):
    return np.full((*size, 3), value, np.uint8)


def write_all(writer, frames):
    for frame in frames:
        writer.write(frame)


def test_every_frame_comes_back_in_order_and_colour(tmp_path):
    colours = [(10 * i, 200 - 5 * i, 60) for i in range(20)]
    with VideoWriter(tmp_path / "sub" / "a.mp4", 12.5) as writer:
        for colour in colours:
            writer.write(flat(colour))
    codec, pixels, rate, frames = read(tmp_path / "sub" / "a.mp4")
    assert (codec, pixels, float(rate)) == ("h264", "yuv420p", 12.5)
    assert len(frames) == 20
    for frame, colour in zip(frames, colours, strict=True):
        assert frame.shape == (48, 64, 3)
        assert np.abs(frame.reshape(-1, 3).mean(axis=0) - colour).max() < 4


def test_odd_sizes_are_padded(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(flat(90, (47, 63)))
    assert read(tmp_path / "a.mp4")[3][0].shape == (48, 64, 3)


def test_ntsc_rate(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 30000 / 1001) as writer:
        writer.write(flat(0))
        writer.write(flat(0))
    assert writer.rate == read(tmp_path / "a.mp4")[2]


def test_nothing_is_left_of_a_failed_file_and_an_older_one_stays(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(ValueError), VideoWriter(tmp_path / "a.mp4", 25) as writer:
        write_all(writer, [flat(0), np.zeros((48, 64), np.uint8)])
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


def test_errors(tmp_path):
    with pytest.raises(DataError, match="there is no frame"), VideoWriter(tmp_path / "a.mp4", 25):
        pass
    with pytest.raises(DataError, match="frame rate must be positive; got 0"):
        VideoWriter(tmp_path / "a.mp4", 0)
    with (
        pytest.raises(DataError, match=r"frame 1 .* it is 64x50, but earlier frames are 64x48"),
        VideoWriter(tmp_path / "a.mp4", 25) as writer,
    ):
        write_all(writer, [flat(0), flat(0, (50, 64))])
    assert list(tmp_path.iterdir()) == []


def test_frames_are_shown_at_their_own_times(tmp_path):
    times = [0.0, 0.1, 0.15, 0.9, 0.9, 2.5]
    with VideoWriter(tmp_path / "a.mp4", 10) as writer:
        for number, time in enumerate(times):
            writer.write(np.full((16, 16, 3), 40 * number, np.uint8), time)
    with av.open(str(tmp_path / "a.mp4")) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    # Two frames of one time follow each other at once.
    assert shown == pytest.approx(times, abs=1e-3)
    assert all(after > before for before, after in itertools.pairwise(shown))
