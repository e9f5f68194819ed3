"""Losses of multiple-instance learning: a bag is a video, and only the bag has a label.

Scores are probabilities (B, T) of the T segments of B bags. ``labels`` (B,) are 1 for abnormal bags
and 0 for normal ones; ``mask`` (B, T) is True for segments, False for padding, None if there is no
padding. A loss over a kind of bag that the batch does not have is 0. All compute in float32.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional


class Ranking(nn.Module):
    """Mean hinge over all pairs of an abnormal and a normal bag of their highest scores.

    Sultani et al., CVPR 2018, eq. 4, with ``margin`` 1. The paper pairs one bag with one; the
    authors' code compares all pairs of a batch, as here, and adds the hinges up.
    """

    def __init__(self, *, margin: Annotated[float, Field(gt=0)] = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, scores: Tensor, labels: Tensor, mask: Tensor | None = None) -> Tensor:
        highest = scores.float().masked_fill(~all_true(scores, mask), -torch.inf).amax(dim=1)
        abnormal = labels > 0.5
        gaps = self.margin - highest[abnormal][:, None] + highest[~abnormal][None]
        return mean_or_zero(gaps.relu())


class Smoothness(nn.Module):
    """Sum over time of the squared differences of neighbours, as a mean over the abnormal bags.

    Sultani et al., CVPR 2018, eq. 6, the first term.
    """

    def forward(self, scores: Tensor, labels: Tensor, mask: Tensor | None = None) -> Tensor:
        both = all_true(scores, mask)
        both = both[:, 1:] & both[:, :-1]
        steps = scores.float().diff(dim=1).square() * both
        return mean_or_zero(steps.sum(dim=1)[labels > 0.5])


class Sparsity(nn.Module):
    """Sum over time of the scores, as a mean over the abnormal bags.

    Sultani et al., CVPR 2018, eq. 6, the second term.
    """

    def forward(self, scores: Tensor, labels: Tensor, mask: Tensor | None = None) -> Tensor:
        sums = (scores.float() * all_true(scores, mask)).sum(dim=1)
        return mean_or_zero(sums[labels > 0.5])


class TopEntropy(nn.Module):
    """Cross-entropy of a bag's label with the mean of its highest scores.

    The mean is over ``top`` scores, or over a share of 1 / ``per`` of the segments, rounded down,
    plus 1 (Wu et al., ECCV 2020, section 3.3).
    """

    def __init__(
        self,
        *,
        top: Annotated[int, Field(ge=1)] | None = None,
        per: Annotated[int, Field(ge=1)] = 16,
    ) -> None:
        super().__init__()
        self.top, self.per = top, per

    def forward(self, scores: Tensor, labels: Tensor, mask: Tensor | None = None) -> Tensor:
        counts = top_counts(all_true(scores, mask), self.per, self.top)
        return cross_entropy(top_mean(scores, counts, mask), labels)


def all_true(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mask (B, T), all True if there is none."""
    return torch.ones_like(scores, dtype=torch.bool) if mask is None else mask.bool()


def top_counts(mask: Tensor, per: int = 16, top: int | None = None) -> Tensor:
    """Return how many segments of each bag (B,) count: ``top``, or length // ``per`` + 1.

    Never more than the bag has.
    """
    lengths = mask.sum(dim=1)
    wanted = lengths // per + 1 if top is None else torch.full_like(lengths, top)
    return torch.minimum(wanted, lengths)


def top_mask(values: Tensor, counts: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return True (B, T) for the ``counts`` (B,) highest values of each bag."""
    usable = values.detach().float().masked_fill(~all_true(values, mask), -torch.inf)
    ranks = usable.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return ranks < counts[:, None]


def top_mean(values: Tensor, counts: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean (B,) of the ``counts`` (B,) highest values of each bag."""
    return masked_mean(values.float(), top_mask(values, counts, mask))


def masked_mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean over time of the chosen (B, T) values (B, T) or (B, T, D)."""
    weights = chosen.float()
    weights = weights / weights.sum(dim=1, keepdim=True).clamp_min(1)
    if values.ndim == 2:
        # Padding may be infinite, so it is not only weighted.
        return (values.masked_fill(~chosen, 0) * weights).sum(dim=1)
    return (values.masked_fill(~chosen[..., None], 0) * weights[..., None]).sum(dim=1)


def cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of probabilities, 0 if there are none."""
    # Torch refuses it under autocast on a GPU.
    with torch.autocast(probabilities.device.type, enabled=False):
        total = functional.binary_cross_entropy(
            probabilities.float(), targets.float(), reduction="sum"
        )
    return total / max(probabilities.numel(), 1)


def mean_or_zero(values: Tensor) -> Tensor:
    """Return the mean, and 0 with a gradient of 0 for no values."""
    return values.sum() / max(values.numel(), 1)
