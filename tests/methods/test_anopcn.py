"""AnoPCN: predictor and refiner learn in turn, and the refined frame is scored."""

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.losses.adversarial import LeastSquaresDiscriminator, LeastSquaresGenerator
from vadkit.losses.pixel import MSE, Gradient, Intensity
from vadkit.methods.anopcn import AnoPCN
from vadkit.methods.method import WeightedLoss

SPEC = AnoPCN.clip_spec(4, (24, 24), "gray", 1)
LOSSES = {
    "intensity": WeightedLoss(Intensity(), 1.0),
    "gradient": WeightedLoss(Gradient(), 1.0),
    "adversarial": WeightedLoss(LeastSquaresGenerator(), 0.05),
    "discriminator": WeightedLoss(LeastSquaresDiscriminator(), 1.0),
    "refinement": WeightedLoss(MSE(), 1.0),
}


class Scale(nn.Module):
    """Multiplies its input, of a clip the last frame."""

    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return self.factor * (x[:, :, -1] if x.ndim == 5 else x)


def anopcn(**more):
    return AnoPCN({"predictor": Scale(0.5), "refiner": Scale(0.2), **more}, LOSSES, SPEC)


CLIPS = Clips(torch.full((2, 1, 4, 24, 24), 0.5))


def test_the_refined_frame_is_scored():
    scores = anopcn().score(CLIPS)
    # 0.25 is predicted, and a fifth of the error of 0.25 added; 0.2 in -1..1 is 20 dB in 0..1.
    torch.testing.assert_close(scores.output, torch.full((2, 1, 1, 24, 24), 0.3))
    assert scores.frames.flatten().tolist() == pytest.approx([-20.0, -20.0], abs=1e-3)
    torch.testing.assert_close(scores.maps, torch.full((2, 1, 24, 24), 0.01))


def test_predictor_and_refiner_take_separate_steps():
    method = anopcn(discriminator=Scale(1.0))
    discriminator, predictor, refiner = method.updates(CLIPS)
    roles = [one.role for one in (discriminator, predictor, refiner)]
    assert roles == ["discriminator", "predictor", "refiner"]
    terms = {name: term.item() for name, term in predictor.terms().items()}
    # A gap of 0.25; the discriminator gives 0.25, 0.75 from real.
    expected = {"intensity": 0.0625, "gradient": 0.0, "adversarial": 0.05 * 0.5 * 0.5625}
    assert terms == pytest.approx(expected)
    refinement = refiner.terms()["refinement"]
    assert refinement.item() == pytest.approx(0.04)
    refinement.backward()
    assert method.networks["predictor"].factor.grad is None
    assert method.networks["refiner"].factor.grad is not None


def test_without_a_discriminator_two_updates_are_left():
    assert [update.role for update in anopcn().updates(CLIPS)] == ["predictor", "refiner"]
