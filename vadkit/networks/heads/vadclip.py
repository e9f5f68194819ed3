"""The network with two branches: one classifies segments, one compares them with texts."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.networks.heads.parts import (
    Feedforward,
    Transformer,
    blank,
    distances,
    probabilities,
    segments_of,
    weights_over,
)


class TwoBranches(NamedTuple):
    """Scores (B, T), probabilities of the first branch; similarities (B, T, K) with K texts.

    The first text is the normal one. Similarities are cosines divided by the temperature. ``texts``
    (K, D) are the adapted texts without what the bag adds.
    """

    scores: Tensor
    similarities: Tensor
    texts: Tensor


class Graph(nn.Module):
    """One layer of graph convolution over segments, with QuickGELU (Wu et al., AAAI 2024)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.linear = nn.Linear(before, after)

    def forward(self, features_BTD: Tensor, weights_BTT: Tensor) -> Tensor:
        x = weights_BTT.to(features_BTD.dtype) @ self.linear(features_BTD)
        out: Tensor = x * (1.702 * x).sigmoid()
        return out


class LocalGlobal(nn.Module):
    """Local attention, then graphs over the whole bag (Wu et al., AAAI 2024).

    Learned places are added; a transformer sees ``window`` segments around each. One graph connects
    segments with a cosine above 0.7, the other weights by the softmax of the negative distance in
    time; each has two layers of half the features, and a linear layer joins them. Bags longer than
    ``length`` read the learned places in proportion.
    """

    def __init__(self, features: int, *, length: int, window: int, layers: int, heads: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.empty(length, features).normal_(0, 0.01))
        self.local = Transformer(
            features,
            blocks=layers,
            heads=heads,
            width=max(features // heads, 1),
            inner=4 * features,
            window=window,
        )
        half = max(features // 2, 1)
        self.alike = nn.ModuleList([Graph(features, half), Graph(half, half)])
        self.near = nn.ModuleList([Graph(features, half), Graph(half, half)])
        self.join = nn.Linear(2 * half, features)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        x = self.local(features_BTD + self._places(mask_BT), mask_BT)
        x = blank(x, mask_BT)
        unit = functional.normalize(x.float(), dim=2)
        cosine = unit @ unit.transpose(1, 2)
        present = mask_BT[:, None, :].expand_as(cosine)
        alike = weights_over(cosine, present & (cosine > 0.7))
        near = weights_over(-distances(x.shape[1], x).expand_as(cosine), present)
        branches = [x, x]
        for first, second in zip(self.alike, self.near, strict=True):
            branches = [first(branches[0], alike), second(branches[1], near)]
        out: Tensor = self.join(torch.cat(branches, dim=2))
        return out

    def _places(self, mask_BT: Tensor) -> Tensor:
        length, limit = mask_BT.sum(dim=1, keepdim=True), len(self.places)
        numbers = torch.arange(mask_BT.shape[1], device=mask_BT.device).expand_as(mask_BT)
        inside = numbers * limit // length.clamp_min(1)
        return self.places[torch.where(length > limit, inside, numbers).clamp(0, limit - 1)]


class VadCLIP(nn.Module):
    """Two branches on image-text features (Wu et al., AAAI 2024).

    ``LocalGlobal``; the first branch is a feed-forward layer and a linear layer with a sigmoid. The
    second compares segments with the texts, to which each bag adds its mean feature, weighted by
    the first branch's scores (the visual prompt). The normal text must be the first.

    The paper learns 10 + 10 tokens around each class name and runs CLIP's text encoder in every
    step. Here the ``texts`` (K, D), of unit length, are inputs, and a learned row is added to each.
    """

    def __init__(
        self,
        features: int,
        texts: int,
        *,
        length: Annotated[int, Field(ge=1)] = 256,
        window: Annotated[int, Field(ge=1)] = 8,
        layers: Annotated[int, Field(ge=0)] = 2,
        heads: Annotated[int, Field(ge=1)] = 8,
        temperature: Annotated[float, Field(gt=0)] = 0.07,
    ) -> None:
        super().__init__()
        self.temporal = LocalGlobal(
            features, length=length, window=window, layers=layers, heads=heads
        )
        self.before_score = Feedforward(features, 4 * features)
        self.classifier = nn.Linear(features, 1)
        self.context = nn.Parameter(torch.zeros(texts, features))
        self.text_feedforward = Feedforward(features, 4 * features)
        self.temperature = temperature

    def forward(
        self, features_BTD: Tensor, mask_BT: Tensor | None, texts_KD: Tensor
    ) -> TwoBranches:
        x, mask = segments_of(features_BTD, mask_BT)
        x = self.temporal(x, mask)
        scores = probabilities(self.classifier(x + self.before_score(x)), mask)
        texts = texts_KD.to(x.dtype) + self.context
        prompt = functional.normalize(
            (scores.to(x.dtype)[..., None] * blank(x, mask)).sum(dim=1), dim=1
        )
        met = texts[None] + prompt[:, None]
        met = texts[None] + self.text_feedforward(met)
        cosine = functional.normalize(x.float(), dim=2) @ functional.normalize(
            met.float(), dim=2
        ).transpose(1, 2)
        similarities = (cosine / self.temperature).masked_fill(~mask[..., None], 0)
        return TwoBranches(scores, similarities, texts)
