"""Frames reach a file whole, in order and with the right checksum, whatever readers do."""

import errno
import os
import re
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from vadkit.data.decoding.decode import Worker, decode_to_file, read_frames, read_timed_frames
from vadkit.errors import DataError

SIZE = (4, 6)


FAKES = [Path(__file__).parent / "fake_readers.py"]


@pytest.fixture
def file(tmp_path):
    """A file that the fake readers do not look at."""
    path = tmp_path / "video.mp4"
    path.write_bytes(b"x")
    return path


@pytest.fixture
def target(tmp_path):
    return tmp_path / "video.u8"


def fakes(*names):
    return tuple(f"fake-{name}" for name in names)


def numbers(target, size=SIZE):
    return np.fromfile(target, np.uint8).reshape(-1, *size, 3)[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(("channels", "planes"), [("rgb", 3), ("gray", 1)])
def test_the_file_contains_the_frames_of_read_frames(
    tmp_path, target, pictures, write_video, channels, planes
):
    path = write_video(tmp_path / "video.mkv", pictures)
    target.write_bytes(b"what was there before" * 10_000)
    got = []
    decoded = decode_to_file(path, target, size=(16, 24), channels=channels, progress=got.append)
    expected = np.stack(list(read_frames(path, size=(16, 24), channels=channels)))
    found = np.fromfile(target, np.uint8).reshape(-1, 16, 24, planes)
    assert (found == expected).all()
    assert (decoded.frames, decoded.crc) == (20, zlib.crc32(expected))
    assert (decoded.readers, decoded.cuts, decoded.damaged) == (("pyav",), (), 0)
    times = [frame.time for frame in read_timed_frames(path)]
    assert times == pytest.approx(np.arange(20) / 25)
    assert sum(got) == 20


def test_a_reader_may_use_its_buffer_again(file, target):
    (name,) = fakes("reuses_its_buffer")
    decode_to_file(file, target, readers=(name,), plugins=FAKES, size=(400, 600), channels="rgb")
    frames = np.fromfile(target, np.uint8).reshape(10, -1)
    assert (frames == np.arange(10)[:, None]).all()


def test_a_folder_of_images_reaches_the_file(tmp_path, target, pictures):
    folder = tmp_path / "images"
    folder.mkdir()
    for number, frame in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number}.png"), frame[..., ::-1])
    decoded = decode_to_file(folder, target, size=(32, 64), channels="rgb")
    assert target.read_bytes() == pictures.tobytes()
    assert (decoded.frames, decoded.readers) == (20, ("frames",))


@pytest.mark.parametrize("reader", ["hangs", "crashes", "breaks", "tears"])
def test_the_next_reader_continues_where_one_failed(file, target, caplog, reader):
    names = fakes(reader, "numbered")
    got = []
    decoded = decode_to_file(
        file,
        target,
        readers=names,
        plugins=FAKES,
        size=SIZE,
        channels="rgb",
        stall_s=1,
        progress=got.append,
    )
    assert numbers(target) == list(range(10))
    assert (decoded.frames, decoded.readers) == (10, names)
    assert decoded.crc == zlib.crc32(target.read_bytes())
    # These readers give no times, and the file is no video.
    timed = read_timed_frames(file, readers=fakes("numbered"), plugins=FAKES)
    assert [frame.time for frame in timed] == pytest.approx(np.arange(10) / 25)
    assert sum(got) == 10
    # The third one may still be on its way to the file when the child dies.
    assert re.search(f"{names[0]} failed after [23] frames", caplog.text)


def test_a_reader_that_gave_no_frame_is_not_among_those_needed(file, target):
    names = fakes("gives_floats", "numbered")
    decoded = decode_to_file(file, target, readers=names, plugins=FAKES, size=SIZE, channels="rgb")
    assert decoded.readers == names[1:]


def test_slow_frames_are_no_stall_and_are_reported_immediately(file, target):
    got = []
    decode_to_file(
        file,
        target,
        readers=fakes("slow"),
        plugins=FAKES,
        size=SIZE,
        channels="rgb",
        stall_s=1.5,
        progress=got.append,
    )
    assert got == [1, 1, 1, 1]


def test_if_all_fail_the_error_says_why_and_how_far(file, target):
    names = fakes("breaks", "crashes")
    with pytest.raises(DataError, match=r"3 frames could be read.*bad packet.*SIGSEGV"):
        decode_to_file(file, target, readers=names, plugins=FAKES, size=SIZE, channels="rgb")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_no_fault_of_the_reader(file, target, caplog):
    names = fakes("numbered", "first_three")
    with Worker() as worker:
        with pytest.raises(OSError) as caught:
            decode_to_file(
                file,
                Path("/dev/full"),
                readers=names,
                plugins=FAKES,
                size=SIZE,
                channels="rgb",
                worker=worker,
            )
        assert caught.value.errno == errno.ENOSPC
        assert caught.value.filename == "/dev/full"
        assert not caplog.records
        decode_to_file(
            file, target, readers=names, plugins=FAKES, size=SIZE, channels="rgb", worker=worker
        )
    assert numbers(target) == list(range(10))


def test_a_target_that_cannot_be_made_is_an_os_error(file, tmp_path):
    with pytest.raises(FileNotFoundError):
        decode_to_file(file, tmp_path / "none" / "x", size=SIZE, channels="rgb")


def test_an_error_in_progress_ends_the_child(file, target):
    def stop(frames):
        raise KeyboardInterrupt

    with Worker() as worker:
        (frame,) = read_frames(file, readers=fakes("tells_process"), plugins=FAKES, worker=worker)
        with pytest.raises(KeyboardInterrupt):
            decode_to_file(
                file,
                target,
                readers=fakes("hangs"),
                plugins=FAKES,
                size=SIZE,
                channels="rgb",
                worker=worker,
                progress=stop,
            )
        with pytest.raises(ProcessLookupError):
            os.kill(int.from_bytes(frame.tobytes(), "little"), 0)


def test_a_file_that_changes_is_an_error(file, target):
    with pytest.raises(DataError, match=r"video\.mp4 was changed while it was read; wait"):
        decode_to_file(
            file,
            target,
            readers=fakes("numbered"),
            plugins=FAKES,
            size=SIZE,
            channels="rgb",
            progress=lambda frames: file.write_bytes(b"longer"),
        )


def test_plugins_reach_the_child(file, target, tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import numpy as np\nimport vadkit\n\n\n"
        "@vadkit.register('readers', 'three')\n"
        "def three(path):\n"
        "    for number in range(3):\n"
        "        yield np.full((4, 6, 3), number, np.uint8)\n"
    )
    decoded = decode_to_file(
        file, target, readers=("three",), size=SIZE, channels="rgb", plugins=[plugin]
    )
    assert (numbers(target), decoded.readers) == ([0, 1, 2], ("three",))


def test_a_plugin_does_not_run_for_a_reader_of_vadkit(tmp_path, write_video, pictures):
    """It may import PyTorch, which would take seconds in each decoding process."""
    path = write_video(tmp_path / "a.mkv", pictures)
    plugin = tmp_path / "plugin.py"
    plugin.write_text("import os\nif 'worker' in str(os.sys.orig_argv):\n    os.abort()\n")
    frames = list(read_frames(path, readers=("pyav",), plugins=[plugin]))
    assert len(frames) == len(pictures)
