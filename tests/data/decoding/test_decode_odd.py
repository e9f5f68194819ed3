"""Odd, cut and damaged files: what comes of each is defined, and nothing passes in silence."""

import logging
import os

import cv2
import numpy as np
import pytest

from vadkit.data.decoding.decode import READERS, Worker, probe, read_frames, read_timed_frames
from vadkit.errors import DataError

from . import odd_videos as odd

NOISY = odd.numbered(60, noise=25)
DECORD_FIRST = ("decord", "pyav")


@pytest.fixture(scope="module")
def worker():
    with Worker() as one:
        yield one


@pytest.fixture
def read(worker, caplog):
    """A function from a path and readers to the frames' numbers, the error and the warnings."""

    def frames_of(path, readers=READERS):
        found, error = [], None
        caplog.clear()
        with caplog.at_level(logging.WARNING, "vadkit.data"):
            try:
                for frame in read_frames(path, readers=readers, worker=worker, stall_s=5):
                    found.append(odd.number(frame))
            except DataError as fault:
                error = str(fault)
        return found, error, [record.getMessage() for record in caplog.records]

    return frames_of


def test_an_mp4_cut_before_its_index_cannot_be_opened(tmp_path, read):
    found, error, _ = read(odd.cut(odd.write(tmp_path / "video.mp4", NOISY), 0.6))
    assert found == [] and "no reader can open" in error and "video.mp4" in error


def test_an_mp4_cut_after_its_index_ends_early(tmp_path, read):
    found, error, _ = read(odd.cut(odd.fast_start(tmp_path / "video.mp4", NOISY), 0.6))
    assert 20 < len(found) < 50
    assert found == list(range(len(found)))
    assert f"video.mp4 is truncated or damaged: {len(found)} frames could be read" in error


@pytest.mark.parametrize("name", ["video.mkv", "video.avi"])
def test_a_cut_file_that_ends_cleanly_is_reported_with_both_numbers(tmp_path, read, name):
    codec = "libx264" if name.endswith("mkv") else "mpeg4"
    path = odd.cut(odd.write(tmp_path / name, NOISY, codec=codec), 0.8)
    found, error, warnings = read(path)
    assert error is None and 0 < len(found) < 57
    about = "about " if name.endswith("mkv") else ""
    assert f"{path} states {about}60 frames but has {len(found)}: it is truncated" in warnings[-1]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "mov", "webm", "mpg", "flv", "wmv"])
def test_complete_files_are_read_completely_without_a_warning(tmp_path, read, suffix):
    codec = {"avi": "mpeg4", "webm": "libvpx-vp9", "mpg": "mpeg1video", "wmv": "wmv2"}
    path = odd.write(tmp_path / f"video.{suffix}", NOISY, codec=codec.get(suffix, "libx264"))
    found, error, warnings = read(path)
    assert found == list(range(60)) and error is None
    assert all("correctly" in warning for warning in warnings)


def test_a_damaged_packet_costs_its_frame(tmp_path, read):
    path = odd.damage(odd.write(tmp_path / "video.mp4", NOISY), 0.4, 0.45)
    found, error, warnings = read(path)
    assert found[:20] == list(range(20)) and found[-20:] == list(range(40, 60))
    lost = 60 - len(found)
    assert error is None and 0 < lost < 4
    assert (
        f"{lost} damaged packets could not be decoded; {len(found)} frames were read" in warnings[0]
    )
    assert len(warnings) == 1


def test_much_damage_is_an_error(tmp_path, read):
    path = odd.damage(odd.write(tmp_path / "video.mp4", NOISY), 0.2, 0.6)
    found, error, _ = read(path)
    assert found[:10] == list(range(10)) and len(found) < 58
    assert f"is truncated or damaged: {len(found)} frames" in error


def test_frames_lost_by_damage_are_reported(tmp_path, read):
    found, error, warnings = read(odd.damage(odd.write(tmp_path / "video.mkv", NOISY), 0.4, 0.45))
    assert error is None and len(found) < 57
    assert f"about 60 frames but has {len(found)}" in warnings[-1]


def test_repaired_damage_keeps_frames_in_place(tmp_path, read):
    path = odd.damage(odd.write(tmp_path / "video.mp4", NOISY), 0.4, 0.4005)
    found, error, warnings = read(path)
    assert len(found) == 60 and error is None and not warnings
    assert found[:20] == list(range(20)) and found[40:] == list(range(40, 60))


def test_frames_hidden_by_an_edit_list_are_left_out(tmp_path, read):
    """decord 0.6.0 hides them too, and repeats the last frame as often."""
    whole = odd.write(tmp_path / "whole.mp4", odd.numbered(60))
    path = odd.remuxed(whole, tmp_path / "trimmed.mp4", hide=5)
    assert read(path) == (list(range(5, 60)), None, [])
    found, error, warnings = read(path, DECORD_FIRST)
    assert found == list(range(5, 60)) and error is None
    assert len(warnings) == 1 and "edit list" in warnings[0]
    assert probe(path).frames == 55


