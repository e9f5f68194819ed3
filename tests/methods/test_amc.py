"""AMC: the worst patch of the motion decides, on the scale of training."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.losses.adversarial import LeastSquaresDiscriminator, LeastSquaresGenerator
from vadkit.losses.pixel import L1, Gradient, Intensity
from vadkit.methods.amc import AMC, worst_patch
from vadkit.methods.method import WeightedLoss
from vadkit.networks.amc import AMC as Network
from vadkit.networks.amc import Correspondence
from vadkit.recipe.faults import RecipeFaults
from vadkit.recipe.resolve import resolve

LOSSES = {
    "intensity": WeightedLoss(Intensity(), 1.0),
    "gradient": WeightedLoss(Gradient(), 1.0),
    "flow": WeightedLoss(L1(), 2.0),
    "adversarial": WeightedLoss(LeastSquaresGenerator(), 0.25),
    "discriminator": WeightedLoss(LeastSquaresDiscriminator(), 1.0),
}
SPEC = AMC.clip_spec(2, (32, 48), "gray", 1)


class Fixed(nn.Module):
    """Rebuilds half of the frame and predicts ``weight`` for all motion; counts its calls."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.calls = nn.Parameter(torch.tensor(weight)), 0

    def forward(self, frame):
        self.calls += 1
        return Correspondence(frame / 2, self.weight.expand(len(frame), 3, *frame.shape[2:]))


