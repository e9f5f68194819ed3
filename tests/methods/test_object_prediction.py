"""Object cubes: what is erased, what is learned, and how errors become scores."""

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.errors import TrainingError
from vadkit.losses.pixel import MSE
from vadkit.methods.method import WeightedLoss
from vadkit.methods.object_prediction import ObjectPrediction

LOSSES = {"frame": WeightedLoss(MSE(), 1.0), "flow": WeightedLoss(MSE(), 2.0)}


class Constant(nn.Module):
    """As many planes as asked, of a value that it learns; keeps what it saw."""

    def __init__(self, planes, value=0.0):
        super().__init__()
        self.planes = planes
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, cubes):
        self.seen = cubes
        return self.value.expand(len(cubes), self.planes, 32, 32)


def make(flow=True, **params):
    networks = {"frame": Constant(1), **({"flow": Constant(2)} if flow else {})}
    spec = ObjectPrediction.clip_spec(5, (32, 48), "gray", 1)
    spec = ObjectPrediction.clip_for(spec, params, networks)
    return ObjectPrediction(networks, {role: LOSSES[role] for role in networks}, spec, **params)


def clip(*objects, motion=0.0):
    """A clip with an object a tuple of brightness in each frame; all that moves moves right."""
    frames = torch.zeros(1, 1, 5, 32, 48)
    boxes = []
    for place, levels in enumerate(objects):
        left = 2 + 16 * place
        for offset, level in enumerate(levels):
            # Wider than the box: crops are sampled between pixels.
            frames[0, 0, offset, 2:26, left - 2 : left + 14] = level
        boxes.append([left, 4, left + 12, 24])
    flow = torch.zeros(1, 2, 1, 32, 48)
    flow[:, 0] = motion
    return Clips(frames, flow, (torch.tensor(boxes, dtype=torch.float32).view(-1, 4),))


LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5)


@pytest.mark.parametrize(
    ("erase", "known", "erased"),
    [("last", [0.1, 0.2, 0.3, 0.4], 0.5), ("middle", [0.1, 0.2, 0.4, 0.5], 0.3)],
)
def test_the_erased_frame_is_completed_from_the_others(erase, known, erased):
    method = make(erase=erase)
    place = 4 if erase == "last" else 2
    assert (method.clip.scored, method.clip.boxes, method.clip.flow) == ((place,), place, (place,))
    updates = {update.role: update.terms() for update in method.updates(clip(LEVELS, motion=3.0))}
    seen = method.networks["frame"].seen
    assert seen.shape == (1, 4, 32, 32)
    assert seen[0, :, 16, 16].tolist() == pytest.approx(known)
    assert updates["frame"]["frame"].item() == pytest.approx(erased**2)
    # Flow of 3 to the right and 0 down, weight 2.
    assert updates["flow"]["flow"].item() == pytest.approx(2 * 4.5)


def test_colours_of_a_frame_stay_together():
    spec = ObjectPrediction.clip_spec(5, (32, 48), "rgb", 1)
    assert ObjectPrediction.network_args(spec) == {"frame": (12, 3), "flow": (12, 2)}
    networks = {"frame": Constant(3)}
    spec = ObjectPrediction.clip_for(spec, {}, networks)
    method = ObjectPrediction(networks, LOSSES, spec)
    frames = torch.arange(15.0).view(1, 5, 3, 1, 1).transpose(1, 2).expand(1, 3, 5, 32, 48)
    known, wanted = method.cubes(Clips(frames, None, (torch.tensor([[4.0, 4, 20, 20]]),)))
    assert known[0, :, 9, 9].tolist() == list(range(12))
    assert wanted["frame"][0, :, 9, 9].tolist() == [12, 13, 14]


def fitted(**params):
    """Trained on objects whose squared errors are 0.04 and 0.36, and flow's 0.5 and 1.5."""
    method = make(**params)
    method.collect(clip((0, 0, 0, 0, 0.2), motion=1.0))
    method.collect(clip((0, 0, 0, 0, 0.6), motion=3**0.5))
    method.collect(clip())
    method.finalize()
    return method.eval()


def test_scores_are_deviations_of_errors_from_those_of_training():
    method = fitted()
    torch.testing.assert_close(method.usual, torch.tensor([[0.2, 0.16], [1.0, 0.5]]))
    scores = method.score(clip((0, 0, 0, 0, 1.0), (0, 0, 0, 0, 0.2), motion=2.0))
    assert scores.frames.item() == pytest.approx((1 - 0.2) / 0.16 + (2 - 1) / 0.5, rel=1e-4)
    assert scores.parts["frame"].item() == pytest.approx(5, rel=1e-4)
    assert scores.parts["flow"].item() == pytest.approx(2, rel=1e-4)
    assert scores.maps[0, 0, 12, 20].item() == pytest.approx(-1 + 2, rel=1e-4)
    assert scores.maps[0, 0, 30, 46].item() == pytest.approx(-2, rel=1e-4)


def test_a_frame_without_objects_has_the_least_errors_of_training():
    scores = fitted().score(clip())
    assert scores.frames.item() == pytest.approx(-2, rel=1e-4)
    assert {name: part.item() for name, part in scores.parts.items()} == pytest.approx(
        {"frame": -1, "flow": -1}, rel=1e-4
    )


def test_weights_and_a_network_that_is_switched_off():
    odd = clip((0, 0, 0, 0, 1.0), motion=2.0)
    assert fitted(flow_weight=0.5).score(odd).frames.item() == pytest.approx(6, rel=1e-4)
    method = fitted(flow=False)
    assert method.clip.flow == () and method.usual.shape == (1, 2)
    assert method.score(odd).frames.item() == pytest.approx(5, rel=1e-4)


def test_a_batch_without_objects_takes_no_step():
    assert list(make().updates(clip())) == []
    method = make()
    method.collect(clip())
    with pytest.raises(TrainingError, match="found no object in the training videos"):
        method.finalize()


def test_two_frames_are_refused():
    with pytest.raises(ValueError, match="3 frames or more"):
        ObjectPrediction.clip_spec(2, (32, 48), "gray", 1)
