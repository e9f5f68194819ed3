"""The frame store and the loader on it."""

import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from vadkit.data.augments import fliplr
from vadkit.data.loader import ClipLoader
from vadkit.data.store import build_store, dataset_fingerprint
from vadkit.data.tensors import to_input
from vadkit.data.videos import ClipSpec, Video
from vadkit.errors import DataError

SPEC = ClipSpec(3, (8, 12), "gray", (2,), range=(-1.0, 1.0))


def image_folder(path, frames, first=0):
    path.mkdir()
    for index in range(frames):
        cv2.imwrite(str(path / f"{index}.png"), np.full((8, 12), first + index, np.uint8))
    return Video(path.name, "train", path)


@pytest.fixture
def videos(tmp_path):
    return [image_folder(tmp_path / "a", 6), image_folder(tmp_path / "b", 5, first=100)]


def store(videos, cache, **settings):
    return build_store(videos, size=(8, 12), channels="gray", cache=cache, **settings)


def test_frames_are_kept_as_they_are(videos, tmp_path):
    told = []
    stored = store(videos, tmp_path / "cache", progress=lambda *done: told.append(done))
    assert [video.id for video in stored] == ["a", "b"]
    assert [len(video) for video in stored] == [6, 5]
    assert stored[1].frames.shape == (5, 8, 12, 1)
    assert stored[1].frames[:, 0, 0, 0].tolist() == [100, 101, 102, 103, 104]
    assert told[-1] == (2, 11)
    with pytest.raises(ValueError, match="read-only"):
        stored[0].frames[0] = 0


def test_a_second_build_decodes_nothing(videos, tmp_path, monkeypatch):
    first = store(videos, tmp_path / "cache")
    monkeypatch.setattr("vadkit.data.store.read_frames", None)
    again = store(videos, tmp_path / "cache")
    assert [v.folder for v in again] == [v.folder for v in first]


def test_another_size_or_content_is_another_entry(videos, tmp_path):
    cache = tmp_path / "cache"
    first = store(videos, cache)
    other = build_store(videos, size=(16, 24), channels="gray", cache=cache)
    assert first[0].folder != other[0].folder
    cv2.imwrite(str(videos[0].path / "0.png"), np.full((8, 12), 50, np.uint8))
    os.utime(videos[0].path / "0.png", ns=(1, 1))
    changed = store(videos, cache)
    assert changed[0].folder != first[0].folder
    assert changed[1].folder == first[1].folder
    assert changed[0].frames[0, 0, 0, 0] == 50
    assert dataset_fingerprint(changed) != dataset_fingerprint(first)


def test_a_killed_build_leaves_nothing_that_counts(tmp_path):
    """kill -9 in the middle: no entry under its final name, and the next build is whole."""
    (tmp_path / "slow_reader.py").write_text(
        "import time, numpy as np\n"
        "def slow(path):\n"
        "    for value in range(40):\n"
        "        yield np.full((8, 12, 3), value, np.uint8)\n"
        "        time.sleep(0.1)\n"
    )
    video = tmp_path / "v.mp4"
    video.write_bytes(b"x")
    script = (
        "from pathlib import Path\nfrom vadkit.data.store import build_store\n"
        "from vadkit.data.videos import Video\n"
        f"build_store([Video('v', 'train', Path({str(video)!r}))], size=(96, 128), channels='gray',"
        f" cache=Path({str(tmp_path / 'cache')!r}), readers=('slow_reader:slow',))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    frames = tmp_path / "cache"
    deadline = time.monotonic() + 60
    while not any(f.stat().st_size for f in frames.glob(".*/frames.u8")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [p for p in frames.iterdir() if not p.name.startswith(".")] == []
    (tmp_path / "slow_reader.py").write_text(
        "import numpy as np\ndef slow(path):\n    for value in range(40):\n"
        "        yield np.full((8, 12, 3), value, np.uint8)\n"
    )
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    (whole,) = [p for p in frames.iterdir() if not p.name.startswith(".")]
    assert (whole / "frames.u8").stat().st_size == 40 * 96 * 128


def test_a_cache_that_cannot_be_written(videos, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="set VADKIT_CACHE"):
        store(videos, tmp_path / "file" / "cache")


def loader(stored, **settings):
    return ClipLoader(stored, SPEC, **{"batch_size": 2, "seed": 0, **settings})


def first_pixels(batches):
    return [[tuple(clip[:, 0, 0, 0].tolist()) for clip in batch] for batch in batches]


def test_an_epoch_holds_every_clip_once_in_its_own_order(videos, tmp_path):
    stored = store(videos, tmp_path / "cache")
    batches = loader(stored)
    # 4 clips of a, 3 of b; the one left over is dropped.
    assert len(batches) == 3
    epochs = [first_pixels(batches.batches(epoch)) for epoch in range(3)]
    everything = {(s, s + 1, s + 2) for s in [0, 1, 2, 3, 100, 101, 102]}
    for epoch in epochs:
        seen = [clip for batch in epoch for clip in batch]
        assert len(set(seen)) == 6
        assert set(seen) < everything
    assert epochs[0] != epochs[1] != epochs[2]
    assert first_pixels(loader(stored).batches(1)) == epochs[1]
    assert first_pixels(loader(stored, seed=1).batches(1)) != epochs[1]
    assert first_pixels(loader(stored).batches(1, start=2)) == epochs[1][2:]


def test_without_a_seed_clips_come_in_video_order(videos, tmp_path):
    stored = store(videos, tmp_path / "cache")
    batches = first_pixels(loader(stored, seed=None, drop_last=False).batches(0))
    assert [clip[0] for batch in batches for clip in batch] == [0, 1, 2, 3, 100, 101, 102]
    assert len(batches) == 4


def test_fewer_clips_than_a_batch_make_one_batch(videos, tmp_path):
    stored = store(videos, tmp_path / "cache")
    assert [len(b) for b in loader(stored, batch_size=64).batches(0)] == [7]


def test_augments_depend_on_seed_epoch_and_clip_alone(tmp_path):
    folder = tmp_path / "v"
    folder.mkdir()
    ramp = np.tile(np.arange(12, dtype=np.uint8) * 20, (8, 1))
    for index in range(10):
        cv2.imwrite(str(folder / f"{index}.png"), ramp)
    stored = store([Video("v", "train", folder)], tmp_path / "cache")
    augmented = loader(stored, augments=[fliplr(p=0.5)])
    whole = list(augmented.batches(3))
    flipped = [bool(clip[0, 0, 0, 0] > 0) for batch in whole for clip in batch]
    assert 0 < sum(flipped) < len(flipped)
    resumed = list(augmented.batches(3, start=2))
    assert all((a == b).all() for a, b in zip(whole[2:], resumed, strict=True))


def test_to_input_scales_to_the_range_and_orders_axes():
    import torch

    clips = np.zeros((2, 3, 8, 12, 1), np.uint8)
    clips[1, 2, 5, 7] = 255
    tensor = to_input(clips, SPEC, torch.device("cpu"), torch.float32)
    assert tensor.shape == (2, 1, 3, 8, 12)
    assert tensor[1, 0, 2, 5, 7] == 1.0
    assert tensor[0].unique().tolist() == [-1.0]
