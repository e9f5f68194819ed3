"""Layers that score each segment of a video on its own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn


class SegmentMLP(nn.Module):
    """A multilayer perceptron from the features of a segment to its logit.

    ``hidden`` are the widths of hidden layers. ReLU follows the first one only, and dropout follows
    each (Sultani et al., CVPR 2018). Takes features (B, T, D) and returns logits (B, T).
    """

    def __init__(
        self,
        dim: int,
        *,
        hidden: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = [512, 32],  # noqa: B006
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.6,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(zip([dim, *hidden], hidden, strict=False)):
            layers.append(nn.Linear(before, after))
            if number == 0:
                layers.append(nn.ReLU())
            layers.append(nn.Dropout(dropout))
        self.layers = nn.Sequential(*layers, nn.Linear(hidden[-1], 1))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        logits: Tensor = self.layers(features_BTD).squeeze(-1)
        return logits
