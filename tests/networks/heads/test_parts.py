"""Parts of heads against values worked out by hand."""

import math

import pytest
import torch

from vadkit.networks.heads.bn_wvad import BNWVAD, Divergence, distance
from vadkit.networks.heads.mgfn import Amplify
from vadkit.networks.heads.parts import Attention, BatchNorm, Convolution, NonLocal, weights_over
from vadkit.networks.heads.pel4vad import TemporalContext
from vadkit.networks.heads.s3r import S3R
from vadkit.networks.heads.ur_dmu import URDMU, Bank
from vadkit.networks.heads.vadclip import LocalGlobal, VadCLIP


def all_true(*shape):
    return torch.ones(*shape, dtype=torch.bool)


def ones(conv):
    torch.nn.init.ones_(conv.conv.weight)
    torch.nn.init.zeros_(conv.conv.bias)
    return conv


def test_a_convolution_sees_both_sides_or_only_the_past():
    x, mask = torch.tensor([[[1.0], [2.0], [4.0], [8.0]]]), all_true(1, 4)
    with torch.no_grad():
        assert ones(Convolution(1, 1, 3))(x, mask).flatten().tolist() == [3, 7, 14, 12]
        causal = ones(Convolution(1, 1, 3, causal=True))
        assert causal(x, mask).flatten().tolist() == [1, 3, 7, 14]
        apart = ones(Convolution(1, 1, 3, dilation=2))
        assert apart(x, mask).flatten().tolist() == [5, 10, 5, 10]
        mask[0, 3] = False
        assert ones(Convolution(1, 1, 3))(x, mask).flatten().tolist() == [3, 7, 6, 0]


def test_batch_normalisation_counts_no_padding():
    norm = BatchNorm(1)
    x = torch.tensor([[[1.0], [3.0]], [[5.0], [99.0]]])
    mask = torch.tensor([[True, True], [True, False]])
    out = norm(x, mask).flatten().tolist()
    # Mean 3, variance 8/3 (4 without bias).
    assert out == pytest.approx([-2 / math.sqrt(8 / 3), 0, 2 / math.sqrt(8 / 3), 0], abs=1e-4)
    assert norm.norm.running_mean.item() == pytest.approx(0.3)
    assert norm.norm.running_var.item() == pytest.approx(0.9 + 0.4)


def test_weights_over_nothing_are_zero():
    allowed = torch.tensor([[[True, False], [False, False]]])
    assert weights_over(torch.zeros(1, 2, 2), allowed).tolist() == [[[1, 0], [0, 0]]]


def test_attention_in_a_window_sees_no_further():
    torch.manual_seed(0)
    attention, mask = Attention(4, heads=2, width=3, window=4), all_true(1, 9)
    x = torch.randn(1, 9, 4)
    changed = x.clone()
    changed[0, 8] += 1
    with torch.no_grad():
        same = (attention(x, mask) - attention(changed, mask)).abs().amax(dim=2)[0] < 1e-6
    assert same.tolist() == [True] * 6 + [False] * 3


def test_attention_by_distance_weights_neighbours_by_their_distance():
    attention = Attention(1, heads=1, width=1, near=True)
    with torch.no_grad():
        # Queries 0, so that content weights all alike; values are the features.
        attention.parts.weight.copy_(torch.tensor([[0.0], [0.0], [1.0]]))
        attention.out.weight.copy_(torch.tensor([[0.0, 1.0]]))
        attention.out.bias.zero_()
        out = attention(torch.tensor([[[1.0], [0.0]]]), all_true(1, 2)).flatten().tolist()
    near = 1 / (1 + math.exp(-1 / math.e))
    assert out == pytest.approx([near, 1 - near])


def test_a_non_local_block_starts_as_the_identity():
    x = torch.randn(2, 5, 6)
    assert torch.equal(NonLocal(6)(x, all_true(2, 5)), x)


def test_a_memory_reads_sigmoid_weights_of_its_rows():
    bank = Bank(2, 4)
    with torch.no_grad():
        bank.rows.copy_(torch.tensor([[2.0, 0, 0, 0], [0, 6.0, 0, 0]]))
        reading, hits = bank(torch.tensor([[[1.0, -1.0, 0, 0]]]))
    # Dot products 2 and -6, divided by the root of 4; the hit is the larger weight.
    weights = [1 / (1 + math.exp(-1)), 1 / (1 + math.exp(3))]
    assert reading.flatten().tolist() == pytest.approx([2 * weights[0], 6 * weights[1], 0, 0])
    assert hits.item() == pytest.approx(weights[0])
    assert Bank(60, 4).top == 4


