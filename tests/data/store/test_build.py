"""The frame store: what it keeps, when it decodes, and what a crash leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from vadkit.data.decoding.decode import VideoFrame
from vadkit.data.store.build import (
    build_store,
    dataset_fingerprint,
    free_bytes,
    plan_store,
    size_text,
)
from vadkit.data.store.settings import Settings
from vadkit.data.store.stored_video import StoredVideo, open_stored
from vadkit.data.store.streamed import FileTimes, StreamedVideo, find_times
from vadkit.data.videos import Video
from vadkit.errors import DataError

GRAY = Settings(size=(8, 12), channels="gray")
SIX = FileTimes(np.arange(6) / 25)


@pytest.fixture
def videos(image_folder):
    return [image_folder("a", 6), image_folder("b", 5, first=100)]


def store(videos, cache, settings=GRAY, **options):
    return build_store(plan_store(videos, settings, cache=cache), settings, **options)[0]


def test_frames_are_stored_unchanged(videos, tmp_path):
    got = []
    stored = store(videos, tmp_path / "cache", progress=lambda *done: got.append(done))
    assert [video.id for video in stored] == ["a", "b"]
    assert [len(video) for video in stored] == [6, 5]
    assert stored[1].frames.shape == (5, 8, 12, 1)
    assert stored[1].frames[:, 0, 0, 0].tolist() == [100, 101, 102, 103, 104]
    assert got[-1] == (2, 11)
    with pytest.raises(ValueError, match="read-only"):
        stored[0].frames[0] = 0


def test_frames_are_read_by_number(videos, tmp_path):
    video = store(videos, tmp_path / "cache")[1]
    assert video.read(1, 4)[:, 7, 11, 0].tolist() == [101, 102, 103]
    out = np.zeros((2, 8, 12, 1), np.uint8)
    assert video.read(3, 5, out) is out
    assert out[:, 0, 0, 0].tolist() == [103, 104]
    assert video.read(2, 2).shape == (0, 8, 12, 1)
    with pytest.raises(IndexError, match=r"\[3, 6\) of 5"):
        video.read(3, 6)


def test_parts_of_one_file_share_its_frames(videos, tmp_path):
    whole = videos[1]
    parts = [replace(whole, id="early", part=(0, 2)), replace(whole, id="late", part=(2, None))]
    plan = plan_store(parts, GRAY, cache=tmp_path / "cache")
    assert len(plan.missing) == 1
    early, late = build_store(plan, GRAY)[0]
    assert early.folder == late.folder
    assert early.read(0, 2)[:, 0, 0, 0].tolist() == [100, 101]
    assert late.frames[:, 0, 0, 0].tolist() == late.read(0, 3)[:, 0, 0, 0].tolist()
    assert late.read(1, 3)[:, 0, 0, 0].tolist() == [103, 104]


def test_a_part_beyond_the_end_is_an_error(videos, tmp_path):
    part = replace(videos[1], part=(2, 9))
    with pytest.raises(DataError, match=r"frames 2 to 9 of .*b, which has 5 frames"):
        store([part], tmp_path / "cache")


def test_a_plan_says_what_is_needed(videos, tmp_path):
    plan = plan_store(videos, GRAY, cache=tmp_path / "cache")
    assert (len(plan.missing), plan.frames, plan.need_bytes) == (2, 11, 11 * 96)
    assert plan.free_bytes > 0
    build_store(plan, GRAY)
    again = plan_store(videos, GRAY, cache=tmp_path / "cache")
    assert (len(again.missing), again.need_bytes) == (0, 0)


def test_too_little_space_is_reported_before_anything_is_decoded(videos, tmp_path):
    plan = replace(plan_store(videos, GRAY, cache=tmp_path / "cache"), free_bytes=1000)
    with pytest.raises(DataError, match=r"needs about 0.00 MiB in .*data.store to none"):
        build_store(plan, GRAY)
    assert not list((tmp_path / "cache").glob("*/frames.u8"))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_disk_that_fills_up_is_one_clear_error(tmp_path, image_folder):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this machine mounts no disks")
    try:
        large = Settings(size=(64, 64), channels="rgb")
        plan = plan_store([image_folder("a", 20)], large, cache=disk)
        with pytest.raises(DataError, match="the disk is full; free space with `vadkit data cache"):
            build_store(replace(plan, free_bytes=10**12), large)
        assert not list(disk.glob("*/frames.u8")) and not list(disk.glob(".*/frames.u8"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_second_build_decodes_nothing(videos, tmp_path, monkeypatch):
    first = store(videos, tmp_path / "cache")
    monkeypatch.setattr("vadkit.data.store.build.write_video", None)
    again = store(videos, tmp_path / "cache")
    assert [v.folder for v in again] == [v.folder for v in first]


def test_another_size_reader_or_content_is_another_entry(videos, tmp_path):
    cache = tmp_path / "cache"
    first = store(videos, cache)
    assert store(videos, cache, replace(GRAY, size=(16, 24)))[0].folder != first[0].folder
    assert store(videos, cache, replace(GRAY, readers=("pyav",)))[0].folder != first[0].folder
    cv2.imwrite(str(videos[0].path / "0.png"), np.full((8, 12), 50, np.uint8))
    os.utime(videos[0].path / "0.png", ns=(1, 1))
    changed = store(videos, cache)
    assert changed[0].folder != first[0].folder
    assert changed[1].folder == first[1].folder
    assert changed[0].frames[0, 0, 0, 0] == 50
    prints = [dataset_fingerprint({v.id: v.key for v in videos}) for videos in (first, changed)]
    assert prints[0] != prints[1]


def test_a_bad_video_stops_or_is_skipped(videos, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video" * 100)
    mixed = [videos[0], Video("bad", "train", bad), videos[1]]
    plan = plan_store(mixed, GRAY, cache=tmp_path / "cache")
    with pytest.raises(DataError, match=r"no reader can open .*bad.mp4"):
        build_store(plan, GRAY)
    stored, skipped = build_store(plan, GRAY, on_bad_video="skip")
    assert [video.id for video in stored] == ["a", "b"]
    assert [(one.id, one.path) for one in skipped] == [("bad", bad)]
    assert "no reader can open" in skipped[0].reason
    with pytest.raises(DataError, match="none of 1 videos could be read; no reader"):
        build_store(
            plan_store([mixed[1]], GRAY, cache=tmp_path / "cache"), GRAY, on_bad_video="skip"
        )


_SCRIPT = """
import sys
from pathlib import Path
from vadkit.data.store.build import build_store, plan_store
from vadkit.data.store.settings import Settings
from vadkit.data.videos import Video

