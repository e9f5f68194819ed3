"""GANomaly: the distance of codes is the score, and both networks take their step."""

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.losses.adversarial import VanillaDiscriminator
from vadkit.losses.pixel import L1, MSE
from vadkit.methods.ganomaly import GANomaly
from vadkit.methods.method import WeightedLoss
from vadkit.networks.ganomaly import Reconstruction

SPEC = GANomaly.clip_spec(4, (16, 16), "gray", 1)
LOSSES = {
    "context": WeightedLoss(L1(), 50.0),
    "code": WeightedLoss(MSE(), 1.0),
    "features": WeightedLoss(MSE(), 1.0),
    "discriminator": WeightedLoss(VanillaDiscriminator(), 1.0),
}


class Dimmer(nn.Module):
    """Halves the clip; its code is the frames' means."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.5))

    def forward(self, stack):
        output = self.factor * stack
        return Reconstruction(output, stack.mean(dim=(2, 3)), output.mean(dim=(2, 3)))


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def features(self, stack):
        return self.weight * stack.mean(dim=(1, 2, 3), keepdim=True)

    def forward(self, stack):
        return self.features(stack).flatten(1)


def ganomaly():
    return GANomaly({"generator": Dimmer(), "discriminator": Critic()}, LOSSES, SPEC)


def clips(*levels):
    return Clips(torch.tensor(levels).view(1, 1, 4, 1, 1).expand(1, 1, 4, 16, 16).clone())


def test_the_score_is_the_mean_squared_distance_of_codes():
    scores = ganomaly().score(clips(0.0, 0.4, 0.8, -0.4))
    # Halved means differ by 0, 0.2, 0.4 and 0.2.
    assert scores.frames.item() == pytest.approx((0.04 + 0.16 + 0.04) / 4)
    # The map and the output are of the middle frame, the third.
    torch.testing.assert_close(scores.maps, torch.full((1, 1, 16, 16), 0.16))
    torch.testing.assert_close(scores.output, torch.full((1, 1, 1, 16, 16), 0.4))


def test_the_features_are_the_codes():
    torch.testing.assert_close(
        ganomaly().embed(clips(0.0, 0.4, 0.8, -0.4))[0], torch.tensor([0.0, 0.4, 0.8, -0.4])
    )


def test_terms_of_both_updates():
    generator, discriminator = ganomaly().updates(clips(0.4, 0.4, 0.4, 0.4))
    assert (generator.role, discriminator.role) == ("generator", "discriminator")
    terms = {name: term.item() for name, term in generator.terms().items()}
    # The clip is 0.4, its reconstruction 0.2; the critic's features are twice that.
    assert terms == pytest.approx({"context": 50 * 0.2, "code": 0.04, "features": 0.16})
    loss = discriminator.terms()["discriminator"]
    expected = nn.functional.softplus(torch.tensor([-0.8, 0.4])).sum() / 2
    assert loss.item() == pytest.approx(expected.item())


def test_the_discriminators_step_leaves_the_generator_alone():
    method = ganomaly()
    _, discriminator = method.updates(clips(0.4, 0.4, 0.4, 0.4))
    discriminator.terms()["discriminator"].backward()
    assert method.networks["generator"].factor.grad is None
    assert method.networks["discriminator"].weight.grad is not None


def test_a_size_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="multiples of 16; got 40x64"):
        GANomaly.clip_spec(8, (40, 64), "gray", 1)
