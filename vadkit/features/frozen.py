"""The first layers of a classifier, frozen: features of small places of a picture."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.weights import load_state
from vadkit.errors import DataError
from vadkit.features.classifiers import classifier, cut, layers_of, scale_of
from vadkit.features.onnx_layers import OnnxLayers, onnx_layers
from vadkit.features.wheels import weights_file


class FrozenTrunk(nn.Module):
    """The layers of a classifier up to a step of 16 pixels; they are never trained.

    Input (B, 3, H, W) in 0..1, with sides that are multiples of 16; output (B, C, H/8, W/8). The
    outputs of several layers are averaged over 3x3 places, as in PatchCore (Roth et al., CVPR
    2022), divided by their length at each place, and concatenated: distances then depend on angles,
    and every layer counts the same. With ``last``, ``outputs`` also has the network's last layer.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: str, *, last: bool = False) -> None:
        super().__init__()
        self.model = model
        network = classifier(model).eval()
        self.layers = cut(model, network, layers_of(model, network, last=last))
        self.requires_grad_(False)
        # The layers with folded batch norms, made when they are needed. In a list, they are no
        # part of the state.
        self._folded: list[nn.Module] = []
        # The same layers in ONNX Runtime by the size of pictures; None if PyTorch computes them.
        self._onnx: dict[tuple[int, ...], OnnxLayers | None] = {}
        mean, deviation = scale_of(model, network)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> FrozenTrunk:
        """Stay in evaluation mode."""
        super().train(False)
        return self

    def load_weights(self, weights: Path | None) -> None:
        """Load a state dict of torchvision or timm, or that of an installed package (None).

        A state dict of ``efficientnet_lite0`` is one like that of the package.

        Raises ``DataError`` if there is none, or if it belongs to another model.
        """
        path = weights_file(self.model, weights)
        state = load_state(path)
        wanted = self.layers.state_dict()
        found = dict(state) if isinstance(state, Mapping) else {}
        if weights is None or self.model == "efficientnet_lite0":
            # Its layers have other names, in the same order.
            found = dict(zip(classifier(self.model).state_dict(), found.values(), strict=False))
        self._forget()
        try:
            self.layers.load_state_dict({name: found[name] for name in wanted})
        except (KeyError, RuntimeError, AttributeError, TypeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"weights {path} do not match {self.model} ({reason})") from None

    def _forget(self) -> None:
        """Forget what was made of earlier weights."""
        self._folded, self._onnx = [], {}

    def _load_from_state_dict(self, *given: Any) -> None:
        self._forget()
        super()._load_from_state_dict(*given)

    @torch.no_grad()
    def forward(self, pictures_B3HW: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            # An exported graph is the layers themselves, for any number of pictures.
            return self._features(self.layers, pictures_B3HW)
        layers = self._ready(pictures_B3HW.device)
        if pictures_B3HW.device.type != "cpu":
            return self._features(layers, pictures_B3HW)
        compute = self._onnx_layers(pictures_B3HW) or partial(self._features, layers)
        # One at a time: the outputs of a layer then stay in the cache of the processor.
        return torch.cat([compute(one) for one in pictures_B3HW.split(1)])

    def _onnx_layers(self, pictures_B3HW: Tensor) -> OnnxLayers | None:
        """Return the function in ONNX Runtime for pictures of this size, if there is one."""
        size = tuple(pictures_B3HW.shape[1:])
        if size not in self._onnx:
            # The exporter gives a module back in the mode in which it got it.
            whole = _Whole(self, self._ready(pictures_B3HW.device)).eval()
            self._onnx[size] = onnx_layers(whole, pictures_B3HW[:1])
        return self._onnx[size]

    @torch.no_grad()
    def outputs(self, pictures_B3HW: Tensor) -> list[Tensor]:
        """Return the outputs (B, C, h, w) of the layers as they are, float32."""
        layers = self._ready(pictures_B3HW.device)
        found = layers((pictures_B3HW - self.mean) / self.deviation)
        return [one.float() for one in found.values()]

    def _ready(self, device: torch.device) -> nn.Module:
        """Return the layers with folded batch norms on a device."""
        if not self._folded or next(self._folded[0].parameters()).device != device:
            self._folded = [_fold_norms(self.layers)]
        return self._folded[0]

    def _features(self, layers: nn.Module, pictures_B3HW: Tensor) -> Tensor:
        found = layers((pictures_B3HW - self.mean) / self.deviation)
        each = [_local(one.float()) for one in found.values()]
        size = each[0].shape[-2:]
        return torch.cat(
            [
                one
                if one.shape[-2:] == size
                else functional.interpolate(one, size, mode="bilinear", align_corners=False)
                for one in each
            ],
            dim=1,
        )


class _Whole(nn.Module):
    """What a trunk computes with given layers, as a module."""

    def __init__(self, trunk: FrozenTrunk, layers: nn.Module) -> None:
        super().__init__()
        self.trunk, self.layers = trunk, layers

    def forward(self, pictures_B3HW: Tensor) -> Tensor:
        return self.trunk._features(self.layers, pictures_B3HW)


def _fold_norms(layers: nn.Module) -> nn.Module:
    """Return a copy in which each batch norm right after a convolution is part of it."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    copied = copy.deepcopy(layers).eval()
    for parent in list(copied.modules()):
        named = list(parent.named_children())
        for (name, layer), (next_name, norm) in itertools.pairwise(named):
            # Norms of other classes may have more than a norm in them: timm's, an activation.
            if isinstance(layer, nn.Conv2d) and type(norm) is nn.BatchNorm2d:
                setattr(parent, name, fuse_conv_bn_eval(layer, norm))
                setattr(parent, next_name, nn.Identity())
    return copied.to(memory_format=torch.channels_last)


def _local(features_BCHW: Tensor) -> Tensor:
    averaged = functional.avg_pool2d(features_BCHW, 3, 1, 1, count_include_pad=False)
    return functional.normalize(averaged, dim=1)
