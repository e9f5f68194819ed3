"""Motion-field: speeds of what moves, against what is usual at each place."""

import numpy as np
import pytest
import torch

from vadkit.data.tensors import Clips
from vadkit.errors import TrainingError
from vadkit.methods.motion_field import MotionField

SIZE = (48, 64)


def method(frames=3, **more):
    return MotionField({}, {}, MotionField.clip_spec(frames, SIZE, "gray", 1), **more)


def clip(lefts, speed, *, top=16, down=0.0):
    """A clip of a bright square of 16x16 at these places, whose flow is given, not worked out."""
    frames, flow = torch.full((1, 1, len(lefts), *SIZE), 0.2), torch.zeros(1, 2, len(lefts), *SIZE)
    for number, left in enumerate(lefts):
        frames[0, 0, number, top : top + 16, left : left + 16] = 0.8
        flow[0, 0, number, top : top + 16, left : left + 16] = speed
        flow[0, 1, number, top : top + 16, left : left + 16] = down
    # Flow lies where it starts from, and there is none to the first frame.
    return Clips(frames, flow[:, :, :-1])


def train(method, clips):
    for _ in range(method.passes):
        for one in clips:
            method.collect(one)
        method.finalize()
    return method.eval()


WALK = [clip([left, left + 1, left + 2], 1.0) for left in range(46)]


def test_the_background_is_the_median_and_a_person_is_as_high_as_what_moves():
    learned = train(method(), WALK)
    assert learned.background.unique().tolist() == pytest.approx([0.2])
    # 1.15 x 0.7 persons of 16 pixels, softened by a pixel or so, in cells of 4.
    assert learned.window.tolist() == [5, 3]
    assert train(method(person=40.0), WALK).window.tolist() == [12, 7]


def test_usual_speed_is_that_of_training_and_faster_is_a_higher_score_at_its_place():
    learned = train(method(), WALK)
    # Windows that the square only touches are softened, so the mean is below its speed of 1.
    assert 0.5 < learned.means[0, 5, 7].item() < 1
    usual, fast, faster = (
        learned.score(clip([20, 21, 22], speed)).frames.item() for speed in (1.0, 2.0, 4.0)
    )
    assert usual < fast < faster
    row, column = divmod(int(learned.score(clip([20, 24, 28], 4.0)).maps.argmax()), SIZE[1] // 4)
    # The square's centre is at y 24, and x 32 in the frame before the last.
    assert abs(row - 6) <= 2 and abs(column - 8) <= 3


def test_what_stands_or_is_slow_is_usual():
    learned = train(method(), WALK)
    still = learned.score(clip([20, 20, 20], 0.0)).frames.item()
    assert still < learned.score(clip([20, 21, 22], 1.0)).frames.item()


def test_direction_tells_who_goes_another_way_as_fast():
    for direction, told in ((False, False), (True, True)):
        learned = train(method(direction=direction), WALK)
        usual = learned.score(clip([20, 21, 22], 1.0)).frames.item()
        other = learned.score(clip([20, 21, 22], 0.0, down=1.0)).frames.item()
        assert (other > usual + 1) == told


def test_memory_is_a_mean_along_the_way():
    # Speeds of 1 and then 2, where the square was each time; a whole window of it.
    one = clip([20, 21, 23], 1.0)
    one.flow[0, 0, 1] *= 2
    learned = train(method(person=4.0, memory=0.6), WALK)
    speeds, _ = learned._speeds(one)
    # 16x16 pixels hold windows that are all foreground, with a softness of 0.1.
    assert speeds.max().item() == pytest.approx((0.4 * 2 + 0.6 * 1) / 1.1, abs=0.02)


def test_clips_that_follow_each_other_score_as_each_does_alone():
    rng = np.random.default_rng(0)
    frames = torch.from_numpy(rng.random((1, 8, *SIZE), dtype=np.float32))
    flow = torch.from_numpy(rng.normal(size=(2, 7, *SIZE)).astype(np.float32))
    every = [Clips(frames[None, :, at : at + 4], flow[None, :, at : at + 3]) for at in range(5)]
    learned = train(method(4), every)
    together = Clips(
        torch.cat([each.frames for each in every]), torch.cat([each.flow for each in every])
    )
    scores = learned.score(together)
    alone = torch.cat([learned.score(each).frames for each in every])
    torch.testing.assert_close(scores.frames, alone)
    mixed = learned.score(together.pick([3, 0, 4]))
    torch.testing.assert_close(mixed.maps, scores.maps[[3, 0, 4]])


def test_little_seen_counts_as_the_whole_picture():
    own, whole = (train(method(prior=prior, smooth=0.5), WALK) for prior in (4.0, 1e9))
    assert whole.means.std().item() == pytest.approx(0, abs=1e-4)
    # Nothing ever moved in the corner; where the square went by, its own speeds count.
    assert own.means[0, 11, 0].item() == pytest.approx(whole.means[0, 11, 0].item(), rel=1e-3)
    here, there = own.deviations[0, 11, 0].item(), whole.deviations[0, 11, 0].item()
    assert here == pytest.approx(there, rel=1e-2)
    assert abs(own.means[0, 5, 7] - whole.means[0, 5, 7]) > 0.01


def test_nothing_that_moves_is_an_error_unless_a_height_is_given():
    still = [clip([20, 20, 20], 0.0)] * 5
    with pytest.raises(TrainingError, match=r"nothing that moves.*set method.person"):
        train(method(), still)
    assert train(method(person=16.0), still).score(still[0]).frames.isfinite().all()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((1, (48, 64), "gray", 1), "2 frames or more with step 1; got 1 frames"),
        ((6, (48, 64), "gray", 2), "got 6 frames with step 2"),
        ((6, (48, 64), "rgb", 1), "set clip.channels: gray"),
        ((6, (50, 64), "gray", 1), "multiples of 4; got 50x64"),
    ],
)
def test_a_clip_that_cannot_serve_is_refused(args, message):
    with pytest.raises(ValueError, match=message):
        MotionField.clip_spec(*args)


def test_the_last_frame_is_scored():
    spec = MotionField.clip_spec(6, (240, 360), "gray", 1)
    assert (spec.scored, spec.flow) == ((5,), (1, 2, 3, 4, 5))
