"""Flow beside stored frames: what is kept, when it is made anew, and what a kill leaves."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from vadkit.data.flow.stored import StoredFlow, build_flow
from vadkit.data.store.build import build_store, plan_store
from vadkit.data.store.settings import Settings
from vadkit.errors import DataError


@dataclass
class MemoryVideo:
    """A stored video whose frames are in memory."""

    id: str
    folder: Path
    frames: np.ndarray
    first: int = 0
    cuts: tuple[int, ...] = ()

    @property
    def shape(self):
        return self.frames.shape

    def __len__(self):
        return len(self.frames)

    def read(self, start, stop):
        return self.frames[start:stop]


class Difference:
    """Flow of its own: the mean difference as dx, and how often it was called."""

    def __init__(self):
        self.calls = 0

    def __call__(self, previous_HWC, current_HWC):
        self.calls += 1
        flow = np.zeros((*current_HWC.shape[:2], 2), np.float32)
        flow[..., 0] = (
            current_HWC.astype(np.float32).mean() - previous_HWC.astype(np.float32).mean()
        )
        return flow


@pytest.fixture
def videos(tmp_path):
    """Frames valued 0, 1, 3, 6, ... and 100, 101, 103, ... in two folders."""
    made = []
    for name, base, count in (("a", 0, 6), ("b", 100, 4)):
        values = base + np.cumsum(np.arange(count))
        frames = np.broadcast_to(values[:, None, None, None], (count, 4, 5, 1)).astype(np.uint8)
        (tmp_path / "store" / name).mkdir(parents=True)
        made.append(MemoryVideo(name, tmp_path / "store" / name, frames))
    return made


def test_flow_comes_from_the_previous_frame(videos):
    got = []
    flow = build_flow(videos, "d", Difference(), {}, progress=lambda *done: got.append(done))
    assert [one.id for one in flow] == ["a", "b"]
    assert flow[0].shape == (6, 4, 5, 2)
    rows = flow[0].read(0, 6)
    assert (rows.dtype, rows.shape) == (np.float16, (6, 4, 5, 2))
    assert rows[:, 2, 3, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert not rows[..., 1].any()
    assert flow[1].read(1, 3)[:, 0, 0, 0].tolist() == [1, 2]
    assert flow[1].read(2, 2).shape == (0, 4, 5, 2)
    assert got[-1] == (2, 10)
    assert got == sorted(got)
    with pytest.raises(IndexError, match=r"\[3, 5\) of 4"):
        flow[1].read(3, 5)


def test_flow_is_zero_at_a_cut(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 1), np.uint8)
    whole = MemoryVideo("v", tmp_path, frames)
    cut = MemoryVideo("v", tmp_path, frames, cuts=(3,))
    (usual,) = build_flow([whole], "d", Difference(), {})
    (found,) = build_flow([cut], "d", Difference(), {})
    assert found.path != usual.path
    assert (found.read(3, 4) == 0).all() and (usual.read(3, 4) != 0).any()
    for frame in (1, 2, 4, 5):
        assert (found.read(frame, frame + 1) == usual.read(frame, frame + 1)).all()


def test_flow_is_computed_once(videos):
    flow = Difference()
    first = build_flow(videos, "d", flow, {"preset": "fast"})
    assert flow.calls == 5 + 3
    assert build_flow(videos, "d", flow, {"preset": "fast"}) == first
    assert flow.calls == 8
    other = build_flow(videos, "d", flow, {"preset": "medium"})
    assert other[0].path != first[0].path
    build_flow(videos, "e", flow, {"preset": "fast"})
    assert flow.calls == 24


def test_parts_of_one_file_have_their_own_flow(videos):
    whole = videos[0]
    parts = [
        MemoryVideo("early", whole.folder, whole.frames[:3]),
        MemoryVideo("late", whole.folder, whole.frames[3:], first=3),
        MemoryVideo("again", whole.folder, whole.frames[3:], first=3),
    ]
    flow = Difference()
    early, late, again = build_flow(parts, "d", flow, {}, workers=3)
    assert early.read(0, 3)[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert late.read(0, 3)[:, 0, 0, 0].tolist() == [0, 4, 5]
    assert (again.id, again.path) == ("again", late.path)
    assert flow.calls == 4


def test_flow_of_videos_in_the_store(image_folder, tmp_path):
    settings = Settings(size=(16, 24), channels="gray")
    plan = plan_store([image_folder("v", 5)], settings, cache=tmp_path / "cache")
    (stored,) = build_store(plan, settings)[0]
    (flow,) = build_flow([stored], "d", Difference(), {})
    assert flow.path.parent == stored.folder
    assert flow.read(0, 5)[:, 0, 0, 0].tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("harm", ["cut", "no notes"])
def test_incomplete_flow_is_computed_again(videos, harm):
    (before,) = build_flow(videos[:1], "d", Difference(), {})
    if harm == "cut":
        os.truncate(before.path, 100)
    else:
        before.path.with_suffix(".json").unlink()
    flow = Difference()
    build_flow(videos[:1], "d", flow, {})
    assert flow.calls == 5
    assert before.read(0, 6)[5, 0, 0, 0] == 5


def test_flow_that_fails_leaves_nothing(videos):
    def fails(previous_HWC, current_HWC):
        if current_HWC[0, 0, 0] == 6:
            raise DataError("this frame cannot be followed")
        return np.zeros((4, 5, 2), np.float32)

    with pytest.raises(DataError, match="this frame cannot be followed"):
        build_flow(videos, "d", fails, {}, workers=1)
    assert not [*videos[0].folder.glob("flow-*"), *videos[0].folder.glob(".flow-*.partial*")]


def test_too_little_room_for_flow(videos, monkeypatch):
    usage = shutil_usage(free=100)
    monkeypatch.setattr("vadkit.data.flow.stored.shutil.disk_usage", usage)
    flow = Difference()
    with pytest.raises(DataError, match=r"optical flow needs 0.00 GiB in .*store, where 0.00 GiB"):
        build_flow(videos, "d", flow, {})
    assert flow.calls == 0


def shutil_usage(free):
    from collections import namedtuple

    return lambda _: namedtuple("Usage", "total used free")(free, 0, free)


_SCRIPT = """
import sys, time
from pathlib import Path
import numpy as np
from vadkit.data.flow.stored import build_flow