def test_only_normal_bags_of_training_are_drawn_from_their_distribution():
    torch.manual_seed(0)
    head = URDMU(6, width=64, slots=4, blocks=1, heads=2, head_width=4, dropout=0.0).train()
    x, labels = torch.randn(2, 5, 6), torch.tensor([0.0, 1.0])
    with torch.no_grad():
        first, second = (head(x, all_true(2, 5), labels).scores for _ in range(2))
        assert not torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
        assert torch.equal(head(x).scores, head(x).scores)


def test_distances_from_running_statistics():
    found = distance(
        torch.tensor([[3.0, 4.0]]), torch.tensor([1.0, 1.0]), torch.tensor([4.0, 2.25])
    )
    # (2 / 2)^2 + (3 / 1.5)^2
    assert found.item() == pytest.approx(math.sqrt(5), rel=1e-4)
    head = BNWVAD(3, width=8, ratios=(4, 8), blocks=0)
    with torch.no_grad():
        output = head.eval()(torch.randn(1, 4, 3))
    assert output.distances.shape == (1, 2, 4)
    both = Divergence(torch.tensor([[0.5]]), torch.tensor([[[2.0], [4.0]]]))
    assert both.product.item() == pytest.approx(3.0)


def test_a_dictionary_of_one_row_explains_every_segment_by_it():
    head = S3R(2, slots=1, reduction=1, widths=(4, 2))
    with torch.no_grad():
        head.rows.copy_(torch.tensor([[1.0, 2.0]]))
    output = head.eval()(torch.tensor([[[1.0, 2.0], [4.0, 6.0]]]))
    assert output.error.tolist() == [[0.0, (9 + 16) / 2]]
    output.scores.sum().backward(retain_graph=True)
    assert head.rows.grad is None
    output.error.mean().backward()
    # The mean over two segments and two features of 2 (row - segment).
    assert head.rows.grad.tolist() == [[2 * -3 / 4, 2 * -4 / 4]]


def test_amplify_adds_a_share_of_the_lengths():
    amplify = Amplify(2, 1, ratio=0.1)
    ones(amplify.features), ones(amplify.lengths)
    with torch.no_grad():
        out = amplify(torch.tensor([[[3.0, 4.0], [0.0, -1.0]]]), all_true(1, 2))
    # Sums over all neighbours: 3 + 4 - 1 of features, 5 + 1 of lengths.
    assert out.flatten().tolist() == pytest.approx([6.6, 6.6])


def test_context_mixes_a_window_and_the_whole_bag():
    torch.manual_seed(0)
    context, mask = TemporalContext(4, hidden=3, window=1, dropout=0.0), all_true(1, 6)
    x = torch.randn(1, 6, 4)
    changed = x.clone()
    changed[0, 5] += 1
    with torch.no_grad():
        context.share.fill_(-100.0)
        same = (context(x, mask) - context(changed, mask)).abs().amax(dim=2)[0] < 1e-6
        assert same.tolist() == [True] * 5 + [False]
        context.share.fill_(0.0)
        same = (context(x, mask) - context(changed, mask)).abs().amax(dim=2)[0] < 1e-6
        assert not same.any()


def test_a_long_bag_reads_the_places_in_proportion():
    temporal = LocalGlobal(2, length=3, window=2, layers=0, heads=1)
    with torch.no_grad():
        temporal.places.copy_(torch.tensor([[0.0, 0], [1, 1], [2, 2]]))
        assert temporal._places(all_true(1, 2))[0, :, 0].tolist() == [0, 1]
        assert temporal._places(all_true(1, 6))[0, :, 0].tolist() == [0, 0, 1, 1, 2, 2]


def test_similarities_are_cosines_divided_by_the_temperature():
    torch.manual_seed(0)
    head = VadCLIP(4, 3, length=8, layers=1, heads=2, temperature=0.1).eval()
    with torch.no_grad():
        output = head(torch.randn(2, 5, 4), None, torch.eye(3, 4))
    assert output.similarities.shape == (2, 5, 3)
    assert output.similarities.abs().max() <= 10 + 1e-4
    assert output.texts.shape == (3, 4)
