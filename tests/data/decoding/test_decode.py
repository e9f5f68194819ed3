"""Decoding outlives hangs, crashes and errors of its libraries, and tells what happened."""

import logging
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from vadkit.data.decoding.decode import VideoInfo, Worker, probe, read_frames
from vadkit.data.decoding.readers import pyav
from vadkit.errors import DataError

FAKES = [Path(__file__).parent / "fake_readers.py"]


@pytest.fixture
def file(tmp_path):
    """A file that the fake readers do not look at."""
    path = tmp_path / "video.mp4"
    path.write_bytes(b"x")
    return path


def fakes(*names):
    return tuple(f"fake-{name}" for name in names)


def numbers(frames):
    return [int(frame[0, 0, 0]) for frame in frames]


def test_frames_come_through_unchanged(tmp_path, pictures, write_video, caplog):
    path = write_video(tmp_path / "video.mkv", pictures)
    frames = list(read_frames(path))
    assert not caplog.records
    assert (np.stack(frames) == pictures).all()
    assert frames[0].dtype == np.uint8


def test_files_that_decord_misreads_are_read_by_pyav(tmp_path, pictures, write_video, caplog):
    """decord 0.6.0 gives frames of this width four channels and blanks their pixels."""
    narrow = pictures[:, :, :48]
    path = write_video(tmp_path / "video.mkv", narrow)
    frames = list(read_frames(path, readers=("decord", "pyav")))
    assert (np.stack(frames) == narrow).all()
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
def test_the_next_reader_continues_where_one_failed(file, caplog, reader, reason):
    with caplog.at_level(logging.WARNING, "vadkit.data"):
        frames = read_frames(file, readers=fakes(reader, "numbered"), plugins=FAKES, stall_s=1)
        assert numbers(frames) == list(range(10))
    (record,) = caplog.records
    message = record.getMessage()
    assert str(file) in message and f"fake-{reader}" in message
    assert "after 3 frames" in message
    assert re.search(reason, message)


def test_if_all_fail_the_error_says_why_and_how_far(file):
    with pytest.raises(DataError) as caught:
        list(read_frames(file, readers=fakes("breaks", "crashes"), plugins=FAKES, stall_s=5))
    message = str(caught.value)
    assert str(file) in message and "3 frames could be read" in message
    assert "breaks: bad packet" in message and "SIGSEGV" in message
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        ("fake-is_empty", "no frames"),
        ("fake-gives_floats", "float64"),
        ("nonsense", "no readers component named 'nonsense'; known: decord, fake-breaks"),
        ("fake_readers:numbered", "no readers component named 'fake_readers:numbered'"),
        ("os:remove", "no readers component named 'os:remove'"),
    ],
)
def test_wrong_readers_give_a_clear_error(file, reader, reason):
    with pytest.raises(DataError, match=reason):
        list(read_frames(file, readers=(reader,), plugins=FAKES))


def test_output_of_libraries_on_stdout_does_no_harm(file):
    assert numbers(read_frames(file, readers=fakes("chatters"), plugins=FAKES)) == [0, 1, 2]


def test_the_child_does_not_import_torch(file):
    assert numbers(read_frames(file, readers=fakes("tells_modules"), plugins=FAKES)) == [0]


