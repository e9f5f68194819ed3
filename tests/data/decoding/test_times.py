"""Times of frames: they increase, keep holes, and continue where a clock starts again."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vadkit.data.decoding.decode import probe, read_timed_frames
from vadkit.data.decoding.times import FrameClock, TimedImage, rate_without_cuts, timed, usual_rate

from . import odd_videos as odd


def run(stamps, rate=25.0):
    clock = FrameClock(rate)
    pairs = [clock.at(stamp) for stamp in stamps]
    return [time for time, _ in pairs], [index for index, (_, cut) in enumerate(pairs) if cut]


def test_times_count_from_the_first_frame():
    times, cuts = run([7.0, 7.1, 7.25, 7.3])
    assert times == pytest.approx([0, 0.1, 0.25, 0.3]) and cuts == []


def test_a_hole_keeps_its_length_and_is_a_cut():
    times, cuts = run([0, 0.1, 0.2, 60.2, 60.3])
    assert times == pytest.approx([0, 0.1, 0.2, 60.2, 60.3]) and cuts == [3]
    # A slower rate is no hole, nor is a pause below two seconds.
    assert run([0, 0.1, 0.2, 0.6, 1.0, 1.4, 3.3])[1] == []
    # Of a time-lapse video, ten of its own steps are a hole.
    assert run([0, 5, 10, 15, 60], rate=0.2)[1] == []
    assert run([0, 5, 10, 15, 70], rate=0.2)[1] == [4]


def test_a_clock_that_starts_again_continues_after_the_last_frame():
    times, cuts = run([1.6, 1.7, 1.8, 1.6 - 3600, 1.7 - 3600])
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4]) and cuts == [3]


def test_small_disorder_is_no_restart():
    times, cuts = run([0, 0.1, 0.05, 0.2, 0.3])
    assert times == pytest.approx([0, 0.1, 0.101, 0.2, 0.3]) and cuts == []


def test_frames_without_a_time_continue_at_the_usual_step():
    assert run([math.nan, math.nan, math.nan], rate=10)[0] == pytest.approx([0, 0.1, 0.2])
    times, cuts = run([0, 0.5, 1.0, math.nan, 2.0])
    assert times == pytest.approx([0, 0.5, 1.0, 1.5, 2.0]) and cuts == []
    # The first times that are known continue after the unknown ones.
    assert run([math.nan, 9.0, 9.1], rate=10)[0] == pytest.approx([0, 0.1, 0.2])


@example([0.0, 1e-100, math.nan])
@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), max_size=60))
def test_times_always_increase(stamps):
    times, cuts = run(stamps)
    assert len(times) == len(stamps)
    assert all(after > before for before, after in itertools.pairwise(times))
    assert times[:1] in ([], [0]) and 0 not in cuts


def test_the_usual_rate_ignores_holes_and_rounding():
    millisecond = Fraction(1, 1000)
    ntsc = [round(n * 1001 / 30) for n in range(300)]
    assert usual_rate(ntsc, millisecond) == pytest.approx(30000 / 1001, rel=1e-3)
    holes = [*range(0, 4000, 40), *range(90_000, 94_000, 40)]
    assert usual_rate(holes, millisecond) == 25
    assert usual_rate([5], millisecond) is usual_rate([], millisecond) is None
    assert usual_rate([5, 5, 5], millisecond) is None


def test_the_rate_without_cuts_leaves_cuts_out():
    times = np.array([0, 0.1, 0.2, 60.2, 60.4])
    cuts = np.array([False, False, False, True, False])
    assert rate_without_cuts(times, cuts) == pytest.approx(3 / 0.4)
    assert rate_without_cuts(times[:1], cuts[:1]) is None


def test_a_picture_keeps_its_time_when_it_is_turned():
    picture = timed(np.zeros((4, 6, 3), np.uint8), Fraction(1, 2), damaged=2)
    turned = picture[::-1]
    assert isinstance(turned, TimedImage) and (turned.time, turned.damaged) == (0.5, 2)
    assert math.isnan(timed(np.zeros((4, 6, 3), np.uint8), None).time)


def read(path):
    frames = list(read_timed_frames(path))
    cuts = [index for index, frame in enumerate(frames) if frame.cut]
    return [odd.number(frame.image) for frame in frames], [frame.time for frame in frames], cuts


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_file_with_a_hole_and_a_slower_end(tmp_path, suffix):
    times = [*range(0, 800, 40), *range(60_000, 60_800, 40), *range(61_000, 65_000, 200)]
    path = odd.write(tmp_path / f"a.{suffix}", odd.numbered(len(times)), times=times)
    numbers, got, cuts = read(path)
    assert numbers == list(range(60)) and cuts == [20]
    assert got == pytest.approx(np.array(times) / 1000, abs=2e-3)
    assert probe(path).fps == pytest.approx(25, rel=0.01)


def test_joined_recordings_continue(tmp_path):
    path = tmp_path / "joined.ts"
    parts = [odd.write(tmp_path / f"{n}.ts", odd.numbered(30), rate=25) for n in range(3)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    numbers, times, cuts = read(path)
    assert numbers == [*range(30)] * 3 and cuts == [30, 60]
    assert times == pytest.approx(np.arange(90) / 25, abs=2e-3)


@pytest.mark.parametrize("still_first", [True, False])
def test_the_stream_that_moves_is_read_beside_a_default_picture(tmp_path, still_first):
    path = tmp_path / "thumbnail.mkv"
    moving, picture = odd.numbered(30), np.full((200, 300, 3), 90, np.uint8)
    with av.open(str(path), "w") as container:
        forms = {"mjpeg": (200, 300, "yuvj420p"), "libx264": (96, 128, "yuv420p")}
        order = list(forms) if still_first else list(forms)[::-1]
        streams = {codec: container.add_stream(codec, rate=25) for codec in order}
        for codec, stream in streams.items():
            stream.height, stream.width, stream.pix_fmt = forms[codec]
        streams["mjpeg"].disposition = av.stream.Disposition.default
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        container.mux(streams["mjpeg"].encode(frame))
        for image in moving:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            container.mux(streams["libx264"].encode(frame))
        for stream in streams.values():
            container.mux(stream.encode())
    assert read(path)[0] == list(range(30))
    assert probe(path).size == (96, 128)


def test_empty_chunks_of_an_avi_are_dropped_frames(tmp_path, caplog):
    times = [40 * n for n in range(60) if n not in (7, 8, 30)]
    path = odd.write(tmp_path / "a.avi", odd.numbered(57, noise=25), times=times, codec="mpeg4")
    assert probe(path).frames == 57
    _, got, cuts = read(path)
    assert got == pytest.approx(np.array(times) / 1000) and cuts == []
    assert caplog.messages == []
