"""place-features: what a place looks like, against all that training has seen there."""

import numpy as np
import pytest
import torch
from torchvision.models import get_model

from vadkit.data.tensors import Clips
from vadkit.errors import DataError, TrainingError
from vadkit.methods import place_features
from vadkit.methods.encoded import encode_each
from vadkit.methods.place_features import PlaceFeatures, coreset

SIZE = (64, 96)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights: they tell textures apart well enough for drawn pictures."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mobilenet.pth"
    torch.save(get_model("mobilenet_v2", weights=None).state_dict(), path)
    return path


def method(weights, **more):
    clip = PlaceFeatures.clip_spec(1, SIZE, "rgb", 1)
    return PlaceFeatures({}, {}, clip, weights=weights, rows=64, **more).eval()


def scene(count, seed, thing=None, light=1.0):
    """Frames (N, 3, 1, H, W) of a textured place with noise, and a striped thing at a place."""
    texture = np.random.default_rng(99).uniform(0.2, 0.7, (3, SIZE[0] // 4, SIZE[1] // 4))
    pictures = np.repeat(np.kron(texture, np.ones((1, 4, 4)))[None], count, axis=0) * light
    pictures += np.random.default_rng(seed).normal(0, 0.01, pictures.shape)
    if thing is not None:
        down, right = thing
        stripes = np.tile([[0.0], [1.0]], (8, 16))
        pictures[:, :, down : down + 16, right : right + 16] = stripes
    return torch.from_numpy(pictures).float().clamp(0, 1)[:, :, None]


def fit(made, frames, videos=4):
    made.expect([len(frames) // videos] * videos)
    for video, part in enumerate(frames.chunk(videos)):
        made.collect(Clips(part, videos=torch.full((len(part),), video)))
    made.finalize()
    return made


@pytest.fixture(scope="module")
def learned(weights):
    frames = torch.cat([scene(30, 1), scene(30, 2, light=0.7)])
    return fit(method(weights), frames)


def test_a_thing_that_was_never_there_is_detected_and_located(learned):
    usual = learned.score(Clips(scene(20, 5))).frames.max().item()
    scores = learned.score(Clips(scene(4, 6, thing=(32, 48))))
    assert scores.frames.min().item() > 1.5 * usual
    assert scores.maps.shape == (4, 1, 8, 12)
    row, column = divmod(scores.maps[0, 0].argmax().item(), 12)
    assert 3 <= row <= 6 and 5 <= column <= 8
    assert torch.equal(scores.frames[:, 0], scores.maps.amax(dim=(1, 2, 3)))


def test_light_that_training_has_seen_is_usual(learned):
    dark = learned.score(Clips(scene(20, 7, light=0.7))).frames.max().item()
    assert dark < 1.2 * learned.score(Clips(scene(20, 8))).frames.max().item()


def test_what_changes_the_whole_picture_is_no_event(learned):
    asked = Clips(scene(5, 7, light=0.4))
    distances = learned._distances(learned._reduced(learned._features(asked.frames[:, :, 0])))
    largest, median = distances.flatten(1).amax(dim=1), distances.flatten(1).median(dim=1).values
    assert (median > 0.3 * largest).all()
    wanted = (largest.square() - median.square()).sqrt()
    torch.testing.assert_close(learned.score(asked).frames[:, 0], wanted)
    assert (learned.score(asked).maps.flatten(1).median(dim=1).values == 0).all()
    changed = learned.score(Clips(scene(5, 7, light=0.4, thing=(32, 48)))).maps
    assert (changed.amax(dim=(1, 2, 3)) > learned.score(asked).frames[:, 0]).all()


def test_what_happens_in_less_than_the_trimmed_share_does_not_become_normal(weights):
    frames = scene(100, 1)
    frames[40] = scene(1, 3, thing=(32, 48))[0]
    asked = Clips(scene(1, 4, thing=(32, 48)))
    clean, kept = fit(method(weights), frames), fit(method(weights, trim=0.0), frames)
    assert kept.score(asked).frames.item() < 0.5 * clean.score(asked).frames.item()


def test_an_accepted_stretch_becomes_normal_and_the_rest_stays(weights):
    made = fit(method(weights), scene(60, 1))
    here, there = Clips(scene(1, 4, thing=(32, 48))), Clips(scene(1, 4, thing=(8, 8)))
    before, other = made.score(here).frames.item(), made.score(there).frames.item()
    made.accept(Clips(scene(20, 5, thing=(32, 48))))
    made.settle()
    assert made.score(here).frames.item() < 0.5 * before
    assert made.score(there).frames.item() == pytest.approx(other, rel=0.05)


def test_memory_is_limited_and_the_sample_is_uniform(weights):
    made = method(weights, bank=20, kept=5, dims=3)
    made.expect([100] * 4)
    for start in range(0, 400, 40):
        frames = scene(40, start)
        made.collect(Clips(frames, videos=torch.full((40,), start // 100)))
        assert len(made._drawn) <= 25
    made.finalize()
    assert made.bank.shape == (8 * 12, 5, 3) and not made._drawn


def test_frames_are_divided_into_parts_with_a_bank_each(weights, monkeypatch):
    monkeypatch.setattr(place_features, "_PART", 20)
    sizes = []

    def counted(frames, draw):
        sizes.append(len(frames))
        return candidates(frames, draw)

    candidates = place_features._candidates
    monkeypatch.setattr(place_features, "_candidates", counted)
    frames = scene(70, 1)
    asked = Clips(scene(1, 4, thing=(32, 48)))
    unknown = fit(method(weights, kept=30, trim=0.0), frames, videos=2).score(asked).frames.item()
    # It is in the second part only.
    frames[31] = scene(1, 3, thing=(32, 48))[0]
    made = fit(method(weights, kept=30, trim=0.0), frames, videos=2)
    assert sizes == 2 * [24, 23, 23] and made.bank.shape[:2] == (8 * 12, 30)
    assert made.score(asked).frames.item() < 0.6 * unknown


def test_a_coreset_has_rows_that_are_far_from_each_other():
    rows = torch.cat([torch.zeros(1, 50, 2), torch.full((1, 3, 2), 5.0)], dim=1)
    assert coreset(rows, 2).sum(dim=2).unique().tolist() == [0, 10]
    assert torch.equal(coreset(rows, 53), rows)


def test_streams_score_as_clips_do(learned):
    asked = Clips(scene(5, 9, thing=(8, 8)))
    torch.testing.assert_close(
        learned.score_encoded(encode_each(learned, asked)).frames, learned.score(asked).frames
    )


def test_gray_clips_work_too(weights):
    clip = PlaceFeatures.clip_spec(1, SIZE, "gray", 1)
    made = PlaceFeatures({}, {}, clip, weights=weights, rows=64).eval()
    fit(made, scene(40, 1).mean(dim=1, keepdim=True))
    assert made.score(Clips(scene(1, 3).mean(dim=1, keepdim=True))).frames.isfinite().all()


def test_a_checkpoint_needs_no_weights(learned, tmp_path):
    fresh = method(tmp_path / "gone.pth")
    fresh.load_state_dict(learned.state_dict())
    asked = Clips(scene(3, 9))
    assert torch.equal(fresh.score(asked).frames, learned.score(asked).frames)
    with pytest.raises(DataError, match=r"gone\.pth"):
        fresh.expect([3])


def test_too_little_video(weights):
    made = method(weights)
    made.expect([5])
    made.collect(Clips(scene(5, 1), videos=torch.zeros(5, dtype=torch.long)))
    with pytest.raises(TrainingError, match="needs 8 training clips or more; got 5"):
        made.finalize()


def test_a_long_stretch_is_thinned_and_adds_what_is_new_at_each_place(weights):
    made = fit(method(weights), scene(40, 1))
    before = made.bank.shape[1]
    frames = torch.cat([scene(290, 2), scene(20, 3, thing=(8, 8)), scene(290, 4)])
    for part in frames.split(100):
        made.accept(Clips(part))
        assert len(made._accepted) <= 256
    asked = Clips(scene(1, 9, thing=(8, 8)))
    unknown = made.score(asked).frames.item()
    made.settle()
    assert made.bank.shape[1] == before + 12 and not made._accepted
    assert made.score(asked).frames.item() < 0.5 * unknown
