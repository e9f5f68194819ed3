"""Losses on bags against values worked out by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.losses.mil import (
    Ranking,
    Smoothness,
    Sparsity,
    TopEntropy,
    cross_entropy,
    masked_mean,
    top_counts,
    top_mask,
    top_mean,
)

# Two normal bags, two abnormal ones; the last has two segments and two of padding.
SCORES = torch.tensor(
    [[0.1, 0.4, 0.2, 0.3], [0.0, 0.1, 0.0, 0.2], [0.9, 0.1, 0.2, 0.6], [0.5, 0.3, 0.99, 0.99]]
)
LABELS = torch.tensor([0.0, 0.0, 1.0, 1.0])
MASK = torch.tensor([[True] * 4, [True] * 4, [True] * 4, [True, True, False, False]])


def test_ranking_is_the_mean_hinge_of_all_pairs_of_maxima():
    # Maxima .4 and .2 of normal bags, .9 and .5 of abnormal ones.
    expected = (0.5 + 0.3 + 0.9 + 0.7) / 4
    assert Ranking()(SCORES, LABELS, MASK).item() == pytest.approx(expected)
    # A margin of .4: hinges 0 (.4 - .9 + .4 < 0), 0, .3 and .1.
    assert Ranking(margin=0.4)(SCORES, LABELS, MASK).item() == pytest.approx(0.4 / 4)


def test_smoothness_and_sparsity_are_sums_over_time_of_abnormal_bags():
    third, fourth = 0.64 + 0.01 + 0.16, 0.04
    assert Smoothness()(SCORES, LABELS, MASK).item() == pytest.approx((third + fourth) / 2)
    assert Sparsity()(SCORES, LABELS, MASK).item() == pytest.approx((1.8 + 0.8) / 2)


def test_top_entropy_of_the_highest_scores():
    # 4 // 4 + 1 = 2 of four segments, 2 // 4 + 1 = 1 of two.
    means = [0.35, 0.15, 0.75, 0.5]
    expected = -(math.log(0.65) + math.log(0.85) + math.log(0.75) + math.log(0.5)) / 4
    assert TopEntropy(per=4)(SCORES, LABELS, MASK).item() == pytest.approx(expected)
    counts = top_counts(MASK, 4)
    assert counts.tolist() == [2, 2, 2, 1]
    assert top_mean(SCORES, counts, MASK).tolist() == pytest.approx(means)
    # Three of four segments, and all of a shorter bag.
    assert top_counts(MASK, top=3).tolist() == [3, 3, 3, 2]
    means = [0.3, 0.1, 1.7 / 3, 0.4]
    expected = -(sum(math.log(1 - p) for p in means[:2]) + sum(map(math.log, means[2:]))) / 4
    assert TopEntropy(top=3)(SCORES, LABELS, MASK).item() == pytest.approx(expected)


def test_equal_scores_choose_exactly_as_many_as_asked():
    chosen = top_mask(torch.full((2, 5), 0.5), torch.tensor([2, 3]))
    assert chosen.sum(dim=1).tolist() == [2, 3]


def test_the_mean_of_chosen_features_ignores_what_padding_contains():
    features = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [math.nan, math.inf]]])
    chosen = torch.tensor([[True, True, False]])
    assert masked_mean(features, chosen).tolist() == [[2.0, 4.0]]


def test_certain_scores_cost_a_finite_amount():
    scores = torch.tensor([0.0, 1.0, 1.0], requires_grad=True)
    loss = cross_entropy(scores, torch.tensor([1.0, 1.0, 0.0]))
    assert loss.item() == pytest.approx(200 / 3)
    loss.backward()
    assert scores.grad is not None and scores.grad.isfinite().all()


@pytest.mark.parametrize("loss", [Ranking(), Smoothness(), Sparsity(), TopEntropy()])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_batch_of_one_kind_has_a_finite_loss_with_a_gradient(loss, label):
    scores = SCORES.clone().requires_grad_(True)
    value = loss(scores, torch.full((4,), label), MASK)
    value.backward()
    assert value.isfinite() and scores.grad is not None and scores.grad.isfinite().all()


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 10**6))
def test_padding_changes_no_loss(length, padding, seed):
    torch.manual_seed(seed)
    scores, labels = torch.rand(4, length), torch.tensor([0.0, 1.0, 0.0, 1.0])
    padded = torch.cat([scores, torch.rand(4, padding)], dim=1)
    mask = torch.arange(length + padding).expand(4, -1) < length
    for loss in (Ranking(), Smoothness(), Sparsity(), TopEntropy(), TopEntropy(top=3)):
        assert loss(padded, labels, mask).item() == pytest.approx(loss(scores, labels).item())
