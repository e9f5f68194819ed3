"""Errors of tokens, weighted within each image."""

import pytest
import torch

from vadkit.losses.tokens import WeightedTokens


def test_weights_count_within_an_image():
    output = torch.tensor([[[1.0, 1.0], [0.0, 2.0]], [[3.0, 0.0], [0.0, 0.0]]])
    target = torch.zeros(2, 2, 2)
    # Errors of the tokens are 1 and 2 in the first image, 4.5 and 0 in the second.
    weights = torch.tensor([[3.0, 1.0], [0.2, 0.6]])
    wanted = ((3 * 1 + 1 * 2) / 4 + (0.2 * 4.5) / 0.8) / 2
    assert WeightedTokens()(output, target, weights).item() == pytest.approx(wanted)


def test_equal_weights_give_the_mean_and_zero_weights_nothing():
    output, target = torch.rand(2, 3, 4), torch.rand(2, 3, 4)
    mean = (output - target).square().mean()
    torch.testing.assert_close(WeightedTokens()(output, target, torch.full((2, 3), 1e-3)), mean)
    assert WeightedTokens()(output, target, torch.zeros(2, 3)).item() == 0