class Slow:
    id, first, shape, cuts = "v", 0, (30, 4, 5, 1), ()
    folder = Path(sys.argv[1])
    def __len__(self): return 30
    def read(self, start, stop): return np.zeros((stop - start, 4, 5, 1), np.uint8)

def flow(previous, current):
    time.sleep(float(sys.argv[2]))
    with (Slow.folder / "calls").open("a") as file: file.write("x")
    return np.ones((4, 5, 2), np.float32)

(made,) = build_flow([Slow()], "slow", flow, {})
print(int(made.read(0, 30)[..., 0].sum()), flush=True)
"""


def start(folder, pause):
    command = [sys.executable, "-c", _SCRIPT, str(folder), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_build_leaves_no_valid_flow(tmp_path):
    process = start(tmp_path, 0.1)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".flow-*.partial*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list(tmp_path.glob("flow-*"))
    # 29 frames after the first, of 4x5 pixels that move by 1.
    assert start(tmp_path, 0).communicate(timeout=60)[0] == f"{29 * 20}\n"
    assert not list(tmp_path.glob(".flow-*.partial*"))


def test_two_processes_compute_flow_once(tmp_path):
    both = [start(tmp_path, 0.02), start(tmp_path, 0.02)]
    assert [one.communicate(timeout=60)[0] for one in both] == [f"{29 * 20}\n"] * 2
    assert (tmp_path / "calls").read_text() == "x" * 29


def test_flow_cut_after_it_was_opened(tmp_path):
    path = tmp_path / "flow.f16"
    path.write_bytes(b"\0" * 10)
    with pytest.raises(DataError, match=r"flow of video 'v' in .*flow.f16 is truncated; delete"):
        StoredFlow("v", path, (3, 4, 5, 2)).read(0, 3)
