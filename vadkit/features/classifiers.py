"""Classifiers of pictures whose layers serve as features: of torchvision, of timm, and our own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.errors import RecipeError
from vadkit.features.backbone import DEVIATION, MEAN
from vadkit.features.efficientnet_lite import EfficientNetLite0

Known = Literal[
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "resnet18",
    "resnet34",
    "resnet50",
    "wide_resnet50_2",
    "efficientnet_b0",
    "efficientnet_lite0",
    "convnext_tiny",
]
# Any other classifier of torchvision or of timm, for example "timm/resnet10t".
TrunkName = Known | Annotated[str, Field(pattern=r"^(torchvision|timm)/[\w.]+$")]
# The layers whose outputs are taken, by model: steps of 8 and 16 pixels.
_LAYERS: dict[str, tuple[str, ...]] = {
    "mobilenet_v2": ("features.6", "features.10", "features.13"),
    "mobilenet_v3_small": ("features.3", "features.8"),
    "mobilenet_v3_large": ("features.6", "features.12"),
    "resnet18": ("layer2", "layer3"),
    "resnet34": ("layer2", "layer3"),
    "resnet50": ("layer2", "layer3"),
    "wide_resnet50_2": ("layer2", "layer3"),
    "efficientnet_b0": ("features.3", "features.5"),
    "efficientnet_lite0": ("features.3", "features.4", "features.5"),
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
    "efficientnet_lite0": "features.8",
    "convnext_tiny": "features.7",
}
# Models whose weights were trained with another mean and standard deviation than ImageNet's.
_SCALES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "efficientnet_lite0": ((127 / 255,) * 3, (128 / 255,) * 3),
}
# The picture that shows the steps of layers; no layer of 32 steps has one place only.
_PROBE = 128


def classifier(model: str) -> nn.Module:
    """Return the network of a model with random weights.

    Raises ``RecipeError`` if its library is not installed, or does not have it.
    """
    if model == "efficientnet_lite0":
        return EfficientNetLite0()
    library, _, name = model.rpartition("/")
    if library == "timm":
        return _of_timm(name)
    from torchvision.models import get_model

    try:
        network: nn.Module = get_model(name, weights=None)
    except ValueError:
        raise RecipeError(
            f"torchvision has no model '{name}'; torchvision.models.list_models() lists them"
        ) from None
    return network


def _of_timm(name: str) -> nn.Module:
    try:
        import timm
    except ImportError:
        raise RecipeError(
            f"model 'timm/{name}' needs timm; install it with: pip install 'vadkit[timm]'"
        ) from None
    if not timm.is_model(name):
        raise RecipeError(f"timm has no model '{name}'; timm.list_models() lists them")
    network: nn.Module = timm.create_model(name, pretrained=False)
    return network


def layers_of(model: str, network: nn.Module, *, last: bool) -> list[str]:
    """Return the layers whose outputs are taken; with ``last``, also one with steps of 32 pixels.

    Of a model that is not in the table, they are the last parts, or parts of parts, whose outputs
    have a place for every 8, 16 and 32 pixels. Raises ``RecipeError`` if there are none, which is
    so for transformers with patches of one size.
    """
    if model in _LAYERS:
        return [*_LAYERS[model], *([_LAST[model]] if last else [])]
    found = _by_step(network)
    wanted = (8, 16, 32) if last else (8, 16)
    if not found.keys() >= set(wanted):
        raise RecipeError(
            f"model '{model}' has no layers with steps of {', '.join(map(str, wanted))} pixels; "
            "give a convolutional classifier"
        )
    return [found[step] for step in wanted]


def _by_step(network: nn.Module) -> dict[int, str]:
    """Return the name of the last part with each step, in pixels of the picture."""
    found: dict[int, str] = {}

    def note(name: str) -> Any:
        def hook(part: nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4:
                height, width = output.shape[-2:]
                if height == width and height > 1 and _PROBE % height == 0:
                    found[_PROBE // height] = name

        return hook

    parts = [(n, p) for n, p in network.named_modules() if n and n.count(".") < 2]
    hooks = [part.register_forward_hook(note(name)) for name, part in parts]
    try:
        with torch.no_grad():
            network(torch.zeros(1, 3, _PROBE, _PROBE))
    except (RuntimeError, AssertionError):
        # A model of pictures of one size only.
        found.clear()
    finally:
        for hook in hooks:
            hook.remove()
    return found


def cut(model: str, network: nn.Module, layers: list[str]) -> nn.Module:
    """Return a module with the outputs of layers by name, which computes nothing after them."""
    # That of timm knows which of its functions cannot be traced.
    if model.startswith("timm/"):
        from timm.models import create_feature_extractor
    else:
        from torchvision.models.feature_extraction import (  # type: ignore[no-redef]
            create_feature_extractor,
        )
    try:
        found: nn.Module = create_feature_extractor(network, layers)
    except (torch.fx.proxy.TraceError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise RecipeError(f"the layers of model '{model}' cannot be cut ({reason})") from None
    return found


def scale_of(model: str, network: nn.Module) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of colours that a model was trained with."""
    stated = getattr(network, "default_cfg", {})
    usual = tuple(stated.get("mean", MEAN)), tuple(stated.get("std", DEVIATION))
    return _SCALES.get(model, usual)