def test_the_child_finds_vadkit_from_any_folder(file, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise RuntimeError('not the real json')")
    monkeypatch.chdir(tmp_path)
    frames = read_frames(Path(file.name), readers=fakes("first_three"), plugins=FAKES)
    assert numbers(frames) == [0, 1, 2]


def test_opencv_is_imported_before_any_child_is_started():
    """Its import in another thread changes sys.path for a while, which a child would inherit."""
    code = "import sys, vadkit.data.decoding.decode; print('cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_worker_serves_many_videos_and_starts_again_after_a_failure(file):
    def process(worker):
        (frame,) = read_frames(file, readers=fakes("tells_process"), plugins=FAKES, worker=worker)
        return frame.tobytes()

    with Worker() as worker:
        first = process(worker)
        assert process(worker) == first
        with pytest.raises(DataError, match="SIGSEGV"):
            list(read_frames(file, readers=fakes("crashes"), plugins=FAKES, worker=worker))
        second = process(worker)
        assert second != first
        # Leaving early ends the child too: it may be in the middle of a frame.
        frames = read_frames(file, readers=fakes("numbered"), plugins=FAKES, worker=worker)
        assert next(frames)[0, 0, 0] == 0
        frames.close()
        third = process(worker)
        assert third != second
        # But not after the last frame: only the end of the answer is left.
        frames = read_frames(file, readers=fakes("tells_process"), plugins=FAKES, worker=worker)
        assert next(frames).tobytes() == third
        frames.close()
        assert process(worker) == third
    with pytest.raises(ProcessLookupError):
        os.kill(int.from_bytes(third, "little"), 0)


def test_stopping_early_ends_a_hanging_child_at_once(file):
    started = time.monotonic()
    frames = read_frames(file, readers=fakes("hangs"), plugins=FAKES, stall_s=60)
    next(frames)
    frames.close()
    assert time.monotonic() - started < 10


def test_files_that_are_not_videos(tmp_path):
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
    with pytest.raises(DataError, match="contains no images"):
        next(read_frames(tmp_path / "folder"))


def test_a_plugin_adds_readers(file, tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import numpy as np\nimport vadkit\n\n\n"
        "@vadkit.register('readers', 'made-up')\n"
        "def made_up(path):\n"
        "    yield np.full((4, 6, 3), 42, np.uint8)\n"
    )
    assert numbers(read_frames(file, readers=("made-up",), plugins=[plugin])) == [42]
    # The readers of vadkit stay at hand beside it.
    both = ("pyav", "made-up")
    assert numbers(read_frames(file, readers=both, plugins=[plugin])) == [42]
    plugin.write_text("1 / 0")
    with pytest.raises(DataError, match=r"plugin\.py:1: ZeroDivisionError"):
        next(read_frames(file, readers=("made-up",), plugins=[plugin]))


def test_a_reader_with_fewer_frames_than_the_previous_one_fails(file):
    with pytest.raises(DataError, match="first_two: it has 2 frames, but 3 were already read"):
        list(read_frames(file, readers=fakes("breaks", "first_two"), plugins=FAKES))


def test_a_file_that_changes_is_read_with_a_warning(file, caplog):
    frames = read_frames(file, readers=fakes("numbered"), plugins=FAKES)
    first = next(frames)
    file.write_bytes(b"longer")
    assert numbers([first, *frames]) == list(range(10))
    assert f"{file} was changed while it was read; 10 frames were read" in caplog.text


def test_the_child_outlives_the_thread_that_started_it(file):
    def process(worker):
        (frame,) = read_frames(file, readers=fakes("tells_process"), plugins=FAKES, worker=worker)
        return frame.tobytes()

    found = []
    with Worker() as worker:
        thread = threading.Thread(target=lambda: found.append(process(worker)))
        thread.start()
        thread.join()
        time.sleep(0.1)
        assert process(worker) == found[0]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
def test_a_hanging_child_dies_with_its_parent(file):
    left = file.with_suffix(".process")
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path\n"
            "from vadkit.data.decoding.decode import read_frames\n"
            "file, fakes = map(Path, sys.argv[1:])\n"
            "names = ['fake-leaves_its_process_and_hangs']\n"
            "for frame in read_frames(file, readers=names, plugins=[fakes]): print(flush=True)",
            str(file),
            str(FAKES[0]),
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    for _ in range(3):
        assert parent.stdout.readline()
    child = int(left.read_text())
    time.sleep(0.2)
    assert alive(child)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)


def alive(process):
    """Whether a process runs; one that ended may wait for its parent to take note."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_probe(tmp_path, pictures, write_video):
    path = write_video(tmp_path / "video.mp4", pictures, codec="libx264", pixels="yuv420p")
    expected = VideoInfo(25.0, (32, 64), 20, "h264", "yuv420p", 0.8, variable_rate=False)
    assert probe(path) == expected
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "1.PNG"), pictures[0])
    expected = VideoInfo(25.0, (32, 64), 1, "png", None, 0.04, variable_rate=False)
    assert probe(tmp_path / "images") == expected


def test_one_worker_probes_and_reads_many_files(tmp_path, file, pictures, write_video):
    path = write_video(tmp_path / "video.mkv", pictures)
    with Worker() as worker:
        assert probe(path, worker=worker).frames is None
        with pytest.raises(DataError, match=r"video\.mp4"):
            probe(file, worker=worker)
        assert probe(path, worker=worker).codec == "ffv1"
        assert len(list(read_frames(path, worker=worker))) == 20


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
    assert list(read_frames(path, readers=(*fakes("raw_decord"), "pyav"), plugins=FAKES, stall_s=3))
    assert time.monotonic() - started < 20
