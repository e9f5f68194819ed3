"""Fused networks compute what the plain ones do."""

import copy

import pytest
import torch
from torch import nn

from vadkit.engine.fusing import ConvReLU, fuse
from vadkit.networks.mnad import MNAD
from vadkit.networks.unet import UNet


def trained(network):
    """Give normalisation statistics and weights that matter."""
    torch.manual_seed(0)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            if part.affine:
                nn.init.normal_(part.weight, 1, 0.3)
                nn.init.normal_(part.bias)
    return network.eval()


def kinds(network):
    return [type(part) for part in network.modules()]


def apart(network, images):
    plain = trained(network)
    fused = copy.deepcopy(plain)
    fuse(fused)
    with torch.inference_mode():
        one, other = plain(images), fused(images)
    one, other = (x[0] if isinstance(x, tuple) else x for x in (one, other))
    return float((one - other).abs().max()), kinds(fused)


def test_a_unet_has_joined_convolutions():
    difference, left = apart(UNet(3, 1, width=4), torch.randn(2, 3, 16, 24))
    assert difference < 1e-6
    assert left.count(ConvReLU) == 14 and nn.ReLU not in left


def test_the_normalisation_of_mnad_is_folded():
    difference, left = apart(MNAD(4, 1, width=4), torch.randn(2, 4, 16, 24))
    assert difference < 1e-5
    assert nn.BatchNorm2d not in left


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv3d(2, 3, 3, padding=1), nn.BatchNorm3d(3), nn.LeakyReLU(0.2)],
        [nn.ConvTranspose3d(2, 3, 3, 2, 1, 1), nn.BatchNorm3d(3), nn.ReLU()],
        [nn.Conv3d(2, 3, 1, bias=False), nn.BatchNorm3d(3, affine=False)],
    ],
    ids=["3d", "transposed", "no bias"],
)
def test_clips_too(layers):
    difference, left = apart(nn.Sequential(*layers), torch.randn(2, 2, 3, 6, 5))
    assert difference < 1e-5 and nn.BatchNorm3d not in left


@pytest.mark.parametrize(
    "layers",
    [
        [nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1), nn.Tanh(), nn.ReLU()],
        [nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), nn.ReLU()],
        [nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2, track_running_stats=False)],
    ],
    ids=["other order", "reflected padding", "statistics of the batch"],
)
def test_other_layers_stay_as_they_are(layers):
    before = [type(layer) for layer in layers]
    difference, left = apart_plain(nn.Sequential(*layers))
    assert difference == 0 and left[1:] == before


def apart_plain(network):
    fused = copy.deepcopy(network.eval())
    fuse(fused)
    images = torch.randn(2, 2, 5, 6)
    with torch.inference_mode():
        return float((network(images) - fused(images)).abs().max()), kinds(fused)


def test_a_layer_that_somebody_listens_to_stays():
    network = nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU()).eval()
    heard = []
    network[0].register_forward_hook(lambda layer, inputs, output: heard.append(output))
    fuse(network)
    network(torch.randn(1, 2, 3, 3))
    assert len(heard) == 1 and type(network[0]) is nn.Conv2d