class Last(nn.Module):
    """A discriminator whose logits are ``weight`` times the last channel it sees."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.tensor(1.0)), []

    def forward(self, pair):
        self.seen.append(pair)
        return self.weight * pair[:, -1:]


def moved(dx, brightness):
    """A clip whose first frame has a patch of that brightness, which moves by dx to the right."""
    frames, flow = torch.zeros(1, 1, 2, 32, 48), torch.zeros(1, 2, 1, 32, 48)
    frames[:, :, 0, 8:24, 12:28] = brightness
    flow[:, 0, :, 8:24, 12:28] = dx
    return Clips(frames, flow)


def test_the_worst_patch_is_the_one_of_a_search_by_hand():
    rng = np.random.default_rng(0)
    flow, image = rng.random((2, 3, 32, 48), dtype=np.float32)
    expected = []
    for one, other in zip(flow, image, strict=True):
        patches = [
            (one[y : y + 16, x : x + 16].mean(), other[y : y + 16, x : x + 16].mean())
            for y in range(0, 32 - 15, 4)
            for x in range(0, 48 - 15, 4)
        ]
        expected.append(max(patches))
    found = worst_patch(torch.from_numpy(flow), torch.from_numpy(image), patch=16, stride=4)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_the_score_is_of_the_patch_in_units_of_training():
    method = AMC({"generator": Fixed(0.0)}, LOSSES, SPEC)
    clips = moved(3.0, 1.0)
    scores = method.score(clips)
    # In the patch dx and magnitude are 3 off, dy is not: a mean of 6. The frame is 0.5 off: 0.25.
    assert scores.frames.shape == (1, 1)
    expected = math.log(6) + 0.2 * math.log(0.25)
    assert scores.frames.item() == pytest.approx(expected, abs=1e-5)
    assert scores.maps.shape == (1, 1, 32, 48)
    assert (scores.maps[0, 0, 8, 12].item(), scores.maps[0, 0, 7, 12].item()) == (6.0, 0.0)
    assert torch.equal(scores.output[:, 0], clips.frames[:, :, 0] / 2)
    method.usual.copy_(torch.tensor([1.5, 0.5]))
    expected = math.log(4) + 0.2 * math.log(0.5)
    assert method.score(clips).frames.item() == pytest.approx(expected, abs=1e-5)


def test_image_weight_and_patches_are_the_recipes():
    method = AMC({"generator": Fixed(0.0)}, LOSSES, SPEC, patch=32, stride=8, image_weight=0.0)
    # A quarter of a patch of 32x32.
    assert method.score(moved(3.0, 1.0)).frames.item() == pytest.approx(math.log(6 / 4))


def test_collected_errors_become_mean_errors():
    method = AMC({"generator": Fixed(0.0)}, LOSSES, SPEC)
    # Motion errors of 2/3, 8/3 and 6; image errors of 0.25, 0.25 and 0.0625.
    for dx, brightness in ((1.0, 1.0), (2.0, 1.0), (3.0, 0.5)):
        method.collect(moved(dx, brightness))
    method.finalize()
    assert method.usual.tolist() == pytest.approx([28 / 9, 0.5625 / 3])
    assert method.score(moved(0.0, 0.0)).frames.isfinite().all()


def test_discriminator_steps_first_and_both_share_one_pass():
    generator, discriminator = Fixed(0.5), Last()
    method = AMC({"generator": generator, "discriminator": discriminator}, LOSSES, SPEC)
    flow = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1, 1).expand(2, 2, 1, 32, 48)
    clips = Clips(torch.full((2, 1, 2, 32, 48), 0.4), flow)
    updates = method.updates(clips)

    update = next(updates)
    terms = update.terms()
    assert update.role == "discriminator"
    # The true magnitude gives logits of 1, the predicted 0.5: 0.5 * 0 + 0.5 * 0.25.
    assert {n: t.item() for n, t in terms.items()} == pytest.approx({"discriminator": 0.125})
    assert discriminator.seen[0][0, :, 0, 0].tolist() == pytest.approx([0.4, 1.0, 0.0, 1.0])
    assert discriminator.seen[1][0, :, 0, 0].tolist() == pytest.approx([0.4, 0.5, 0.5, 0.5])
    terms["discriminator"].backward()
    assert generator.weight.grad is None

    update = next(updates)
    terms = update.terms()
    assert update.role == "generator"
    # The frame is 0.2 off, the motion 0.5; logits of 0.5 against 1: 0.25 * 0.5 * 0.25.
    assert {n: t.item() for n, t in terms.items()} == pytest.approx(
        {"intensity": 0.04, "gradient": 0.0, "flow": 1.0, "adversarial": 0.03125}
    )
    sum(terms.values()).backward()
    # d/dw of the mean of 2 * |w - 1|, 2 * w and 2 * |w - 1| is -2 / 3; of 0.125 * (w - 1)^2 it is
    # -0.125.
    assert generator.weight.grad.item() == pytest.approx(-2 / 3 - 0.125)
    assert next(updates, None) is None
    assert generator.calls == 1


def test_without_a_discriminator_there_is_one_update():
    method = AMC({"generator": Fixed(0.5)}, LOSSES, SPEC)
    updates = [(u.role, sorted(u.terms())) for u in method.updates(moved(1.0, 1.0))]
    assert updates == [("generator", ["flow", "gradient", "intensity"])]


def test_features_are_only_of_the_first_frame():
    torch.manual_seed(0)
    network = Network(1, 3, width=4).eval()
    method = AMC({"generator": network}, LOSSES, SPEC)
    clips = Clips(torch.rand(2, 1, 2, 32, 48))
    features = method.embed(clips)
    waist = network.encode(clips.frames[:, :, 0])[-1]
    torch.testing.assert_close(features, waist.sum(dim=(2, 3)) / 6)
    assert features.shape == (2, 32)


def test_the_first_of_two_frames_gets_the_score():
    spec = AMC.clip_spec(2, (128, 192), "rgb", 1)
    assert (spec.scored, spec.flow, spec.scoring.flow, spec.range) == ((0,), (1,), (1,), (-1, 1))
    assert AMC.network_args(spec) == {"generator": (3, 3), "discriminator": (6,)}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((3, (64, 64), "rgb", 1), "needs 2 frames with step 1.*got 3 with step 1"),
        ((2, (64, 64), "rgb", 2), "got 2 with step 2"),
        ((2, (72, 64), "rgb", 1), "multiples of 16; got 72x64"),
        ((2, (16, 64), "rgb", 1), "at least 32"),
    ],
)
def test_an_unusable_clip_is_refused(args, message):
    with pytest.raises(ValueError, match=message):
        AMC.clip_spec(*args)


def test_a_recipe_without_flow_is_refused():
    sections = {"name": "x", "dataset": {"type": "synthetic"}, "method": {"type": "amc"}}
    assert resolve(dict(sections)).flow.type == "dis"
    with pytest.raises(RecipeFaults, match="this method needs optical flow"):
        resolve({**sections, "flow": None})


def test_defaults_are_the_papers():
    defaults = resolve(
        {"name": "x", "dataset": {"type": "synthetic"}, "method": {"type": "amc"}}
    ).model_dump()
    weights = {name: loss["weight"] for name, loss in defaults["losses"].items()}
    assert weights == {
        "intensity": 1.0,
        "gradient": 1.0,
        "flow": 2.0,
        "adversarial": 0.25,
        "discriminator": 1.0,
    }
    assert (defaults["clip"]["size"], defaults["clip"]["frames"]) == ((128, 192), 2)
