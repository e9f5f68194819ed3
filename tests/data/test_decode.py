"""Decoding outlives hangs, crashes and errors of its libraries, and tells what happened."""

import logging
import os
import re
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from vadkit.data.decode import Worker, probe, read_frames
from vadkit.data.readers import pyav
from vadkit.errors import DataError


@pytest.fixture(autouse=True)
def _fakes(monkeypatch):
    """Lets the child import ``fake_readers``."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture
def file(tmp_path):
    """A file that the fake readers do not look at."""
    path = tmp_path / "video.mp4"
    path.write_bytes(b"x")
    return path


def fakes(*names):
    return tuple(f"fake_readers:{name}" for name in names)


def numbers(frames):
    return [int(frame[0, 0, 0]) for frame in frames]


def test_frames_come_through_unchanged(tmp_path, pictures, write_video, caplog):
    path = write_video(tmp_path / "video.mkv", pictures)
    frames = list(read_frames(path))
    assert not caplog.records
    assert (np.stack(frames) == pictures).all()
    assert frames[0].dtype == np.uint8


def test_what_decord_misreads_comes_from_pyav(tmp_path, pictures, write_video, caplog):
    """decord 0.6.0 gives frames of this width four channels and blanks their pixels."""
    narrow = pictures[:, :, :48]
    path = write_video(tmp_path / "video.mkv", narrow)
    assert (np.stack(list(read_frames(path))) == narrow).all()
    assert "(32, 48, 4)" in caplog.text


def test_size_and_channels(tmp_path, pictures, write_video):
    path = write_video(tmp_path / "video.mkv", pictures)
    assert next(read_frames(path, size=(16, 24))).shape == (16, 24, 3)
    assert next(read_frames(path, size=(16, 24), channels="gray")).shape == (16, 24, 1)
    gray = next(read_frames(path, channels="gray"))
    assert (gray[..., 0] == cv2.cvtColor(pictures[0], cv2.COLOR_RGB2GRAY)).all()


def test_a_folder_of_images_is_a_video(tmp_path, pictures):
    for number, frame in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame[..., ::-1])
    assert (np.stack(list(read_frames(tmp_path))) == pictures).all()


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        ("hangs", r"no frame came for 1 s"),
        ("crashes", r"crashed \(SIGSEGV\)"),
        ("breaks", r"\(bad packet\)"),
    ],
)
def test_the_next_reader_goes_on_where_one_failed(file, caplog, reader, reason):
    with caplog.at_level(logging.WARNING, "vadkit.data"):
        frames = read_frames(file, readers=fakes(reader, "numbered"), stall_s=1)
        assert numbers(frames) == list(range(10))
    (record,) = caplog.records
    message = record.getMessage()
    assert str(file) in message and f"fake_readers:{reader}" in message
    assert "after 3 frames" in message
    assert re.search(reason, message)


def test_when_all_fail_the_error_tells_why_and_how_far(file):
    with pytest.raises(DataError) as caught:
        list(read_frames(file, readers=fakes("breaks", "crashes"), stall_s=5))
    message = str(caught.value)
    assert str(file) in message and "3 frames could be read" in message
    assert "breaks: bad packet" in message and "SIGSEGV" in message
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        ("fake_readers:is_empty", "no frames"),
        ("fake_readers:gives_floats", "float64"),
        ("nonsense", "no reader of this name"),
        ("fake_readers:nonsense", "nonsense"),
        ("no_such_module:read", "no_such_module"),
    ],
)
def test_unfit_readers_are_told_in_words(file, reader, reason):
    with pytest.raises(DataError, match=reason):
        list(read_frames(file, readers=(reader,)))


def test_chatter_on_standard_output_does_no_harm(file):
    assert numbers(read_frames(file, readers=fakes("chatters"))) == [0, 1, 2]


def test_the_child_does_not_import_torch(file):
    assert numbers(read_frames(file, readers=fakes("tells_modules"))) == [0]


def test_the_child_finds_vadkit_from_any_folder(file, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise RuntimeError('not the real json')")
    monkeypatch.chdir(tmp_path)
    assert numbers(read_frames(Path(file.name), readers=fakes("first_three"))) == [0, 1, 2]


def test_a_worker_serves_many_videos_and_starts_anew_after_a_failure(file):
    def process(worker):
        (frame,) = read_frames(file, readers=fakes("tells_process"), worker=worker)
        return frame.tobytes()

    with Worker() as worker:
        first = process(worker)
        assert process(worker) == first
        with pytest.raises(DataError, match="SIGSEGV"):
            list(read_frames(file, readers=fakes("crashes"), worker=worker))
        second = process(worker)
        assert second != first
        # Leaving early ends the child too: it may be in the middle of a frame.
        frames = read_frames(file, readers=fakes("numbered"), worker=worker)
        assert next(frames)[0, 0, 0] == 0
        frames.close()
        third = process(worker)
        assert third != second
    with pytest.raises(ProcessLookupError):
        os.kill(int.from_bytes(third, "little"), 0)


def test_leaving_early_ends_a_hanging_child_at_once(file):
    started = time.monotonic()
    frames = read_frames(file, readers=fakes("hangs"), stall_s=60)
    next(frames)
    frames.close()
    assert time.monotonic() - started < 10


def test_files_that_are_no_videos(tmp_path):
    cases = {
        "missing.mp4": (None, "not found"),
        "empty.mp4": (b"", "0 bytes"),
        "text.mp4": (b"hello\n" * 100, "no reader can open"),
    }
    for name, (data, text) in cases.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        for read in (probe, lambda path: list(read_frames(path))):
            with pytest.raises(DataError, match=text) as caught:
                read(tmp_path / name)
            assert name in str(caught.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        next(read_frames(tmp_path / "folder"))


def test_probe(tmp_path, pictures, write_video):
    path = write_video(tmp_path / "video.mp4", pictures, codec="libx264", pixels="yuv420p")
    info = probe(path)
    assert (info.fps, info.size, info.frames) == (25.0, (32, 64), 20)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "1.png"), pictures[0])
    info = probe(tmp_path / "images")
    assert (info.fps, info.size, info.frames) == (25.0, (32, 64), 1)


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.3, 0.6, 0.85])
def test_a_cut_transport_stream_is_read_as_far_as_it_goes(tmp_path, pictures, write_video, part):
    path = write_video(
        tmp_path / "video.ts", pictures, codec="libx264", form="mpegts", pixels="yuv420p"
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    whole = list(pyav(path))
    assert 0 < len(whole) < len(pictures)
    assert (np.stack(list(read_frames(path, stall_s=3))) == np.stack(whole)).all()
    # Without our guard decord hangs, raises or makes frames up; whatever it does, we come back.
    started = time.monotonic()
    assert list(read_frames(path, readers=(*fakes("raw_decord"), "pyav"), stall_s=3))
    assert time.monotonic() - started < 20
