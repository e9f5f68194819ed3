"""The network of context features that prompts enhance."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.networks.heads.parts import (
    Convolution,
    blank,
    distances,
    probabilities,
    segments_of,
    weights_over,
)


class Context(NamedTuple):
    """Scores (B, T), probabilities, and the context features (B, T, out) that meet the texts."""

    scores: Tensor
    features: Tensor


class TemporalContext(nn.Module):
    """Attention over the whole bag and over a window, from one matrix of similarities.

    Pu et al., IEEE TIP 2024: scaled dot products of ``hidden`` features plus the
    dynamic encoding exp(-|gamma d^2 + beta|) of the distance d, ``gamma`` and ``beta`` learned; one
    softmax over all segments, one over ``window``; a learned share mixes the two readings. Then
    signed square roots, unit length, a linear layer, the input added, and layer normalisation.
    """

    def __init__(self, features: int, *, hidden: int, window: int, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(features, hidden)
        self.key = nn.Linear(features, hidden)
        self.value = nn.Linear(features, hidden)
        self.out = nn.Linear(hidden, features)
        self.window = window
        self.gamma, self.beta = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))
        self.share = nn.Parameter(torch.zeros(()))
        self.norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        query, key, value = (
            self.query(features_BTD),
            self.key(features_BTD),
            self.value(features_BTD),
        )
        apart = distances(features_BTD.shape[1], features_BTD)
        encoding = (-(self.gamma * apart.float().square() + self.beta).abs()).exp()
        likeness = (query @ key.transpose(1, 2)).float() * query.shape[2] ** -0.5 + encoding
        present = mask_BT[:, None, :]
        whole = weights_over(likeness, present.expand_as(likeness))
        near = weights_over(likeness, present & (apart <= self.window // 2))
        share = self.share.sigmoid()
        read = (share * whole + (1 - share) * near).to(value.dtype) @ value
        # The gradient of a square root has no bound at 0.
        read = read.sign() * (read.abs() + 1e-4).sqrt()
        read = self.out(functional.normalize(read, dim=2))
        out: Tensor = self.norm(features_BTD + self.dropout(read))
        return blank(out, mask_BT)


class PEL4VAD(nn.Module):
    """Prompt-enhanced context features (Pu et al., IEEE TIP 2024).

    ``TemporalContext`` with 128 ``hidden`` features and a ``window`` of 9, two layers to ``out``
    features, as many as the texts have (300 in the paper), and a causal convolution of ``kernel``
    segments to a score. The paper has 9 and 9 on UCF-Crime, 5 and 3 elsewhere.
    """

    def __init__(
        self,
        features: int,
        *,
        out: Annotated[int, Field(ge=1)] = 300,
        hidden: Annotated[int, Field(ge=1)] = 128,
        middle: Annotated[int, Field(ge=1)] = 512,
        window: Annotated[int, Field(ge=1)] = 9,
        kernel: Annotated[int, Field(ge=1)] = 9,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    ) -> None:
        super().__init__()
        self.out = out
        self.context = TemporalContext(features, hidden=hidden, window=window, dropout=dropout)
        self.first = nn.Linear(features, middle)
        self.second = nn.Linear(middle, out)
        self.dropout = nn.Dropout(dropout)
        self.classifier = Convolution(out, 1, kernel, causal=True)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor | None = None) -> Context:
        x, mask = segments_of(features_BTD, mask_BT)
        x = self.context(x, mask)
        x = self.dropout(functional.gelu(self.first(x)))
        x = blank(self.dropout(functional.gelu(self.second(x))), mask)
        return Context(probabilities(self.classifier(x, mask), mask), x)
