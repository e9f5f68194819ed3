"""Foreground blobs: a drawn square, gray and coloured, and people in a real clip."""

from pathlib import Path

import numpy as np
import pytest

from vadkit.data.decoding.decode import read_frames
from vadkit.data.objects.blobs import Blobs
from vadkit.data.objects.dnn import Darknet
from vadkit.data.videos import Video

VIDEO = Video("v", "test", Path("v.mp4"))


def scene(count, *, colour=(200, 40, 40), side=24, size=(120, 160), step=2):
    """A square that crosses a noisy background to the right; its left edge by frame."""
    rng = np.random.default_rng(0)
    backdrop = rng.integers(90, 130, (*size, 1)) + np.array([0, 20, 10]) * (len(set(colour)) > 1)
    frames = []
    for number in range(count):
        noise = rng.integers(-3, 4, (*size, 1))
        frame = np.clip(backdrop + noise, 0, 255).astype(np.uint8)
        frame = np.broadcast_to(frame, (*size, 3)).copy()
        frame[40 : 40 + side, number * step : number * step + side] = colour
        frames.append(frame)
    return frames


def find(frames, **params):
    return Blobs(**params)(VIDEO, len(frames), iter(frames))


@pytest.mark.parametrize("colour", [(200, 40, 40), (60, 60, 60)])
def test_a_moving_square_gets_one_box_in_every_frame(colour):
    found = find(scene(60, colour=colour))
    assert found.frame.tolist() == list(range(60))
    left = np.arange(60) * 2
    expected = np.stack([left, left * 0 + 40, left + 24, left * 0 + 64], axis=1)
    np.testing.assert_allclose(found.xyxy, expected, atol=3)
    assert found.score.min() > 0.8
    assert set(found.label.tolist()) == {-1}


def test_boxes_come_in_pixels_of_a_large_frame():
    frames = [np.kron(frame, np.ones((4, 4, 1), np.uint8)) for frame in scene(20, step=6)]
    found = find(frames)
    assert found.frame.tolist() == list(range(20))
    np.testing.assert_allclose(found.xyxy[10], [240, 160, 336, 256], atol=12)


def test_small_blobs_are_dropped():
    square = 24 * 24 / (120 * 160)
    frames = scene(40)
    assert len(find(frames, min_area=square * 0.7)) == 40
    assert len(find(frames, min_area=square * 1.3)) == 0


def test_what_stays_becomes_background_after_patience():
    frames = [*scene(60), *[scene(60)[-1]] * 60]
    found = find(frames, patience=30, warmup=60)
    last = found.frame.max()
    assert 59 + 25 < last < 59 + 40
    assert find(frames, patience=500, warmup=60).frame.max() == 119


def test_videos_shorter_than_the_warmup():
    assert len(find([])) == 0
    assert len(find(scene(1))) == 0
    assert find(scene(30, step=4), warmup=1000).frame.tolist() == list(range(30))


@pytest.mark.real_data
@pytest.mark.slow
def test_most_walkers_of_a_real_clip_get_a_box(real_data):
    """Compared with a detector's boxes of people; 0.92 are covered and 0.91 of blobs agree."""
    frames = list(read_frames(real_data / "clips" / "vtest.avi"))[:400]
    blobs = find(frames)
    nets = real_data / "nets"
    detector = Darknet(
        config=nets / "yolo-fastest-1.1-xl.cfg",
        weights=nets / "yolo-fastest-1.1-xl.weights",
        confidence=0.5,
        labels=[0],
    )
    every = range(0, 400, 20)
    people = detector(VIDEO, len(every), (frames[number] for number in every))
    covered, agree = [], []
    for place, number in enumerate(every):
        person, blob = people.at(place).xyxy[:, None], blobs.at(number).xyxy[None]
        low, high = np.maximum(person, blob)[..., :2], np.minimum(person, blob)[..., 2:]
        common = (high - low).clip(0).prod(-1)
        covered.append((common / area(person)).max(1, initial=0) > 0.5)
        union = area(person) + area(blob) - common
        agree.append((common / union).max(0, initial=0) > 0.3)
    assert len(np.concatenate(covered)) > 80
    assert np.concatenate(covered).mean() > 0.85
    assert np.concatenate(agree).mean() > 0.75


def area(xyxy):
    return (xyxy[..., 2:] - xyxy[..., :2]).prod(-1)
