"""The process that draws and encodes annotated video: its times, its failures, and its end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.errors import DataError
from vadkit.inference.sinks import drawing
from vadkit.inference.sinks.drawing import Drawing

SETTINGS = {"fps": 10.0, "level": 0.5, "is_threshold": False}
FRAME = np.full((48, 64, 3), 90, np.uint8)


def seen(index, time):
    limits = (0.0, 1.0)
    return {"index": index, "time": time, "score": 0.2, "limits": limits, "raised_by": None}


def put(video, count, start=0, frame=FRAME):
    for index in range(start, start + count):
        video.put(frame, None, seen(index, index / 10))


def until(true):
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def put_until_it_fails(video):
    for index in range(2000):
        put(video, 1, index)
        time.sleep(0.005)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=30))
def test_every_frame_is_shown_at_its_time(tmp_path_factory, steps):
    times = [0.0, *np.cumsum(steps) / 1000]
    video = Drawing(tmp_path_factory.mktemp("out") / "a.mp4", SETTINGS, None)
    for index, at in enumerate(times):
        video.put(FRAME, None, seen(index, float(at)))
    with av.open(str(video.close())) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    assert shown == pytest.approx(times, abs=1e-4)


def test_a_killed_process_is_an_error_and_leaves_nothing(tmp_path):
    video = Drawing(tmp_path / "a.mp4", SETTINGS, None)
    put(video, 20)
    until(lambda: list(tmp_path.iterdir()))
    video._process.kill()
    with pytest.raises(DataError, match=r"a\.mp4 crashed \(SIGKILL\)"):
        put_until_it_fails(video)
    with pytest.raises(DataError, match="crashed"):
        video.close()
    assert list(tmp_path.iterdir()) == []


def test_a_process_killed_at_the_end_is_an_error(tmp_path):
    video = Drawing(tmp_path / "a.mp4", SETTINGS, None)
    put(video, 3)
    video._process.kill()
    with pytest.raises(DataError, match=r"a\.mp4 crashed \(SIGKILL\)"):
        video.close()


def test_a_hanging_process_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "_STALL_S", 1.0)
    video = Drawing(tmp_path / "a.mp4", SETTINGS, None)
    os.kill(video._process.pid, signal.SIGSTOP)
    large = np.zeros((480, 640, 3), np.uint8)
    started = time.monotonic()
    with pytest.raises(DataError, match=r"a\.mp4 hangs"):
        put(video, 200, frame=large)
    video.abort()
    assert time.monotonic() - started < 20
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_hangs_at_the_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "_FINISH_S", 1.0)
    video = Drawing(tmp_path / "a.mp4", SETTINGS, None)
    put(video, 3)
    os.kill(video._process.pid, signal.SIGSTOP)
    with pytest.raises(DataError, match=r"a\.mp4 hangs"):
        video.close()


def test_waiting_frames_are_bounded(tmp_path, monkeypatch):
    most = 4 * FRAME.nbytes
    monkeypatch.setattr(drawing, "_MOST_BYTES", most)
    video = Drawing(tmp_path / "a.mp4", SETTINGS, None)
    for index in range(100):
        put(video, 1, index)
        assert video._bytes <= most
    assert video.close().is_file()


def test_a_file_that_cannot_grow_is_one_line(tmp_path):
    video = Drawing(tmp_path / "a.mp4", SETTINGS, None)
    resource.prlimit(video._process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    put(video, 100, frame=noise)
    with pytest.raises(DataError, match=r"the file is larger than this process may write") as error:
        video.close()
    assert "\n" not in str(error.value)
    video.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "out").write_text("")
    video = Drawing(tmp_path / "out" / "a.mp4", SETTINGS, None)
    put(video, 3)
    with pytest.raises(DataError, match="a file is in the place of a folder"):
        video.close()


def test_a_frame_of_another_size_is_an_error(tmp_path):
    video = Drawing(tmp_path / "a.mp4", SETTINGS, None)
    put(video, 1)
    put(video, 1, 1, frame=np.zeros((48, 96, 3), np.uint8))
    with pytest.raises(DataError, match="but earlier frames are"):
        video.close()


KILLED = """
import os, signal, sys, numpy
from pathlib import Path
from vadkit.inference.sinks.drawing import Drawing
video = Drawing(Path(sys.argv[1]), {"fps": 10.0, "level": None, "is_threshold": False}, None)
for index in range(50):
    seen = {"index": index, "time": index / 10, "score": 0, "limits": [0, 1], "raised_by": None}
    video.put(numpy.zeros((48, 64, 3), numpy.uint8), None, seen)
while not list(Path(sys.argv[1]).parent.iterdir()):
    pass
print(video._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_process_ends_with_a_killed_parent_and_removes_its_file(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "a.mp4")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    process = int(done.stdout)
    until(lambda: not os.path.exists(f"/proc/{process}") or "\nState:\tZ" in status(process))
    assert list(tmp_path.iterdir()) == []


def status(process):
    try:
        with open(f"/proc/{process}/status") as file:
            return file.read()
    except FileNotFoundError:
        return "\nState:\tZ"
