"""Embeddings by a pretrained network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.data.weights import load_state, no_weights
from vadkit.errors import DataError
from vadkit.features.feature import Feature, last_frames

# The mean and standard deviation of ImageNet's channels, used to train torchvision's weights.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The names of the classification layers in torchvision's models.
_HEADS = ("fc", "heads", "head", "classifier")


class Backbone(Feature):
    """The embedding of a region by a torchvision classifier, with your own weights.

    ``weights`` is the file of a state dict, such as those that torchvision's documentation links
    under "Classification"; nothing is downloaded. Regions are resized to ``size`` pixels square and
    normalised by ImageNet's mean and standard deviation; gray clips are converted to RGB. The row
    is the input of the classification layers. With ``normalise``, it is divided by its length, so
    that distances depend on angles.
    """

    def __init__(
        self,
        *,
        model: Literal[
            "resnet18",
            "resnet34",
            "resnet50",
            "wide_resnet50_2",
            "mobilenet_v3_small",
            "mobilenet_v3_large",
            "efficientnet_b0",
            "convnext_tiny",
            "vit_b_16",
            "swin_t",
        ],
        weights: Path,
        size: Annotated[int, Field(ge=32)] = 224,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        self.size, self.normalise = size, normalise
        self.network = headless(model, weights.expanduser())

    def train(self, mode: bool = True) -> Backbone:
        """Stay in evaluation mode: the network is not trained here."""
        super().train(False)
        return self

    @torch.no_grad()
    def forward(self, clips: Clips, regions: Sequence[Tensor]) -> Tensor:
        """Return rows (N, F), 512 for ``resnet18``."""
        from torchvision.ops import roi_align

        frames = last_frames(clips)
        crops = roi_align(frames, list(regions), self.size, aligned=True)
        mean, deviation = (crops.new_tensor(each)[:, None, None] for each in (MEAN, DEVIATION))
        # In parts, because a frame may have many objects.
        found = [
            self.network((part.expand(-1, 3, -1, -1) - mean) / deviation).flatten(1)
            for part in crops.split(32)
        ]
        rows = torch.cat(found)
        return nn.functional.normalize(rows) if self.normalise else rows


def headless(model: str, weights: Path) -> nn.Module:
    """Return a model of torchvision without classification layers, frozen, with its weights.

    Raises ``DataError`` if there are none, or if they belong to another model.
    """
    from torchvision import models

    if not weights.is_file():
        raise no_weights(
            weights,
            f"weights of {model}",
            "Download them from the address in torchvision's documentation of the model "
            f"(https://download.pytorch.org/models/{model}-....pth)",
        )
    state = load_state(weights)
    network: nn.Module = models.get_model(model, weights=None)
    head = next(name for name in _HEADS if hasattr(network, name))
    setattr(network, head, nn.Identity())
    # Without the classification layers, which may have any number of classes.
    kept = {
        name: value
        for name, value in (state.items() if isinstance(state, dict) else ())
        if not str(name).startswith(f"{head}.")
    }
    try:
        network.load_state_dict(kept)
    except (RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"weights {weights} do not match {model} ({reason})") from None
    return network.eval().requires_grad_(False)
