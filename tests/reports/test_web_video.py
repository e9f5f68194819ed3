"""Videos of the page: frame n at n / rate, dense key frames, wanted frames kept."""

import av
import numpy as np
import pytest

from vadkit.errors import DataError
from vadkit.reports import video_writer
from vadkit.reports.web_video import web_size, write_web_video


def ramp(count, size=(48, 64)):
    return [np.full((*size, 3), 8 * number, np.uint8) for number in range(count)]


def test_frame_n_is_at_n_over_rate_and_can_be_sought(tmp_path):
    seen = []
    frames = ramp(30)
    video, kept = write_web_video(
        tmp_path / "a.mp4", frames, 12.5, wanted={3, 29, 99}, progress=seen.append
    )
    assert (video.rate, video.frames, sum(seen)) == (12.5, 30, 30)
    assert sorted(kept) == [3, 29]
    assert (kept[3] == 24).all()
    with av.open(str(video.path)) as container:
        read = list(container.decode(video=0))
    assert [round(frame.time * 12.5) for frame in read] == list(range(30))
    assert [n for n, frame in enumerate(read) if frame.key_frame][:3] == [0, 12, 24]
    levels = [frame.to_ndarray(format="gray").mean() for frame in read]
    assert np.all(np.diff(levels) > 4)


def test_frames_are_shown_at_their_times(tmp_path):
    times = [2.0, 2.1, 2.15, 3.9, 4.0]
    video, _ = write_web_video(tmp_path / "a.mp4", zip(times, ramp(5), strict=True), 10)
    assert video.times == pytest.approx([0, 0.1, 0.15, 1.9, 2.0])
    with av.open(str(video.path)) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    assert shown == pytest.approx(video.times, abs=1e-4)


def test_times_of_an_even_rate_are_not_listed(tmp_path):
    # As in Matroska, whose times are whole milliseconds.
    times = [round(number / 30, 3) for number in range(20)]
    video, _ = write_web_video(tmp_path / "a.mp4", zip(times, ramp(20), strict=True), 30)
    assert (video.times, video.rate) == (None, 30)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ((1080, 1920), (216, 384)),
        ((240, 360), (240, 360)),
        ((1280, 720), (320, 180)),
        ((1, 1), (2, 2)),
    ],
)
def test_sizes_are_even_and_within_limits(source, shown):
    assert web_size(source) == shown


def test_an_ffmpeg_without_x264_writes_vp9(tmp_path, monkeypatch):
    monkeypatch.setattr(video_writer, "_has_encoder", lambda name: name == "libvpx-vp9")
    video, _ = write_web_video(tmp_path / "a.mp4", ramp(10), 25)
    with av.open(str(video.path)) as container:
        assert container.streams.video[0].codec_context.name == "vp9"
        assert sum(1 for _ in container.decode(video=0)) == 10


def test_no_encoder_at_all_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(video_writer, "_has_encoder", lambda name: False)
    with pytest.raises(DataError, match="neither libx264 nor libvpx-vp9; install the av wheel"):
        write_web_video(tmp_path / "a.mp4", ramp(1), 25)
    assert list(tmp_path.iterdir()) == []
