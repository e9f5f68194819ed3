"""Losses against values worked out by hand."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from vadkit.losses.adversarial import (
    LeastSquaresDiscriminator,
    LeastSquaresGenerator,
    VanillaDiscriminator,
    VanillaGenerator,
    WassersteinDiscriminator,
    WassersteinGenerator,
)
from vadkit.losses.classes import CrossEntropy
from vadkit.losses.memory import Compactness, Entropy, Separateness
from vadkit.losses.pixel import L1, MSE, Gradient, Intensity, WeightedPrediction

OUTPUT = torch.tensor([[[[1.0, 3.0], [2.0, 6.0]]]])
TARGET = torch.tensor([[[[1.0, 1.0], [4.0, 2.0]]]])


def test_pixel_losses():
    # Differences 0, 2, -2, 4.
    assert MSE()(OUTPUT, TARGET) == pytest.approx(24 / 4)
    assert Intensity()(OUTPUT, TARGET) == pytest.approx(24 / 4)
    assert L1()(OUTPUT, TARGET) == pytest.approx(8 / 4)


def test_gradient_compares_absolute_differences():
    # Along rows: output |2|, |4|; target |0|, |2|: mean difference 2.
    # Along columns: output |1|, |3|; target |3|, |1|: mean difference 2.
    assert Gradient()(OUTPUT, TARGET) == pytest.approx(4.0)
    assert Gradient()(OUTPUT + 5, OUTPUT) == 0
    assert Gradient()(-OUTPUT, OUTPUT) == 0


def test_least_squares_losses():
    real, fake = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 2.0])
    assert LeastSquaresGenerator()(fake) == pytest.approx(0.5 * (1 + 1) / 2)
    loss = LeastSquaresDiscriminator()(nn.Identity(), real, fake)
    assert loss == pytest.approx(0.5 * 0.25 / 2 + 0.5 * 4 / 2)


def test_vanilla_losses():
    real, fake = torch.tensor([0.0, math.log(3)]), torch.tensor([0.0, -math.log(3)])
    # The sigmoids are 1/2 and 3/4 for real, 1/2 and 1/4 for fake.
    assert VanillaGenerator()(fake) == pytest.approx((math.log(2) + math.log(4)) / 2)
    of_real = (math.log(2) + math.log(4 / 3)) / 2
    loss = VanillaDiscriminator()(nn.Identity(), real, fake)
    assert loss == pytest.approx(0.5 * of_real + 0.5 * of_real)


class Linear(nn.Module):
    """A critic whose gradient is (3, 4) everywhere, of length 5."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([3.0, 4.0]))

    def forward(self, points):
        return points @ self.weight


def test_wasserstein_losses():
    critic, real = Linear(), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    fake = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    assert WassersteinGenerator()(critic(fake)).item() == pytest.approx(-3.5)
    loss = WassersteinDiscriminator(penalty=2.0)(critic, real, fake)
    assert loss.item() == pytest.approx(3.5 - 3.5 + 2 * (5 - 1) ** 2)
    loss.backward()
    # The penalty's slope along the weight (3, 4) / 5 is 2 * 2 * (5 - 1).
    torch.testing.assert_close(critic.weight.grad, 16 * torch.tensor([0.6, 0.8]))


def test_the_gradient_penalty_of_a_convolution_is_exact_under_bfloat16():
    torch.manual_seed(0)
    critic = nn.Conv2d(1, 1, 4, stride=4, bias=False)
    frames = torch.rand(3, 1, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = WassersteinDiscriminator()(critic, frames, frames)
    # A value a patch, four patches: the gradient of their mean is a quarter of each weight.
    length = (critic.weight / 4).norm() * 2
    assert loss.item() == pytest.approx(10 * (length.item() - 1) ** 2, rel=1e-5)


def test_gradient_is_zero_for_a_flat_difference_and_counts_channels_as_a_mean():
    ramp = torch.arange(4.0).expand(1, 1, 3, 4)
    flat = torch.zeros(1, 1, 3, 4)
    assert Gradient()(ramp, flat) == pytest.approx(1.0)
    both = torch.cat([ramp, flat], dim=1)
    assert Gradient()(both, torch.zeros_like(both)) == pytest.approx(0.5)


def test_generator_is_pulled_towards_1():
    logits = torch.tensor([0.0, 3.0], requires_grad=True)
    LeastSquaresGenerator()(logits).backward()
    # d/dx of (x - 1)^2 / 2, over two logits.
    assert logits.grad is not None
    assert logits.grad.tolist() == pytest.approx([-0.5, 1.0])


@pytest.mark.parametrize("loss", [MSE(), L1(), Intensity(), Gradient()])
def test_a_bfloat16_output_is_compared_in_float32(loss):
    torch.manual_seed(0)
    output, target = torch.randn(2, 3, 16, 16).bfloat16(), torch.randn(2, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(output, target)
    assert value.item() == pytest.approx(loss(output.double(), target.double()).item(), rel=2e-4)


@pytest.mark.parametrize(
    ("loss", "inputs"),
    [
        (LeastSquaresGenerator(), 1),
        (VanillaGenerator(), 1),
        (WassersteinGenerator(), 1),
        (LeastSquaresDiscriminator(), 2),
        (VanillaDiscriminator(), 2),
    ],
)
def test_bfloat16_logits_are_averaged_in_float32(loss, inputs):
    torch.manual_seed(0)
    logits = [torch.randn(2, 1, 16, 16).bfloat16() for _ in range(inputs)]
    if inputs == 2:
        loss = partial(loss, nn.Identity())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(*logits)
    exact = loss(*(tensor.double() for tensor in logits))
    assert value.item() == pytest.approx(exact.item(), rel=1e-5)


def test_entropy_of_even_and_of_sure_weights():
    even, sure = torch.full((1, 4), 0.25), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    assert Entropy()(even) == pytest.approx(math.log(4))
    assert Entropy()(sure) == pytest.approx(0.0, abs=1e-6)
    assert Entropy()(torch.cat([even, sure])) == pytest.approx(math.log(4) / 2)


def test_weighted_prediction_forgives_later_frames():
    target = torch.zeros(1, 1, 4, 2, 2)
    for frame, expected in enumerate((4 / 4, 3 / 4, 2 / 4, 1 / 4)):
        output = target.clone()
        output[:, :, frame] = 2.0
        assert WeightedPrediction()(output, target) == pytest.approx(4 * expected / 4)


def test_compactness_and_separateness_of_one_query():
    items = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    query = torch.tensor([[[0.6, 0.8]]])
    # Nearest (0, 1) at sqrt(0.4), then (1, 0) at sqrt(0.8); the mean of two squares is 0.2.
    assert Compactness()(query, items) == pytest.approx(0.2, abs=1e-4)
    expected = math.sqrt(0.4) - math.sqrt(0.8)
    assert Separateness()(query, items) == pytest.approx(expected + 1, abs=1e-4)
    assert Separateness(margin=0.1)(query, items) == 0


def test_cross_entropy_of_classes():
    logits = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    # Class 1 has 3/4, class 0 has 1/2.
    expected = (math.log(4 / 3) + math.log(2)) / 2
    assert CrossEntropy()(logits, torch.tensor([1, 0])) == pytest.approx(expected)