def test_frames_before_the_first_key_frame_are_reported(tmp_path, read):
    """decord 0.6.0 repeats the last frame as often as frames are lost at the start."""
    whole = odd.write(tmp_path / "whole.mp4", odd.numbered(60), bf="0")
    path = odd.remuxed(whole, tmp_path / "video.mp4", drop=5)
    found, error, warnings = read(path)
    assert found == list(range(12, 60)) and error is None
    assert len(warnings) == 1 and "states 55 frames but has 48" in warnings[0]
    found, error, warnings = read(path, DECORD_FIRST)
    assert found == list(range(12, 60)) and error is None
    assert "without a key frame" in warnings[0]
    assert "states 55 frames but has 48" in warnings[1]


@pytest.mark.parametrize("frames", [None, odd.numbered(1)[0]])
def test_sound_is_no_video_even_with_a_cover(tmp_path, read, frames):
    path = odd.sound(tmp_path / "song.mp4", frames)
    found, error, _ = read(path)
    assert found == [] and "it has no video stream" in error
    with pytest.raises(DataError, match="it has no video stream"):
        probe(path)


def test_the_main_one_of_several_streams_is_read(tmp_path, read):
    """decord 0.6.0 chooses by other rules than FFmpeg does today."""
    path = odd.write_both(tmp_path / "video.mp4", odd.numbered(20, (48, 64)), odd.numbered(20))
    assert read(path) == (list(range(20)), None, [])
    found, error, warnings = read(path, DECORD_FIRST)
    assert found == list(range(20)) and error is None
    assert "several video streams" in warnings[0]
    assert next(read_frames(path)).shape[:2] == probe(path).size


def test_pictures_that_change_size_are_resized_to_the_first(tmp_path, worker):
    parts = [
        odd.write(tmp_path / "1.ts", odd.numbered(30)),
        odd.write(tmp_path / "2.ts", odd.numbered(30, (48, 64))),
    ]
    path = tmp_path / "video.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for size in (None, (96, 128)):
        frames = list(read_timed_frames(path, size=size, worker=worker))
        assert [odd.number(frame.image) for frame in frames] == [*range(30), *range(30)]
        assert {frame.image.shape for frame in frames} == {(96, 128, 3)}
        # The second part starts its clock again, too.
        assert [index for index, frame in enumerate(frames) if frame.cut] == [30]
        assert [frame.time for frame in frames] == pytest.approx(np.arange(60) / 25, abs=1e-3)


def test_a_file_still_being_written_is_read_as_far_as_it_goes(tmp_path, read):
    whole = odd.write(tmp_path / "whole.mkv", NOISY).read_bytes()
    path = tmp_path / "video.mkv"
    path.write_bytes(whole[: len(whole) // 2])
    found = []
    for frame in read_frames(path, stall_s=5):
        found.append(odd.number(frame))
        with path.open("ab") as file:
            file.write(whole[path.stat().st_size :][:2000])
    assert len(found) >= 20 and found == list(range(len(found)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_reported(tmp_path):
    path = odd.write(tmp_path / "video.mp4", odd.numbered(3))
    path.chmod(0)
    with pytest.raises(DataError, match="no permission to read"):
        next(read_frames(path))


@pytest.mark.parametrize(
    ("suffix", "rate", "times", "variable"),
    [
        ("mp4", 25, None, False),
        ("mkv", 25, None, False),
        ("ts", 25, None, False),
        ("avi", 25, None, False),
        ("mp4", 25, [i * 40 + (i % 3) * 9 for i in range(60)], True),
        ("mkv", 30, [i * 33 + 400 * (i > 30) for i in range(60)], True),
        ("mkv", 30, [i * 100 // 3 for i in range(60)], False),
    ],
)
def test_probe_reports_a_variable_rate(tmp_path, worker, suffix, rate, times, variable):
    codec = "mpeg4" if suffix == "avi" else "libx264"
    frames = odd.numbered(60)
    path = odd.write(tmp_path / f"v.{suffix}", frames, codec=codec, times=times, rate=rate)
    assert probe(path, worker=worker).variable_rate is variable


def test_a_folder_with_a_broken_image_names_it(tmp_path, read):
    for number, frame in enumerate(odd.numbered(4)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame)
    (tmp_path / "2.png").write_bytes(b"broken")
    found, error, _ = read(tmp_path)
    assert found == [0, 1]
    assert "cannot be read after 2 images: 2.png is not a readable image" in error


def test_a_folder_of_mixed_sizes_needs_a_size(tmp_path, worker):
    for number, side in enumerate((32, 32, 16)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((side, 40, 3), number, np.uint8))
    with pytest.raises(DataError, match=r"2\.png is 40x16 pixels, earlier ones are 40x32; give"):
        list(read_frames(tmp_path, worker=worker))
    resized = list(read_frames(tmp_path, size=(8, 8), worker=worker))
    assert [int(frame[0, 0, 0]) for frame in resized] == [0, 1, 2]


def test_png_can_be_read_after_decord_was_loaded(tmp_path):
    """decord's own zlib gets in the way of OpenCV's PNG reader, unless OpenCV came first."""
    video = odd.write(tmp_path / "video.mp4", odd.numbered(3))
    cv2.imwrite(str(tmp_path / "1.png"), odd.numbered(6)[5])
    with Worker() as worker:
        assert len(list(read_frames(video, readers=("decord",), worker=worker))) == 3
        (image,) = read_frames(tmp_path, worker=worker)
    assert odd.number(image) == 5
