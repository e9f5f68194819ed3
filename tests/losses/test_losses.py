"""Losses against values worked out by hand."""

import pytest
import torch

from vadkit.losses.adversarial import LeastSquaresDiscriminator, LeastSquaresGenerator
from vadkit.losses.pixel import L1, MSE, Gradient, Intensity

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
    assert LeastSquaresDiscriminator()(real, fake) == pytest.approx(0.5 * 0.25 / 2 + 0.5 * 4 / 2)
