"""Optical flow without a store has the values of stored flow."""

import numpy as np
import pytest

from vadkit.data.flow.dis import Dis
from vadkit.data.flow.stored import build_flow
from vadkit.data.flow.streamed import StreamedFlow
from vadkit.data.store.build import build_store, plan_store
from vadkit.data.store.paced import paced
from vadkit.data.store.settings import Settings
from vadkit.data.store.streamed import SharedWorker, StreamedVideo, find_times
from vadkit.data.videos import Video

SETTINGS = Settings(size=(32, 48), channels="gray")


@pytest.fixture
def pairs(tmp_path, write_video):
    """Two videos of 20 frames per second, stored and streamed by one process."""
    random = np.random.default_rng(0)
    floor = random.integers(0, 255, (64, 120, 3), np.uint8)
    videos = []
    for name in ("a", "b"):
        frames = np.stack([np.roll(floor, shift, 1)[:32, :48] for shift in range(14)])
        path = write_video(tmp_path / f"{name}.mkv", frames, fps=20)
        videos.append(Video(name, "train", path))
    stored, _ = build_store(plan_store(videos, SETTINGS, cache=tmp_path / "cache"), SETTINGS)
    shared = SharedWorker()
    streamed = [
        StreamedVideo(video, SETTINGS, find_times(video, SETTINGS), keep=6, shared=shared)
        for video in videos
    ]
    return stored, streamed


@pytest.mark.parametrize("clip_fps", [None, 10.0, 40.0])
def test_streamed_flow_is_stored_flow(pairs, clip_fps):
    stored, streamed = ([paced(one, clip_fps) for one in each] for each in pairs)
    flow = Dis(preset="ultrafast")
    wanted = build_flow(stored, "dis", flow, {"preset": "ultrafast"})
    for video, other, expected in zip(stored, streamed, wanted, strict=True):
        found = StreamedFlow(other, flow, keep=4)
        assert len(found) == len(expected) == len(video)
        # Overlapping reads in order, as clips make them.
        for start in range(len(found) - 3):
            np.testing.assert_array_equal(
                other.read(start, start + 3), video.read(start, start + 3)
            )
            np.testing.assert_array_equal(
                found.read(start, start + 3), expected.read(start, start + 3)
            )
    with pytest.raises(IndexError):
        found.read(0, len(found) + 1)


def test_flow_is_zero_at_cuts_and_kept_while_it_is_near(pairs):
    _, (video, _) = pairs
    video.cuts = (5,)
    calls = []

    def counting(previous, current):
        calls.append(1)
        return np.ones((*current.shape[:2], 2), np.float32)

    flow = StreamedFlow(video, counting, keep=4)
    assert flow.read(3, 7)[:, 0, 0, 0].tolist() == [1, 1, 0, 1]
    flow.read(4, 8)
    assert len(calls) == 4


def test_one_process_reads_one_video_at_a_time(pairs):
    stored, (first, second) = pairs
    expected = [one.read(0, 14) for one in stored]
    np.testing.assert_array_equal(first.read(0, 4), expected[0][:4])
    np.testing.assert_array_equal(second.read(0, 4), expected[1][:4])
    # The first one was closed; it is read from the start again.
    np.testing.assert_array_equal(first.read(4, 8), expected[0][4:8])
