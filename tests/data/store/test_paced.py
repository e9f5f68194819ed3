"""Stored videos at the frame rate of training."""

from dataclasses import replace

import numpy as np
import pytest

from vadkit.data.flow.stored import build_flow
from vadkit.data.objects import Boxes
from vadkit.data.store.build import build_store, plan_store
from vadkit.data.store.paced import (
    PacedVideo,
    frames_scored_as,
    of_all_frames,
    paced,
    scored_as,
    whole,
)
from vadkit.data.store.settings import Settings
from vadkit.data.videos import Video

SETTINGS = Settings(size=(16, 24), channels="gray")


def pictures(count):
    """Pictures whose brightness is their number."""
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 48, 3), np.uint8)


@pytest.fixture
def stored(tmp_path, write_video):
    """A function that stores a video of so many frames at a rate."""

    def make(count, rate):
        path = write_video(tmp_path / f"{count}-{rate}.mkv", pictures(count), fps=rate)
        videos = [Video("a", "train", path)]
        plan = plan_store(videos, SETTINGS, cache=tmp_path / "cache")
        return build_store(plan, SETTINGS)[0][0]

    return make


def test_times_and_rate_are_kept_with_the_frames(stored):
    video = stored(6, 20)
    assert video.times == pytest.approx(np.arange(6) / 20)
    assert (video.fps, video.source_size) == (20, (32, 48))


def test_the_same_rate_is_the_video_itself(stored):
    video = stored(6, 20)
    assert paced(video, 20.0) is video
    assert paced(video, None) is video
    assert whole(video) is video


def test_twice_the_rate(stored):
    video = stored(9, 20)
    slow = paced(video, 10.0)
    assert isinstance(slow, PacedVideo)
    assert whole(slow) is video
    assert (len(slow), slow.shape) == (5, (5, 16, 24, 1))
    assert slow.times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert slow.read(1, 4)[:, 0, 0, 0].tolist() == [2, 4, 6]
    assert slow.read(2, 2).shape == (0, 16, 24, 1)
    assert slow.key != video.key
    # Scores of picked frames, for all frames.
    assert of_all_frames(slow, np.arange(5.0)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert [list(frames_scored_as(slow, n)) for n in (0, 4)] == [[0, 1], [8]]
    assert [scored_as(slow, frame) for frame in range(9)] == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert of_all_frames(video, np.arange(9.0)).tolist() == list(range(9))
    assert list(frames_scored_as(video, 3)) == [3]
    assert scored_as(video, 3) == 3


def test_cuts_are_counted_in_picked_frames(stored):
    video = replace(stored(9, 20), cuts=(3, 6))
    slow = paced(video, 10.0)
    # Picked are 0, 2, then 3 and 5, then 6 and 8.
    assert slow.numbers.tolist() == [0, 2, 3, 5, 6, 8]
    assert slow.cuts == (2, 4)


def test_flow_is_that_of_one_step_of_training(stored):
    def three(previous, current):
        return np.full((*current.shape[:2], 2), 3.0, np.float32)

    for rate, expected in ((10, 3.0), (5, 1.5), (20, 3.0), (12, 3.6)):
        video = paced(stored(7, rate), 10.0)
        (flow,) = build_flow([video], "three", three, {})
        assert len(flow) == len(video)
        assert flow.read(0, 1).max() == 0
        assert flow.read(1, len(flow)) == pytest.approx(expected, rel=0.01)


def test_boxes_of_picked_frames():
    frame = np.array([0, 1, 2, 2, 5])
    boxes = Boxes(
        frame, np.arange(20, dtype=np.float32).reshape(5, 4), np.ones(5), np.arange(5)
    ).pick(np.array([0, 2, 4]))
    assert boxes.frame.tolist() == [0, 1, 1]
    assert boxes.label.tolist() == [0, 2, 3]
    assert boxes.xyxy[:, 0].tolist() == [0, 8, 12]
