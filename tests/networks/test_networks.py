"""Parameter counts and shapes against hand-computed figures."""

import pytest
import torch

from vadkit.networks.conv_ae import ConvAE
from vadkit.networks.patch_gan import PatchGAN
from vadkit.networks.unet import UNet


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def conv(before: int, after: int, kernel: int) -> int:
    return before * after * kernel * kernel + after


def test_conv_ae_of_the_paper_has_its_layers():
    expected = (
        conv(10, 512, 11)
        + conv(512, 256, 5)
        + conv(256, 128, 3)
        + conv(128, 256, 3)
        + conv(256, 512, 5)
        + conv(512, 10, 11)
    )
    assert parameters(ConvAE(10, 1)) == expected


@pytest.mark.parametrize("size", [(227, 227), (128, 192), (64, 97)])
def test_conv_ae_gives_the_size_back_in_0_to_1(size):
    with torch.no_grad():
        output = ConvAE(5, 1, width=8)(torch.rand(2, 5, *size))
    assert output.shape == (2, 5, *size)
    assert output.min() > 0 and output.max() < 1


def test_unet_of_the_paper_has_its_layers():
    down = [(12, 64), (64, 128), (128, 256), (256, 512)]
    up = [(512, 256), (256, 128), (128, 64)]
    expected = sum(conv(a, b, 3) + conv(b, b, 3) for a, b in down)
    expected += sum(conv(a, b, 2) + conv(a, b, 3) + conv(b, b, 3) for a, b in up)
    expected += conv(64, 3, 3)
    assert parameters(UNet(12, 3)) == expected


def test_unet_output_is_within_tanh_and_keeps_the_size():
    with torch.no_grad():
        output = UNet(12, 3, width=4)(torch.randn(2, 12, 40, 56))
    assert output.shape == (2, 3, 40, 56)
    assert output.abs().max() <= 1


def test_unet_names_the_size_it_cannot_take():
    with pytest.raises(ValueError, match="multiples of 8; got 30x32"):
        UNet(12, 3, width=4)(torch.zeros(1, 12, 30, 32))


def test_patch_gan_of_the_paper_has_its_layers_and_patches():
    expected = sum(
        conv(a, b, 4) for a, b in [(3, 128), (128, 256), (256, 512), (512, 512), (512, 1)]
    )
    network = PatchGAN(3)
    assert parameters(network) == expected
    with torch.no_grad():
        # 256 -> 128 -> 64 -> 32 by stride 2, then two unpadded-by-one 4x4 convolutions.
        assert PatchGAN(3, width=4)(torch.zeros(2, 3, 256, 256)).shape == (2, 1, 30, 30)
