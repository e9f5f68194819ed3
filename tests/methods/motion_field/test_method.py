"""Motion-field: speeds of what moves, against what is usual at each place."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.data.tensors import Clips
from vadkit.errors import TrainingError
from vadkit.methods.cells import around, heights_by_row
from vadkit.methods.encoded import encode_each
from vadkit.methods.motion_field.method import MotionField
from vadkit.methods.motion_field.steady import relit, steadied

SIZE = (48, 64)


def method(frames=3, **more):
    more = {"smooth": 1.5, "memory": 0.6, **more}
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


def test_the_background_is_the_median_and_a_person_has_the_height_of_moving_figures():
    learned = train(method(), WALK)
    assert learned.background.unique().tolist() == pytest.approx([0.2])
    # 1.15 x 0.7 persons of 16 pixels, softened by a pixel or so, in cells of 4.
    assert learned.windows[:, 0].tolist() == [5, 3]
    assert train(method(person=40.0), WALK).windows[:, 5].tolist() == [12, 7]


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


def test_still_and_slow_objects_are_usual():
    learned = train(method(), WALK)
    still = learned.score(clip([20, 20, 20], 0.0)).frames.item()
    assert still < learned.score(clip([20, 21, 22], 1.0)).frames.item()


def test_direction_detects_motion_in_another_direction_at_the_same_speed():
    for direction, detected in ((False, False), (True, True)):
        learned = train(method(direction=direction), WALK)
        usual = learned.score(clip([20, 21, 22], 1.0))
        other = learned.score(clip([20, 21, 22], 0.0, down=1.0))
        assert (other.frames > usual.frames + 1).item() == detected
        assert ("direction" in other.parts) == direction


def test_if_all_directions_are_usual_none_is_rare():
    both = WALK + [clip([left, left + 1, left + 2], 0.0, down=1.0) for left in range(46)]
    learned = train(method(direction=True), both)
    there, back = (clip([20, 21, 22], 0.0, down=down) for down in (1.0, -1.0))
    assert learned.score(there).parts["direction"].item() < 1
    assert learned.score(back).parts["direction"].item() > 2
    # Too slow to have a direction.
    slow = clip([20, 21, 22], 0.0, down=-0.2)
    assert learned.score(slow).parts["direction"].item() == 0


def test_memory_is_a_mean_along_the_path():
    # Speeds of 1 and then 1.4, where the square was each time; a whole window of it.
    one = clip([20, 21, 22], 1.0)
    one.flow[0, 0, 1] *= 1.4
    learned = train(method(person=4.0, memory=0.6), WALK)
    speeds = learned._averaged(encode_each(learned, one))
    # 16x16 pixels hold windows that are all foreground, with a softness of 0.1.
    assert speeds.max().item() == pytest.approx((0.4 * 1.4 + 0.6 * 1) / 1.1, abs=0.02)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"direction": True, "stillness": True},
        {"perspective": True, "light": True},
        {"shake": True},
    ],
)
def test_streamed_batched_and_single_clips_have_bit_identical_scores(options):
    rng = np.random.default_rng(0)
    frames = torch.from_numpy(rng.random((1, 12, *SIZE), dtype=np.float32))
    flow = torch.from_numpy(rng.normal(size=(2, 11, *SIZE)).astype(np.float32))
    every = [Clips(frames[None, :, at : at + 4], flow[None, :, at : at + 3]) for at in range(9)]
    learned = train(method(4, **options), every)
    together = Clips(
        torch.cat([each.frames for each in every]), torch.cat([each.flow for each in every])
    )
    scores = learned.score(together)
    alone = [learned.score(each) for each in every]
    mixed = learned.score(together.pick([3, 0, 4]))
    features = torch.cat(
        [
            learned.encode(Clips(frames[None, :, at : at + 2], flow[None, :, at : at + 1]))
            for at in range(11)
        ]
    )
    streamed = [learned.score_encoded(features[None, at : at + 3]) for at in range(9)]
    assert torch.equal(torch.cat([each.frames for each in alone]), scores.frames)
    assert torch.equal(mixed.maps, scores.maps[[3, 0, 4]])
    assert torch.equal(torch.cat([each.frames for each in streamed]), scores.frames)
    assert torch.equal(torch.cat([each.maps for each in streamed]), scores.maps)


def test_places_with_few_frames_use_the_whole_picture():
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
def test_an_unusable_clip_is_refused(args, message):
    with pytest.raises(ValueError, match=message):
        MotionField.clip_spec(*args)


def test_the_last_frame_is_scored():
    spec = MotionField.clip_spec(6, (240, 360), "gray", 1)
    assert (spec.scored, spec.flow) == ((5,), (1, 2, 3, 4, 5))


def test_a_lost_frame_is_not_scored_as_speed():
    # Everything is twice as far in one frame, and as fast as before in the next.
    lost = clip([20, 21, 23, 24], 1.0)
    lost.flow[0, 0, 1] *= 2
    walk = [clip([left, left + 1, left + 2, left + 3], 1.0) for left in range(45)]
    usual = clip([20, 21, 22, 23], 1.0)
    for on, far in ((True, 0.2), (False, 0.5)):
        learned = train(method(4, lost_frames=on), walk)
        gap = learned.score(lost).frames - learned.score(usual).frames
        assert (gap.item() > far) != on


def test_one_of_two_that_gets_faster_is_no_lost_frame():
    both = clip([4, 4, 4, 4], 1.0)
    other = clip([44, 44, 44, 44], 1.0)
    both.frames[..., 44:60] = other.frames[..., 44:60]
    both.flow[..., 44:60] = other.flow[..., 44:60]
    both.flow[0, 0, 1:, :, 44:60] *= 3
    learned = method(4, person=16.0, memory=0.0)
    learned.background.fill_(0.2)
    speeds = learned._averaged(encode_each(learned, both))
    assert speeds[0, 0, 5, 12] > 2 * speeds[0, 0, 5, 3]


def test_stillness_detects_an_object_left_where_all_walk():
    left = clip([20, 20, 20], 0.0)
    for stillness, detected in ((False, False), (True, True)):
        learned = train(method(stillness=stillness), WALK)
        gap = learned.score(left).frames - learned.score(clip([20, 21, 22], 1.0)).frames
        assert (gap.item() > 1) == detected
        # Who stops for a part of the clip was not left.
        stops = clip([19, 20, 20], 1.0)
        stops.flow[0, :, 1] = 0
        gap = learned.score(stops).frames - learned.score(clip([20, 21, 22], 1.0)).frames
        assert gap.item() < 1


def standing(heights, middles, *, width=None, more=()):
    """Foreground (N, 1, 240, 120), a picture for each upright figure, and others beside it."""
    pictures = torch.zeros(len(heights), 1, 240, 120)
    for picture, height, middle in zip(pictures, heights, middles, strict=True):
        top = round(middle - height / 2)
        picture[0, top : top + height, 40 : 40 + (width or height // 3)] = 1
        for down, right, high, wide in more:
            picture[0, top + down : top + down + high, 40 + right : 40 + right + wide] = 1
    return pictures


def test_perspective_follows_isolated_figures_down_the_picture():
    middles = np.linspace(60, 200, 15)
    heights = [round(10 + middle / 5) for middle in middles]
    alone = standing(heights, middles)
    line = heights_by_row(alone, perspective=True)
    assert line[[60, 130, 200]].tolist() == pytest.approx([22, 36, 50], abs=1)
    assert line[0].item() == pytest.approx(18, abs=0.5), "no less than half the median"
    assert heights_by_row(alone, perspective=False).unique().tolist() == [36]
    # Halves of figures, and figures with others beside them, are no measure.
    halves = standing([8] * 30, np.linspace(60, 90, 30), more=[(10, 0, 8, 3)])
    together = standing([90] * 20, [150] * 20, more=[(0, 32, 80, 20)])
    assert torch.equal(heights_by_row(torch.cat([alone, halves, together]), perspective=True), line)


def test_without_enough_isolated_figures_all_rows_have_one_height():
    middles = np.linspace(60, 200, 15)
    few = standing([20, 30, 60], [60, 90, 160])
    wide = standing([20] * 15, middles, width=60)
    cut = standing([100] * 15, [50] * 15)
    level = standing([30, 31, 30] * 5, middles)
    assert heights_by_row(few, perspective=True).unique().tolist() == [30]
    assert heights_by_row(wide, perspective=True).unique().tolist() == [20]
    assert heights_by_row(level, perspective=True).unique().tolist() == [30]
    assert heights_by_row(cut, perspective=True) is None


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 9), st.integers(1, 9))
def test_windows_are_means_of_the_cells_inside(seed, high, wide):
    cells = torch.from_numpy(np.random.default_rng(seed).random((1, 1, 7, 8), dtype=np.float32))
    heights = torch.full((7,), high)
    heights[3] = 2
    got = around(cells, heights, torch.full((7,), wide))[0, 0]
    for row in range(7):
        top = row - (int(heights[row]) - 1) // 2
        for column in range(8):
            left = column - (wide - 1) // 2
            inside = cells[
                0,
                0,
                max(0, top) : top + int(heights[row]),
                max(0, left) : left + wide,
            ]
            assert got[row, column].item() == pytest.approx(inside.mean().item(), rel=1e-5)


def texture(seed=0):
    noise = np.random.default_rng(seed).random((SIZE[0] // 4, SIZE[1] // 4), dtype=np.float32)
    return torch.from_numpy(cv2.resize(noise, SIZE[::-1], interpolation=cv2.INTER_CUBIC))


def test_shake_is_removed_from_frames_and_flow():
    still = texture()
    shaken = torch.roll(still, (2, -3), dims=(0, 1))
    flow = torch.zeros(1, 2, *SIZE)
    flow[:, 0], flow[:, 1] = 3.0, -2.0
    flow[0, 0, 20:30, 20:30] += 5.0
    mended = steadied(shaken[None], still, flow)
    inner = (slice(6, -6), slice(6, -6))
    assert (mended[0][inner] - still[inner]).abs().mean() < 0.02
    assert (shaken[inner] - still[inner]).abs().mean() > 0.1
    assert flow[0, :, 10, 10].tolist() == pytest.approx([0, 0], abs=1e-5)
    # What moves by itself keeps its own motion, where it is in the steady picture.
    assert flow[0, 0, 21, 30].item() == pytest.approx(5, abs=0.5)


def test_light_is_a_gain_and_an_offset():
    scene = 0.2 + 0.5 * texture(1)
    darker = 0.6 * scene + 0.05
    darker[10:26, 10:20] = 0.95  # an object does not pull the fit along
    lit = relit(darker[None], scene)[0]
    assert (lit - scene)[:, 30:].abs().max() < 0.03
    assert (lit - scene)[12:24, 12:18].mean() > 0.3
    flat = relit(torch.full((1, *SIZE), 0.5), scene)
    assert flat.isfinite().all()
    assert flat.mean().item() == pytest.approx(scene.mean().item(), abs=0.02)


def accepted(learned, clips):
    for one in clips:
        learned.accept(one)
    learned.settle()
    return learned


@pytest.mark.parametrize("videos", [1, 40])
def test_a_false_alarm_seen_once_lowers_the_score_of_the_same_thing_and_little_else(videos):
    learned = train(method(direction=True), videos * WALK)
    false = [clip([left, left + 4, left + 8], 4.0) for left in range(0, 12, 4)]
    elsewhere = clip([36, 40, 44], 4.0)
    slow, before = clip([20, 21, 22], 1.0), learned.score(false[1]).frames.item()
    usual, away = (learned.score(one).frames.item() for one in (slow, elsewhere))
    accepted(learned, false)
    assert learned.score(false[1]).frames.item() < 0.5 * before
    assert learned.score(slow).frames.item() < usual + 0.5
    # What was learned is still there: the same speed at another place stays unusual.
    assert learned.score(elsewhere).frames.item() > 0.7 * away
    once = learned.score(false[1]).frames.item()
    accepted(learned, false)
    assert learned.score(false[1]).frames.item() < once


def test_a_direction_that_was_a_false_alarm_becomes_less_rare():
    learned = train(method(direction=True), WALK)
    back = [clip([left + 2, left + 1, left], -1.0) for left in range(20, 30)]
    before = learned.score(back[5]).parts["direction"].item()
    assert accepted(learned, back).score(back[5]).parts["direction"].item() < before - 0.5


def test_a_long_video_counts_like_the_training_video():
    other = [clip([left, left + 2, left + 4], 2.0) for left in range(44)]
    both, one = train(method(), WALK + other), train(method(), WALK)
    for learned in (both, one):
        # Both have the same background and the same windows, so only the sums differ.
        assert learned.windows.equal(both.windows)
    one.background.copy_(both.background)
    accepted(one, other)
    torch.testing.assert_close(one.sums, both.sums)
    torch.testing.assert_close(one.means, both.means)


def test_what_was_accepted_is_kept_and_a_loaded_method_accepts_more():
    learned = accepted(train(method(), WALK), [clip([20, 24, 28], 4.0)])
    loaded = method()
    loaded.load_state_dict(learned.state_dict())
    for one in (learned, loaded):
        accepted(one, [clip([8, 12, 16], 4.0)])
    assert loaded.score(WALK[3]).frames.equal(learned.score(WALK[3]).frames)


def test_a_checkpoint_of_an_earlier_version_scores_and_says_that_it_accepts_nothing():
    learned = train(method(), WALK)
    old = {name: one for name, one in learned.state_dict().items() if name not in ("sums", "often")}
    loaded = method()
    loaded.load_state_dict(old)
    assert loaded.score(WALK[3]).frames.equal(learned.score(WALK[3]).frames)
    with pytest.raises(TrainingError, match="train again"):
        loaded.accept(WALK[0])


def test_a_stretch_without_clips_changes_nothing():
    learned = train(method(), WALK)
    before = learned.score(WALK[3]).frames
    learned.settle()
    assert learned.score(WALK[3]).frames.equal(before)


def test_what_moves_in_an_ignored_place_counts_neither_in_scores_nor_in_training():
    fast, usual = clip([20, 24, 28], 4.0), clip([20, 21, 22], 1.0)
    places = torch.zeros(SIZE, dtype=torch.bool)
    places[:, 12:48] = True
    learned = train(method(), WALK)
    seen = learned.score(fast).frames.item()
    learned.ignore(places)
    scores = learned.score(fast)
    # Nothing else moves in this picture, so it is like an empty one.
    assert scores.frames.item() <= learned.score(usual).frames.item() + 1e-6 < seen
    assert scores.frames.item() == scores.maps.amax().item()
    assert max(part.item() for part in scores.parts.values()) == scores.frames.item()
    cells = scores.maps[0, 0][:, 3:12]
    assert torch.equal(cells, scores.maps.min().expand_as(cells))
    learned.ignore(None)
    assert learned.score(fast).frames.item() == seen
    # A place that is ignored during training leaves no trace either.
    ways = [WALK, [clip([n, n + 1, n + 2], 9.0 if 14 <= n <= 30 else 1.0) for n in range(46)]]
    states = []
    for way in ways:
        states.append(method(person=16.0))
        states[-1].ignore(places)
        train(states[-1], way)
    assert torch.equal(states[0].means, states[1].means)
    assert "ignored" not in learned.state_dict()


def test_an_alarm_outside_an_ignored_place_stays_an_alarm():
    learned, fast = train(method(), WALK), clip([20, 24, 28], 4.0)
    seen = learned.score(fast).frames.item()
    places = torch.zeros(SIZE, dtype=torch.bool)
    places[:, :8] = True
    learned.ignore(places)
    assert learned.score(fast).frames.item() == pytest.approx(seen, abs=1e-4)
    places[:] = True
    learned.ignore(places)
    assert np.isfinite(learned.score(fast).frames.item())


def test_a_score_is_explained_by_the_cells_of_what_moves_at_the_last_frame():
    learned = train(method(stillness=True), WALK)
    fast = clip([20, 24, 28], 4.0)
    scores, found = learned.score(fast), learned.explain(fast)
    assert set(found) == {"speed", "direction", "stillness"}
    highest = torch.stack([one.scores for one in found.values()]).amax(dim=0)
    assert torch.equal(highest, scores.maps)
    rows, columns = torch.nonzero(found["speed"].own[0, 0] > 2, as_tuple=True)
    # The square is at y 16 to 32 and x 28 to 44 in the last frame; a cell has 4 pixels.
    assert 3 <= rows.min() <= 4 and 7 <= rows.max() <= 8
    assert columns.min() == 7 and 9 <= columns.max() <= 10
    times = found["speed"].values["times"][0, 0, 6, 8].item()
    assert 3 < times < 6
    back = learned.explain(clip([20, 19, 18], -1.0))["direction"].values
    assert back["against"][0, 0, 6, 4].item() > 0.9 and back["share"][0, 0, 6, 4].item() < 0.1


def test_where_nothing_moved_in_training_no_speed_is_usual():
    learned = train(method(smooth=0.5), WALK)
    times = learned.explain(clip([20, 21, 22], 1.0, top=32))["speed"].values["times"]
    assert times[0, 0, 11, 6].item() == np.inf
    usual = learned.explain(clip([20, 21, 22], 1.0))["speed"].values["times"][0, 0, 6, 6].item()
    assert 0.8 < usual < 1.5
    # A checkpoint of an earlier version does not know where something moved.
    learned.sums.zero_()
    times = learned.explain(clip([20, 21, 22], 1.0, top=32))["speed"].values["times"]
    assert np.isfinite(times[0, 0, 11, 6].item())
