"""Networks for scoring: convolution, normalisation and ReLU as one layer."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


class ConvReLU(nn.Module):
    """A convolution with a ReLU; on a GPU, one kernel of cuDNN adds the bias and the ReLU.

    PyTorch adds the bias of a channels-last convolution in a pass of its own, which takes a third
    of the time of a U-Net on an H200.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, images: Tensor) -> Tensor:
        conv = self.conv
        if not images.is_cuda or torch.is_grad_enabled() or conv.bias is None:
            return torch.relu_(conv(images))
        if torch.is_autocast_enabled("cuda"):
            images = images.to(torch.get_autocast_dtype("cuda"))
        output: Tensor = torch.ops.aten.cudnn_convolution_relu(
            images.contiguous(memory_format=torch.channels_last),
            conv.weight.to(images.dtype),
            conv.bias.to(images.dtype),
            conv.stride,
            conv.padding,
            conv.dilation,
            conv.groups,
        )
        return output


def fuse(network: nn.Module) -> None:
    """Fuse the layers of a network in eval mode, in place; it can then only be used for scoring.

    In every ``nn.Sequential``, batch normalisation is folded into the convolution before it, and a
    ReLU after a 2D convolution joins it. Outputs are equal but for rounding.
    """
    for part in [*network.modules()]:
        if type(part) is nn.Sequential:
            _fold_norms(part)
            _join_relus(part)


def _fold_norms(layers: nn.Sequential) -> None:
    for place in range(len(layers) - 1):
        conv: Any = layers[place]
        norm: Any = layers[place + 1]
        if not (type(conv) in _CONVOLUTIONS and type(norm) in _NORMS):
            continue
        if norm.training or norm.running_mean is None or _watched(conv) or _watched(norm):
            continue
        # Identity keeps the places of the other layers.
        layers[place] = fuse_conv_bn_eval(conv, norm, transpose="Transpose" in type(conv).__name__)
        layers[place + 1] = nn.Identity()


def _join_relus(layers: nn.Sequential) -> None:
    places = [place for place, layer in enumerate(layers) if type(layer) is not nn.Identity]
    for place, following in itertools.pairwise(places):
        conv = layers[place]
        if type(conv) is not nn.Conv2d or type(layers[following]) is not nn.ReLU:
            continue
        if conv.padding_mode == "zeros" and isinstance(conv.padding, tuple) and not _watched(conv):
            layers[place], layers[following] = ConvReLU(conv), nn.Identity()


def _watched(layer: nn.Module) -> bool:
    """Whether somebody listens to the layer's own output."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks)
