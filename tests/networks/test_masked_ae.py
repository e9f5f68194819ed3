"""The masked auto-encoder: what each decoder may know, and the order of patches."""

import pytest
import torch

from vadkit.networks.masked_ae import MaskedAE


@pytest.fixture
def network():
    torch.manual_seed(0)
    return MaskedAE(3, 2, (16, 24), patch=4, width=16, depth=2, decoder_width=8, heads=2)


def test_hidden_patches_are_not_known(network):
    images, visible = torch.rand(2, 3, 16, 24), torch.arange(12).expand(2, -1)
    first = network(images, visible)
    assert first.teacher.shape == first.student.shape == (2, 24, 4 * 4 * 2)
    changed = images.clone()
    changed[:, :, 8:] = 7.0  # The patches from number 12 on.
    again = network(changed, visible)
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    changed[:, :, 0, 0] = 7.0
    assert not torch.equal(first.teacher, network(changed, visible).teacher)


def test_the_order_of_visible_patches_does_not_matter(network):
    images, visible = torch.rand(2, 3, 16, 24), torch.randperm(24)[None, :9].expand(2, -1)
    first, turned = network(images, visible), network(images, visible.flip(1))
    torch.testing.assert_close(first.teacher, turned.teacher)
    torch.testing.assert_close(first.student, turned.student)


def test_the_student_shares_the_first_block(network):
    blocks = [len(decoder) - 2 for decoder in (network.teacher, network.student)]
    assert blocks == [2, 1]


@pytest.mark.parametrize(
    ("size", "params", "reason"),
    [((18, 24), {"patch": 4}, "multiples of its patch"), ((16, 24), {"heads": 3}, "divide")],
)
def test_unusable_sizes_are_refused(size, params, reason):
    with pytest.raises(ValueError, match=reason):
        MaskedAE(3, 2, size, **{"patch": 8, "width": 16, "decoder_width": 8} | params)
