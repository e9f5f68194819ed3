"""OCAE: objects are cropped, clustered and compared; frames get their highest object."""

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.errors import TrainingError
from vadkit.losses.pixel import MSE
from vadkit.methods.method import WeightedLoss
from vadkit.methods.ocae import OCAE, ROLES

SPEC = OCAE.clip_spec(3, (32, 48), "gray", 3)


class Mean(nn.Module):
    """Its code is the crop's mean, its output the crop plus an offset that it learns."""

    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.tensor(0.5))

    def encode(self, crops):
        return crops.mean(dim=(2, 3))

    def forward(self, crops):
        return crops + self.offset


def ocae(**params):
    losses = {"reconstruction": WeightedLoss(MSE(), 1.0)}
    return OCAE({role: Mean() for role in ROLES}, losses, SPEC, **{"clusters": 2, **params})


def clip(*objects, background=0.0):
    """A clip with an object a tuple: brightness 3 frames before, now and 3 frames later."""
    frames = torch.full((1, 1, 3, 32, 48), background)
    boxes = []
    for place, levels in enumerate(objects):
        left = 2 + 12 * place
        for offset, level in enumerate(levels):
            frames[0, 0, offset, 4:24, left : left + 8] = level
        boxes.append([left, 4, left + 8, 24])
    return Clips(frames, boxes=(torch.tensor(boxes, dtype=torch.float32).view(-1, 4),))


def together(*clips):
    boxes = tuple(box for one in clips for box in one.boxes)
    return Clips(torch.cat([one.frames for one in clips]), boxes=boxes)


def test_codes_are_of_the_object_and_of_its_change():
    codes = ocae().embed(together(clip((0.2, 0.5, 0.9)), clip(), clip((0.4, 0.4, 0.4))))
    expected = torch.tensor([[0.3, 0.5, 0.4], [0.0, 0.4, 0.0]])
    # Crops are sampled between pixels, so their edges hold a little of the background.
    torch.testing.assert_close(codes, expected, atol=0.04, rtol=0)


def test_each_auto_encoder_learns_by_itself():
    method = ocae()
    updates = list(method.updates(clip((0.2, 0.5, 0.9))))
    assert [update.role for update in updates] == list(ROLES)
    assert [list(update.terms()) for update in updates] == [[role] for role in ROLES]
    assert updates[1].terms()["appearance"].item() == pytest.approx(0.25)
    assert list(method.updates(clip())) == []


def fitted(**params):
    """Trained on dark objects and bright ones that stand still."""
    method = ocae(**params)
    for number in range(8):
        dark, bright = 0.2 + number / 400, 0.8 + number / 400
        method.collect(clip((dark,) * 3, (bright,) * 3))
    method.finalize()
    return method


def test_the_score_is_the_highest_of_the_frames_objects():
    method = fitted()
    dark, odd = (0.2, 0.2, 0.2), (0.9, 0.5, 0.1)
    frames = method.score(
        together(clip(dark), clip(odd), clip(dark, odd), clip(dark, dark))
    ).frames[:, 0]
    assert frames[1] > frames[0]
    torch.testing.assert_close(frames[2], torch.maximum(frames[0], frames[1]), rtol=1e-4, atol=1e-4)
    codes = method.embed(clip(odd))
    by_hand = -(codes @ method.weights.T + method.biases).amax()
    assert frames[1].item() == pytest.approx(by_hand.item(), rel=1e-4)


def test_a_frame_without_objects_scores_like_the_most_normal_one():
    method = fitted()
    alone = method.score(clip())
    assert alone.frames.item() == method.lowest.item() < method.score(clip((0.2,) * 3)).frames
    assert torch.equal(alone.maps, method.lowest.expand(1, 1, 32, 48))


def test_the_map_shows_scores_within_boxes():
    method = fitted()
    scores = method.score(clip((0.2, 0.2, 0.2), (0.9, 0.5, 0.1)))
    assert scores.maps.shape == (1, 1, 32, 48)
    assert scores.maps[0, 0, 4:24, 14:22].unique().tolist() == [scores.frames.item()]
    assert (scores.maps[0, 0, 4:24, 2:10] < scores.frames.item()).all()
    assert scores.maps[0, 0, 30, 40] == method.lowest


def test_fitted_values_are_saved():
    method, fresh = fitted(), ocae()
    fresh.load_state_dict(method.state_dict())
    odd = clip((0.9, 0.5, 0.1))
    assert torch.equal(fresh.score(odd).frames, method.score(odd).frames)


def test_a_random_sample_of_many_objects_is_kept():
    method = ocae(samples=50)
    for number in range(40):
        method.collect(clip(*[(number / 40,) * 3] * 3))
        assert len(method._codes) <= 100
    (codes,) = method._codes.take()
    assert len(codes) == 50
    # As many from the first half of training as from the second, but for chance.
    assert 12 < (codes[:, 1] < 0.5).sum() < 38


def test_too_few_objects_are_an_error():
    method = ocae(clusters=5)
    method.collect(clip((0.2,) * 3))
    with pytest.raises(TrainingError, match=r"found 1 objects .* for 5 clusters"):
        method.finalize()
    method.collect(clip())
    with pytest.raises(TrainingError, match="found 0 objects"):
        method.finalize()


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_identical_objects_are_an_error():
    method = ocae(clusters=2)
    for _ in range(6):
        method.collect(clip((0.3, 0.3, 0.3)))
    with pytest.raises(TrainingError, match=r"found 6 objects .* too similar for 2 clusters"):
        method.finalize()


def test_machines_are_those_of_scikit_learn():
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import LinearSVC

    method = ocae(clusters=3, c=0.5)
    levels = [group + number / 400 for group in (0.1, 0.5, 0.9) for number in range(12)]
    seen = together(*[clip((level,) * 3) for level in levels])
    method.collect(seen)
    method.finalize()
    groups = torch.arange(3).repeat_interleave(12).numpy()
    machines = OneVsRestClassifier(LinearSVC(C=0.5)).fit(method.embed(seen).numpy(), groups)
    between = together(clip((0.3,) * 3), clip((0.7,) * 3), clip((0.5, 0.6, 0.4)))
    expected = -machines.decision_function(method.embed(between).numpy()).max(axis=1)
    assert method.score(between).frames[:, 0].tolist() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("args", [(7, (32, 48), "gray"), (3, (8, 8), "rgb")])
def test_an_unusable_clip_is_refused(args):
    with pytest.raises(ValueError, match="ocae"):
        OCAE.clip_spec(*args, 1)
