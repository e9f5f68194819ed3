"""Losses between segments of bags and texts of classes; the first text is the normal one.

``classes`` (B,) are numbers of the bags' texts, 0 for normal bags; see ``vadkit.losses.mil`` for
masks.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.losses.mil import masked_mean, mean_or_zero, top_counts, top_mask


class MilAlign(nn.Module):
    """Cross-entropy of a bag's class with the means of its highest similarities to each text.

    Wu et al., AAAI 2024 (VadCLIP), MIL-Align: for each text, the mean is over the T // ``per`` + 1
    segments with the highest similarities (B, T, K), which are divided by the temperature.
    """

    def __init__(self, *, per: Annotated[int, Field(ge=1)] = 16) -> None:
        super().__init__()
        self.per = per

    def forward(self, similarities: Tensor, mask: Tensor, classes: Tensor) -> Tensor:
        return functional.cross_entropy(self.logits(similarities, mask), classes)

    def logits(self, similarities: Tensor, mask: Tensor) -> Tensor:
        """Return the logits of the classes (B, K)."""
        counts = top_counts(mask, self.per)
        columns = similarities.float().unbind(2)
        found = [masked_mean(one, top_mask(one, counts, mask)) for one in columns]
        return torch.stack(found, dim=1)


class TextOrthogonality(nn.Module):
    """Mean absolute cosine of the normal text with the others (Wu et al., AAAI 2024, VadCLIP)."""

    def forward(self, texts: Tensor) -> Tensor:
        unit = functional.normalize(texts.float(), dim=1)
        return mean_or_zero((unit[1:] @ unit[0]).abs())


class PromptAlignment(nn.Module):
    """Foreground and background of bags against texts (Pu et al., IEEE TIP 2024, PEL4VAD).

    The foreground of a bag is the mean of its features (B, T, D), weighted with the scores; the
    background is weighted with 1 - score. Foregrounds must be most like the text of the bag's
    class, and backgrounds of abnormal bags most like the normal text: the mean cross-entropy of
    cosines divided by ``temperature``. The paper takes 0.09, 0.05 and 0.2 on UCF-Crime,
    XD-Violence and ShanghaiTech, and the Kullback-Leibler divergence from a target distribution,
    which for one class a bag is this cross-entropy.
    """

    def __init__(self, *, temperature: Annotated[float, Field(gt=0)] = 0.09) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(
        self, features: Tensor, scores: Tensor, texts: Tensor, mask: Tensor, classes: Tensor
    ) -> Tensor:
        abnormal = classes > 0
        parts = [_weighted(features, scores, mask)]
        parts.append(_weighted(features, 1 - scores, mask)[abnormal])
        targets = torch.cat([classes, torch.zeros_like(classes[abnormal])])
        unit = functional.normalize(texts.float(), dim=1)
        logits = functional.normalize(torch.cat(parts), dim=1) @ unit.T / self.temperature
        return functional.cross_entropy(logits, targets)


def _weighted(features: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    weights = weights.float().masked_fill(~mask, 0)[..., None]
    sums = (features.float().masked_fill(~mask[..., None], 0) * weights).sum(dim=1)
    return sums / weights.sum(dim=1).clamp_min(1e-6)
