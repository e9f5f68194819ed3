"""Losses on bags against values worked out by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.losses.dual_memory import LatentDivergence, LatentGap, LatentTriplet, MemoryHits
from vadkit.losses.mil import (
    MagnitudeContrast,
    MagnitudeGap,
    NormalLength,
    NormalMean,
    PullPush,
    TopEntropy,
    cross_entropy,
    masked_mean,
    top_counts,
    top_mask,
    top_mean,
)
from vadkit.losses.texts import MilAlign, PromptAlignment, TextOrthogonality

# Two normal bags, two abnormal ones; the last has two segments and two of padding.
SCORES = torch.tensor(
    [[0.1, 0.4, 0.2, 0.3], [0.0, 0.1, 0.0, 0.2], [0.9, 0.1, 0.2, 0.6], [0.5, 0.3, 0.99, 0.99]]
)
LABELS = torch.tensor([0.0, 0.0, 1.0, 1.0])
MASK = torch.tensor([[True] * 4, [True] * 4, [True] * 4, [True, True, False, False]])
# One normal and one abnormal bag of two segments.
PAIR = torch.tensor([0.0, 1.0])
BOTH = torch.ones(2, 2, dtype=torch.bool)


def nats(*probabilities):
    """The sum of -log of probabilities."""
    return -sum(map(math.log, probabilities))


def test_top_entropy_of_the_highest_scores():
    # 4 // 4 + 1 = 2 of four segments, 2 // 4 + 1 = 1 of two.
    expected = nats(0.65, 0.85, 0.75, 0.5) / 4
    assert TopEntropy(per=4)(SCORES, MASK, LABELS).item() == pytest.approx(expected)
    counts = top_counts(MASK, 4)
    assert counts.tolist() == [2, 2, 2, 1]
    assert top_mean(SCORES, counts, MASK).tolist() == pytest.approx([0.35, 0.15, 0.75, 0.5])
    # Three of four segments, and all of a shorter bag.
    assert top_counts(MASK, top=3).tolist() == [3, 3, 3, 2]
    expected = nats(0.7, 0.9, 1.7 / 3, 0.4) / 4
    assert TopEntropy(top=3)(SCORES, MASK, LABELS).item() == pytest.approx(expected)


def test_top_entropy_of_the_scores_with_the_highest_values():
    by = torch.tensor([[9.0, 1, 1, 1], [1, 9, 1, 1], [1, 1, 9, 1], [1, 9, 50, 50]])
    expected = nats(0.9, 0.9, 0.2, 0.3) / 4
    assert TopEntropy(top=1)(SCORES, MASK, LABELS, by).item() == pytest.approx(expected)


def test_equal_scores_choose_exactly_as_many_as_asked():
    chosen = top_mask(torch.full((2, 5), 0.5), torch.tensor([2, 3]), torch.ones(2, 5).bool())
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


def test_magnitude_gap_of_rtfm():
    # The mean of the two longest features: (3, 4) of length 5, and (0, 12) of length 12.
    features = torch.tensor(
        [[[3.0, 8.0], [3.0, 0.0], [0.1, 0.1]], [[0.0, 1.0], [5.0, 12.0], [-5.0, 12.0]]]
    )
    mask = torch.ones(2, 3).bool()
    loss = MagnitudeGap(margin=20.0, top=2)(features, features.norm(dim=2), mask, PAIR)
    assert loss.item() == pytest.approx((8 + 5) ** 2)
    # A feature longer than the margin costs, too, as in the authors' code.
    loss = MagnitudeGap(margin=10.0, top=2)(features, features.norm(dim=2), mask, PAIR)
    assert loss.item() == pytest.approx((2 + 5) ** 2)


def test_magnitude_contrast_of_mgfn():
    # Bags of lengths 1 and 4 (normal), 6 and 11 (abnormal), each the mean of its two longest.
    lengths = torch.tensor([[1.0, 1, 0], [5, 3, 2], [4, 8, 1], [11, 11, 3]])
    loss = MagnitudeContrast(margin=8.0, top=2)(lengths, torch.ones(4, 3).bool(), LABELS)
    # Distances of two kinds are 5, 10, 2 and 7: hinges 3, 0, 6 and 1.
    assert loss.item() == pytest.approx(9 + 25 + (9 + 0 + 36 + 1) / 4)


def test_memory_hits_of_ur_dmu():
    normal_hits = torch.tensor([[0.8, 0.5], [0.9, 0.3]])
    abnormal_hits = torch.tensor([[0.1, 0.4], [0.2, 0.6]])
    # All segments of the normal bag; the highest one, 2 // 16 + 1, of the abnormal bag.
    expected = nats(0.8, 0.5) / 2 + nats(0.9, 0.6) / 2 + nats(0.9) + nats(0.6)
    assert MemoryHits()(normal_hits, abnormal_hits, BOTH, PAIR).item() == pytest.approx(expected)


def test_latent_triplet_and_gap_of_ur_dmu():
    # The second segment is the highest of the normal memory, the first one of the abnormal memory.
    normal_hits, abnormal_hits = torch.tensor([[0.1, 0.9]] * 2), torch.tensor([[0.9, 0.1]] * 2)
    normal = torch.tensor([[[9.0, 9.0], [3.0, 0.0]], [[9.0, 9.0], [0.0, 2.0]]])
    abnormal = torch.tensor([[[9.0, 9.0], [9.0, 9.0]], [[0.0, -5.0], [9.0, 9.0]]])
    inputs = (normal, abnormal, normal_hits, abnormal_hits, BOTH, PAIR)
    # Unit vectors (1, 0), (0, 1), (0, -1): both distances are the root of 2.
    assert LatentTriplet(margin=0.5)(*inputs).item() == pytest.approx(0.5)
    # Lengths 3 of the normal bag and 5 of the abnormal one.
    assert LatentGap(margin=10.0)(*inputs).item() == pytest.approx(10 - 5 + 3)
    assert LatentGap(margin=1.0)(*inputs).item() == 0


def test_latent_divergence_is_that_of_gaussians():
    from torch.distributions import Normal, kl_divergence

    mean, spread = torch.randn(2, 2, 3), torch.randn(2, 2, 3)
    whole = kl_divergence(Normal(mean, (0.5 * spread).exp()), Normal(0.0, 1.0)).sum(dim=2)
    found = LatentDivergence()(mean, spread, BOTH, PAIR)
    assert found.item() == pytest.approx(whole[0].mean().item(), rel=1e-5)


def test_losses_of_bn_wvad():
    # The highest half of each bag: one segment; the highest half of a kind: one segment.
    distances = torch.tensor([[[1.0, 3.0], [2.0, 2.0]], [[4.0, 1.0], [9.0, 2.0]]])
    loss = PullPush(weights=(1.0, 10.0), margin=2.0, share=0.5, batch_share=0.5)
    # First layer: 2 + 3 - 4; second: 2 + 2 - 9 is below 0.
    assert loss(distances, BOTH, PAIR).item() == pytest.approx(1.0)
    # All segments: 2 + 2 - 2.5 and 2 + 2 - 5.5.
    loss = PullPush(weights=(1.0, 10.0), margin=2.0, share=1.0)
    assert loss(distances, BOTH, PAIR).item() == pytest.approx(1.5)
    with pytest.raises(ValueError, match="each of 2 layers; got 1"):
        PullPush(weights=(1.0,))(distances, BOTH, PAIR)
    scores = torch.tensor([[0.3, 0.4], [0.9, 0.9]])
    assert NormalLength()(scores, BOTH, PAIR).item() == pytest.approx(0.5)
    assert NormalMean()(scores, BOTH, PAIR).item() == pytest.approx(0.35)


def test_the_share_of_a_batch_reaches_bags_with_many_high_segments():
    distances = torch.tensor(
        [[[0.0, 0.0, 0.0, 0.0]], [[9.0, 8.0, 7.0, 6.0]], [[1.0, 0.5, 0.5, 0.5]]]
    )
    mask, labels = torch.ones(3, 4).bool(), torch.tensor([0.0, 1.0, 1.0])
    loss = PullPush(weights=(1.0,), margin=20.0, share=0.25, batch_share=0.5)
    # One of each abnormal bag, 9 and 1, and four of both: 9, 8, 7 and 6.
    assert loss(distances, mask, labels).item() == pytest.approx(20 - (9 + 8 + 7 + 6 + 1) / 5)


def test_mil_align_of_vadclip():
    similarities = torch.tensor([[[2.0, 0.0], [1.0, 5.0]], [[0.0, 1.0], [3.0, 2.0]]])
    classes = torch.tensor([0, 1])
    # The highest of each text: (2, 5) and (3, 2).
    softmax = [1 / (1 + math.exp(3)), 1 / (1 + math.exp(1))]
    assert MilAlign()(similarities, BOTH, classes).item() == pytest.approx(nats(*softmax) / 2)


def test_text_orthogonality_of_vadclip():
    texts = torch.tensor([[2.0, 0.0], [3.0, 4.0], [0.0, 1.0], [-5.0, 0.0]])
    assert TextOrthogonality()(texts).item() == pytest.approx((0.6 + 0 + 1) / 3)


def test_prompt_alignment_of_pel4vad():
    # The foreground of the abnormal bag is (0, 1), its background (1, 0); the normal bag is (1, 0).
    features = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]])
    scores = torch.tensor([[0.2, 0.5], [1.0, 0.0]])
    texts, classes = torch.tensor([[5.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 1])
    loss = PromptAlignment(temperature=0.5)
    right = 1 / (1 + math.exp(-2))
    assert loss(features, scores, texts, BOTH, classes).item() == pytest.approx(nats(right))
    # With the classes the wrong way round, the normal bag has another background.
    wrong = loss(features, scores, texts, BOTH, torch.tensor([1, 0]))
    assert wrong.item() == pytest.approx((2 * nats(1 - right) + nats(right)) / 3, rel=1e-5)


ON_SCORES = [TopEntropy(), TopEntropy(top=3), MagnitudeContrast(), NormalLength(), NormalMean()]


def all_losses(values, mask, labels):
    """Every loss of bags, from values (B, T)."""
    rows = torch.stack([values, values.flip(0), 1 - values], dim=2)
    yield from (loss(values, mask, labels) for loss in ON_SCORES)
    yield MagnitudeGap()(rows, values, mask, labels)
    yield PullPush()(torch.stack([values, 2 * values], dim=1), mask, labels)
    yield MemoryHits()(values, 1 - values, mask, labels)
    yield LatentTriplet()(rows, rows + 1, values, 1 - values, mask, labels)
    yield LatentGap()(rows, rows + 1, values, 1 - values, mask, labels)
    yield LatentDivergence()(rows, rows, mask, labels)
    yield MilAlign()(rows, mask, labels.long())
    yield PromptAlignment()(rows, values, torch.eye(3), mask, labels.long())


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_batch_of_one_kind_has_finite_losses_with_gradients(label):
    scores = SCORES.clone().requires_grad_(True)
    for value in all_losses(scores, MASK, torch.full((4,), label)):
        (gradient,) = torch.autograd.grad(value, scores, retain_graph=True)
        assert value.isfinite() and gradient.isfinite().all()


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 10**6))
def test_padding_changes_no_loss(count, padding, seed):
    torch.manual_seed(seed)
    scores, labels = torch.rand(4, count), torch.tensor([0.0, 1.0, 0.0, 1.0])
    padded = torch.cat([scores, torch.rand(4, padding)], dim=1)
    mask = torch.arange(count + padding).expand(4, -1) < count
    whole = torch.ones(4, count).bool()
    pairs = zip(all_losses(padded, mask, labels), all_losses(scores, whole, labels), strict=True)
    for found, expected in pairs:
        assert found.item() == pytest.approx(expected.item(), rel=1e-4)