plugins = (Path(sys.argv[3]),)
settings = Settings(size=(96, 128), channels="gray", readers=("slow",), plugins=plugins)
videos = [Video("v", "train", Path(sys.argv[1]))]
plan = plan_store(videos, settings, cache=Path(sys.argv[2]))
print(len(build_store(plan, settings)[0][0]), flush=True)
"""


@pytest.fixture
def slow_build(tmp_path):
    """A function that starts a process which stores 40 frames, each ``pause`` seconds late."""
    video = tmp_path / "v.mp4"
    video.write_bytes(b"x")

    def start(pause):
        plugin, pauses = tmp_path / "slow_reader.py", tmp_path / "pause"
        pauses.write_text(str(pause))
        # The same for every pause: another plugin would make another entry.
        plugin.write_text(
            "import time, numpy as np, vadkit\n"
            "@vadkit.register('readers', 'slow')\n"
            "def slow(path):\n"
            "    open(str(path) + '.opened', 'a').write('x')\n"
            "    for value in range(40):\n"
            "        yield np.full((8, 12, 3), value, np.uint8)\n"
            f"        time.sleep(float(open({str(pauses)!r}).read()))\n"
        )
        command = [sys.executable, "-c", _SCRIPT, str(video), str(tmp_path / "cache"), str(plugin)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    return start


def final_folders(cache):
    return [path for path in cache.glob("*/frames.u8") if not path.parent.name.startswith(".")]


def test_a_killed_build_leaves_nothing_that_counts(slow_build, tmp_path):
    """kill -9 in the middle: no entry under its final name, and the next build is whole."""
    cache = tmp_path / "cache"
    process = slow_build(0.1)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in cache.glob(".*/frames.u8")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert final_folders(cache) == []
    again = slow_build(0)
    assert again.communicate(timeout=60)[0] == "40\n"
    (whole,) = final_folders(cache)
    assert whole.stat().st_size == 40 * 96 * 128
    frames = open_stored("v", whole.parent).frames
    assert frames[:, 0, 0, 0].tolist() == list(range(40))
    # What the killed process left is gone too.
    assert not list(cache.glob(".*/frames.u8"))


def test_two_processes_at_once_decode_a_video_once(slow_build, tmp_path):
    both = [slow_build(0.02), slow_build(0.02)]
    assert [process.communicate(timeout=60)[0] for process in both] == ["40\n", "40\n"]
    assert (tmp_path / "v.mp4.opened").read_text() == "x"
    assert len(final_folders(tmp_path / "cache")) == 1


def test_frames_cut_short_are_named(videos, tmp_path):
    video = store(videos, tmp_path / "cache")[0]
    os.truncate(video.folder / "frames.u8", 300)
    with pytest.raises(DataError, match=r"in .* are truncated; run: vadkit data cache verify"):
        video.read(0, 6)


def test_a_cache_that_cannot_be_written(videos, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="set VADKIT_CACHE"):
        store(videos, tmp_path / "file" / "cache")


def test_nothing_is_stored_of_an_unknown_folder(tmp_path):
    assert open_stored("a", tmp_path / "none") is None
    assert StoredVideo("a", tmp_path, (3, 2, 2, 1)).key.endswith(" 0 3")


@pytest.mark.parametrize(
    "change",
    [
        {"channels": "rgb"},
        {"size": (12, 8)},
        {"readers": ("pyav",)},
        {"readers": tuple(reversed(GRAY.readers))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_that_changes_frames_is_part_of_the_key(videos, tmp_path, change):
    cache, other = tmp_path / "cache", replace(GRAY, **change)
    first = store(videos, cache)[0]
    # The other entry is made beside the first, not taken from it.
    changed = store(videos, cache, other)[0]
    assert changed.folder != first.folder
    assert changed.shape == (6, *other.size, other.planes)
    assert changed.frames.shape == changed.shape
    assert store(videos, cache)[0].folder == first.folder


def test_the_stall_time_is_not_part_of_the_key(videos, tmp_path):
    plans = [
        plan_store(videos, replace(GRAY, stall_s=stall_s), cache=tmp_path / "cache")
        for stall_s in (1.0, 50.0)
    ]
    assert plans[0].keys == plans[1].keys


def test_frames_of_a_readers_plugin_are_decoded_again_when_it_changes(videos, tmp_path):
    cache, plugin = tmp_path / "cache", tmp_path / "own_reader.py"
    # Images are read by vadkit's own reader alone.
    video = Video("v", "train", tmp_path / "v.mp4")
    video.path.write_bytes(b"x")

    def keys(value, readers):
        plugin.write_text(
            "import numpy as np, vadkit\n"
            "@vadkit.register('readers', 'own')\n"
            "def own(path):\n"
            "    for _ in range(2):\n"
            f"        yield np.full((8, 12, 3), {value}, np.uint8)\n"
        )
        settings = replace(GRAY, readers=readers, plugins=(plugin,))
        return plan_store([video, *videos], settings, cache=cache).keys, settings

    def stored(value):
        return store([video], cache, keys(value, ("own",))[1])[0]

    first, second = stored(1), stored(2)
    assert first.frames[:, 0, 0, 0].tolist() == [1, 1]
    assert second.frames[:, 0, 0, 0].tolist() == [2, 2]
    assert stored(1).folder == first.folder
    # Readers of vadkit's own do not depend on it.
    plain = plan_store([video, *videos], GRAY, cache=cache).keys
    assert keys(1, GRAY.readers)[0] == keys(2, GRAY.readers)[0] == plain
    mixed = (*GRAY.readers, "own")
    assert len({*plain, *keys(1, mixed)[0], *keys(2, mixed)[0]}) == 9


def test_a_fingerprint_depends_on_which_video_has_which_frames():
    prints = {
        dataset_fingerprint(keys)
        for keys in ({"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": "1"}, {"c": "1", "b": "2"})
    }
    assert len(prints) == 4


def test_frames_that_are_not_kept_have_keys_like_those_that_are(videos):
    part = replace(videos[0], part=(1, 4))
    keys = {
        StreamedVideo(video, settings, SIX).key
        for video in (videos[0], videos[1], part)
        for settings in (GRAY, replace(GRAY, channels="rgb"), replace(GRAY, size=(12, 8)))
    }
    assert len(keys) == 9
    assert StreamedVideo(videos[0], replace(GRAY, stall_s=1.0), SIX).key in keys


def test_sizes_as_text():
    assert size_text(2**30) == "1.00 GiB" and size_text(5 * 2**29) == "2.50 GiB"
    assert size_text(2**30 - 1) == "1024.00 MiB" and size_text(2**18) == "0.25 MiB"


def test_free_space_of_a_folder_that_does_not_exist_yet(tmp_path):
    import shutil

    free = free_bytes(tmp_path / "a" / "b")
    assert abs(free - shutil.disk_usage(tmp_path).free) < 2**30


def test_too_little_space_is_said_before_decoding(videos, tmp_path):
    plan = replace(plan_store(videos, GRAY, cache=tmp_path), need_bytes=3 << 30, free_bytes=1 << 20)
    with pytest.raises(DataError) as caught:
        build_store(plan, GRAY)
    assert str(caught.value) == (
        f"the frame store needs about 3.00 GiB in {tmp_path}, where 1.00 MiB are free; set "
        "VADKIT_CACHE to a larger disk, free space with `vadkit data cache prune`, or set "
        "data.store to none"
    )
    exact = replace(plan, need_bytes=plan.free_bytes)
    assert len(build_store(exact, GRAY)[0]) == 2


def test_a_full_disk_and_any_other_failure_have_their_own_advice(videos, tmp_path, monkeypatch):
    import errno

    from vadkit.data.store import write

    for code, advice in (
        (
            errno.ENOSPC,
            "the disk is full; free space with `vadkit data cache prune`, set VADKIT_CACHE to a "
            "larger disk, or set data.store to none",
        ),
        (errno.EIO, "set VADKIT_CACHE to a writable folder"),
    ):

        def fail(*_, code=code, **__):
            raise OSError(code, "it failed")

        monkeypatch.setattr(write, "decode_to_file", fail)
        with pytest.raises(DataError) as caught:
            store(videos[:1], tmp_path / "cache")
        head, _, tail = str(caught.value).partition(", with ")
        assert head == f"storing the frames of {videos[0].path} failed: it failed"
        free, _, rest = tail.partition(" GiB free in ")
        assert float(free) > 0
        assert rest == f"{tmp_path / 'cache'}: {advice}"


def test_a_stream_passes_its_settings_to_the_reader(videos, monkeypatch):
    from vadkit.data.store import streamed

    asked = {}

    def read(path, **options):
        asked.update(options, path=path)
        yield VideoFrame(0.0, False, np.zeros((8, 12, 1), np.uint8))

    monkeypatch.setattr(streamed, "read_timed_frames", read)
    settings = replace(GRAY, readers=("decord",), stall_s=7.0, plugins=(), levels=(3.0, 900.0))
    found = streamed.find_times(videos[0], settings)
    assert (found.times.tolist(), found.cuts) == ([0.0], [])
    asked.pop("worker")
    assert asked == {
        "path": videos[0].path,
        "readers": ("decord",),
        "size": (8, 12),
        "channels": "gray",
        "plugins": (),
        "stall_s": 7.0,
        "levels": (3.0, 900.0),
    }


def test_cuts_are_kept_with_the_frames_and_counted_from_a_part(tmp_path, write_video):
    form = {"codec": "libx264", "form": "mpegts", "pixels": "yuv420p"}
    parts = [write_video(tmp_path / f"{n}.ts", _ramp(10), **form) for n in range(3)]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    whole = Video("a", "train", path)
    late = replace(whole, id="late", part=(4, 24))
    one, part = store([whole, late], tmp_path / "cache")
    assert (one.cuts, part.cuts) == ((10, 20), (6, 16))
    # The same cuts for a video that is not stored.
    streamed = [StreamedVideo(video, GRAY, find_times(video, GRAY)) for video in (whole, late)]
    assert [video.cuts for video in streamed] == [(10, 20), (6, 16)]
    # Entries of earlier versions have none.
    meta = json.loads((one.folder / "meta.json").read_text())
    del meta["cuts"]
    (one.folder / "meta.json").write_text(json.dumps(meta))
    assert open_stored("a", one.folder).cuts == ()


def _ramp(count):
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 64, 3), np.uint8)
