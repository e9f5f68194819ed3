"""Scene-bank: what stands there, and the light, against all that training has seen."""

import numpy as np
import pytest
import torch

from vadkit.data.tensors import Clips
from vadkit.errors import TrainingError
from vadkit.methods.encoded import encode_each
from vadkit.methods.scene_bank import SceneBank

SIZE = (48, 72)
FRAMES = 6


def method(frames=FRAMES, **more):
    return SceneBank({}, {}, SceneBank.clip_spec(frames, SIZE, "gray", 1), **more)


def scene(frames, seed, *, light=1.0, walker=True):
    """Frames (T, H, W) of a textured place with noise, and a walker who crosses it."""
    texture = np.random.default_rng(99).uniform(0.25, 0.65, (SIZE[0] // 4, SIZE[1] // 4))
    noise = np.random.default_rng(seed)
    place = np.kron(texture, np.ones((4, 4)))
    pictures = np.repeat(place[None], frames, axis=0) * light
    start, row = noise.integers(0, SIZE[1]), noise.integers(16, 28)
    for number, picture in enumerate(pictures):
        left = (start + 2 * number) % (SIZE[1] - 6)
        if walker:
            picture[row : row + 14, left : left + 6] = 0.05
    return torch.from_numpy(pictures + noise.normal(0, 0.01, pictures.shape)).float().clamp(0, 1)


def clips(frames, video=0):
    every = [frames[at : at + FRAMES] for at in range(len(frames) - FRAMES + 1)]
    return Clips(torch.stack(every)[:, None], videos=torch.full((len(every),), video))


@pytest.fixture(scope="module")
def learned():
    made = method()
    for video in range(6):
        made.collect(clips(scene(40, video, light=1.0 if video % 2 else 0.8), video))
    made.finalize()
    return made.eval()


def highest(learned, frames):
    return learned.score(clips(frames)).frames.max().item()


def test_an_object_that_was_left_is_detected_and_located(learned):
    usual = highest(learned, scene(30, 50))
    frames = scene(30, 50)
    frames[:, 10:18, 30:38] = 0.9
    scores = learned.score(clips(frames))
    assert scores.frames.min() > usual + 1
    rows, columns = scores.maps.shape[-2:]
    row, column = divmod(scores.maps[0, 0].argmax().item(), columns)
    assert 10 <= (row + 0.5) * SIZE[0] / rows <= 18
    assert 30 <= (column + 0.5) * SIZE[1] / columns <= 38


def test_an_object_that_was_taken_is_detected(learned):
    frames = scene(30, 51)
    usual = highest(learned, frames)
    frames[:, 4:16, 8:24] = frames[:, 4:16, 8:24].mean()
    assert learned.score(clips(frames)).frames.min() > usual + 1


def test_an_object_is_normal_at_its_place_in_training():
    def with_it(seed):
        frames = scene(40, seed)
        frames[:, 10:18, 30:38] = 0.9
        return frames

    made = method()
    for video in range(6):
        made.collect(clips(with_it(video), video))
    made.finalize()
    assert highest(made, with_it(50)) < highest(made, scene(40, 50)) - 1


def test_moving_objects_are_ignored(learned):
    still, walks = scene(30, 52, walker=False), scene(30, 52, walker=False)
    for number in range(30):
        still[number, 8:16, 30:36] = 0.9
        walks[number, 8:16, 2 * number : 2 * number + 6] = 0.9
    assert highest(learned, still) > highest(learned, walks) + 1


def test_lights_that_were_seen_are_usual_and_darkness_is_not(learned):
    usual = highest(learned, scene(30, 53))
    assert highest(learned, scene(30, 53, light=0.8)) < usual + 1
    # In between too, for looks do not know how bright it is.
    assert highest(learned, scene(30, 53, light=0.9)) < usual + 1
    dark = learned.score(clips(scene(30, 53, light=0.2)))
    assert dark.frames.min() > usual + 3
    # It is dark everywhere.
    assert dark.maps.amin(dim=(2, 3)).min() > usual + 1


def test_streamed_batched_and_single_clips_have_bit_identical_scores(learned):
    frames = scene(16, 54)
    together = clips(frames)
    scores = learned.score(together)
    mixed = learned.score(together.pick([3, 0, 4]))
    alone = [learned.score(together.pick([at])) for at in range(len(together))]
    features = torch.cat([learned.encode(Clips(one[None, None, None])) for one in frames])
    streamed = [
        learned.score_encoded(features[None, at : at + FRAMES]) for at in range(len(together))
    ]
    assert torch.equal(encode_each(learned, together)[2], features[2 : 2 + FRAMES])
    assert torch.equal(mixed.maps, scores.maps[[3, 0, 4]])
    for each in (alone, streamed):
        assert torch.equal(torch.cat([one.maps for one in each]), scores.maps)
        assert torch.equal(torch.cat([one.frames for one in each]), scores.frames)


def test_any_clip_of_a_long_training_may_be_kept():
    made = method(bank=20)
    for video in range(40):
        made.collect(clips(scene(10, video), video))
        assert len(made._drawn) <= 40
    videos = [one.video for one in made._drawn]
    made._keep()
    assert len(made._drawn) == 20 <= len(videos)
    assert 3 <= sum(one.video < 20 for one in made._drawn) <= 17
    made.finalize()
    assert made.bank.shape == (20, 32, 48)


def test_a_checkpoint_of_any_bank_loads(learned):
    fresh = method()
    assert len(fresh.bank) != len(learned.bank)
    fresh.load_state_dict(learned.state_dict())
    asked = clips(scene(12, 55))
    assert torch.equal(fresh.eval().score(asked).maps, learned.score(asked).maps)


def test_few_frames_are_an_error():
    made = method()
    made.collect(clips(scene(FRAMES + 3, 0)))
    with pytest.raises(TrainingError, match="needs 8 training clips or more; got 4"):
        made.finalize()


def test_colour_is_refused_and_one_frame_will_do():
    with pytest.raises(ValueError, match=r"set clip\.channels: gray"):
        SceneBank.clip_spec(6, SIZE, "rgb", 1)
    made = method(frames=1)
    for video in range(4):
        made.collect(Clips(scene(10, video)[:, None, None], videos=torch.full((10,), video)))
    made.finalize()
    assert made.score(Clips(scene(3, 9)[:, None, None])).frames.isfinite().all()


def drifting(frames, seed):
    """A scene whose light grows, as in the morning."""
    lit = scene(frames, seed, walker=False)
    return (lit * torch.linspace(0.55, 1.0, frames)[:, None, None]).clamp(0, 1)


def changing(frames, seed):
    """A scene where another thing stands at another place every 20 frames."""
    pictures, drawn = scene(frames, seed, walker=False), np.random.default_rng(seed + 1000)
    for start in range(0, frames, 20):
        row, column = drawn.integers(0, SIZE[0] - 12), drawn.integers(0, SIZE[1] - 12)
        grey = float(drawn.uniform(0.05, 0.95))
        pictures[start : start + 20, row : row + 10, column : column + 10] = grey
    return pictures


def taught(videos, frames):
    """Scene-bank after videos of a kind of scene, with little else than the nearest frame."""
    made = method(neighbours=1, components=1)
    for video in range(videos):
        made.collect(clips(frames(200 if frames is drifting else 100, video), video))
    made.finalize()
    return made.eval()


@pytest.mark.parametrize("videos", [1, 2, 3, 4])
def test_a_frame_is_not_explained_by_itself_or_its_neighbours_in_time(videos):
    """Else nothing in training would be unexplained, and all that is new a huge anomaly."""
    made = taught(videos, changing)
    _, spread, distance, _ = made.levels.tolist()
    assert spread > 0.5
    assert distance > 0.002
    assert max(highest(made, changing(40, seed)) for seed in (50, 51)) < 100


def test_in_one_video_frames_far_apart_in_time_are_compared():
    _, _, distance, _ = taught(1, drifting).levels.tolist()
    # The light grows by 0.6 in logarithms; each frame is held against some 5% of the video away.
    assert 0.6 * 0.05 < distance < 0.6 * 0.1


def test_from_four_videos_on_frames_are_compared_only_with_other_videos():
    """Below that with other times of their own video too, which are more alike."""
    distances = [taught(videos, changing).levels[2].item() for videos in (2, 3, 4, 5)]
    assert max(distances[:2]) < 0.005 < min(distances[2:])


def test_in_a_video_too_short_for_that_every_other_frame_is_compared():
    made = method(frames=10, neighbours=1)
    pictures = scene(17, 0)
    every = torch.stack([pictures[at : at + 10] for at in range(8)])[:, None]
    made.collect(Clips(every, videos=torch.zeros(8, dtype=torch.int64)))
    made.finalize()
    usual, spread, distance, _ = made.levels.tolist()
    assert np.isfinite([usual, spread]).all()
    assert distance > 1e-4


def test_an_object_in_an_ignored_place_is_not_seen_and_one_beside_it_is(learned):
    frames = scene(12, 50)
    frames[:, 20:32, 30:40] = 0.95
    left_there = highest(learned, frames)
    places = torch.zeros(SIZE, dtype=torch.bool)
    places[16:36, 26:44] = True
    learned.ignore(places)
    try:
        usual = highest(learned, scene(12, 51))
        assert highest(learned, frames) < usual + 3 < left_there
        frames[:, 2:14, 4:14] = 0.95
        assert highest(learned, frames) > usual + 3
    finally:
        learned.ignore(None)


def test_what_was_never_seen_at_a_place_and_other_light_are_said_so(learned):
    frames = scene(FRAMES, 50)
    frames[:, 20:32, 30:40] = 0.95
    scores, found = learned.score(clips(frames)), learned.explain(clips(frames))
    assert torch.equal(torch.maximum(found["place"].scores, found["light"].scores), scores.maps)
    assert found["place"].scores.amax() > 10 > found["light"].scores.amax()
    dark = learned.explain(clips(scene(FRAMES, 50, light=0.1)))
    assert dark["light"].scores.amax() > 10
    assert dark["light"].values["change"].shape == dark["light"].scores.shape
    assert dark["light"].values["change"].amax() < -1
    bright = learned.explain(clips(scene(FRAMES, 50, light=1.5)))
    assert bright["light"].values["change"].amin() > 0.2
