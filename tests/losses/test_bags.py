"""Losses on bags, against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from vadkit.losses.bags import BagRanking, BagTopK, Smoothness, Sparsity
from vadkit.losses.mil import top_counts, top_mean

# Two normal videos, two abnormal ones; the second and the last have two segments and padding.
SCORES = torch.tensor([[0.1, 0.3, 0.2], [0.5, 0.0, 0.9], [0.8, 0.2, 0.4], [0.4, 0.6, 0.9]])
MASK = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 1, 1], [1, 1, 0]]).bool()
LABELS = torch.tensor([0.0, 0.0, 1.0, 1.0])


def test_ranking_compares_the_highest_scores_of_all_pairs():
    # Highest: normal 0.3 and 0.5, abnormal 0.8 and 0.6; 1 - a + n is 0.5, 0.7, 0.7, 0.9.
    assert BagRanking()(SCORES, MASK, LABELS).item() == pytest.approx(0.7)
    # With a margin of 0.2, only 0.2 - 0.6 + 0.5 = 0.1 is above 0.
    assert BagRanking(margin=0.2)(SCORES, MASK, LABELS).item() == pytest.approx(0.1 / 4)


def test_smoothness_and_sparsity_are_of_abnormal_videos_without_padding():
    # (0.6^2 + 0.2^2 + 0.2^2) / 2, and (0.8 + 0.2 + 0.4 + 0.4 + 0.6) / 2.
    assert Smoothness()(SCORES, MASK, LABELS).item() == pytest.approx(0.44 / 2)
    assert Sparsity()(SCORES, MASK, LABELS).item() == pytest.approx(2.4 / 2)


def test_top_k_is_cross_entropy_of_the_mean_of_the_highest_logits():
    # 3 // 2 + 1 = 2 of three segments, and 2 of two.
    assert top_mean(SCORES, top_counts(MASK, 2), MASK).tolist() == pytest.approx(
        [0.25, 0.25, 0.6, 0.5]
    )
    expected = (
        2 * math.log1p(math.exp(0.25)) + math.log1p(math.exp(-0.6)) + math.log1p(math.exp(-0.5))
    ) / 4
    assert BagTopK(share=2)(SCORES, MASK, LABELS).item() == pytest.approx(expected)
    # With a share of 16, only the highest one counts.
    assert top_mean(SCORES, top_counts(MASK, 16), MASK).tolist() == pytest.approx(
        [0.3, 0.5, 0.8, 0.6]
    )


@pytest.mark.parametrize("loss", [BagRanking(), BagTopK(), Smoothness(), Sparsity()])
def test_padding_gets_no_gradient(loss):
    scores = SCORES.clone().requires_grad_()
    loss(scores, MASK, LABELS).backward()
    assert scores.grad.isfinite().all()
    assert (scores.grad[~MASK] == 0).all()


def test_with_a_share_of_one_the_mean_is_over_all_segments():
    # Length // share + 1 would be one more than there are.
    assert top_mean(SCORES, top_counts(MASK, 1), MASK).tolist() == pytest.approx(
        [float(row[kept].mean()) for row, kept in zip(SCORES, MASK, strict=True)]
    )
