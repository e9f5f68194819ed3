"""Losses of multiple-instance learning: a bag is a video, and only the bag has a label.

Values are of the T segments of B bags. ``mask`` (B, T) is True for segments and False for padding.
``labels`` (B,) are 1 for abnormal bags and 0 for normal ones. A loss over a kind of bag that the
batch does not have is 0. All compute in float32.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional


class TopEntropy(nn.Module):
    """Cross-entropy of a bag's label with the mean of its highest scores, which are probabilities.

    The mean is over ``top`` scores, or over a share of 1 / ``per`` of the segments, rounded down,
    plus 1. With values ``by`` (B, T), the scores of the segments with the highest values count
    instead (RTFM: those with the longest features).
    """

    def __init__(
        self,
        *,
        top: Annotated[int, Field(ge=1)] | None = None,
        per: Annotated[int, Field(ge=1)] = 16,
    ) -> None:
        super().__init__()
        self.top, self.per = top, per

    def forward(
        self, scores: Tensor, mask: Tensor, labels: Tensor, by: Tensor | None = None
    ) -> Tensor:
        chosen = top_mask(scores if by is None else by, top_counts(mask, self.per, self.top), mask)
        return cross_entropy(masked_mean(scores.float(), chosen), labels)


class MagnitudeGap(nn.Module):
    """Long features of abnormal bags, short ones of normal bags (Tian et al., ICCV 2021, RTFM).

    A bag's feature is the mean of its ``top`` longest features. The loss is the mean over all pairs
    of (|``margin`` - length of the abnormal one| + length of the normal one) squared, as in the
    authors' code; the paper has a hinge of the difference. The code pairs one bag with one.
    """

    def __init__(
        self, *, margin: Annotated[float, Field(gt=0)] = 100.0, top: Annotated[int, Field(ge=1)] = 3
    ) -> None:
        super().__init__()
        self.margin, self.top = margin, top

    def forward(self, features: Tensor, magnitudes: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        chosen = top_mask(magnitudes, top_counts(mask, top=self.top), mask)
        lengths = length(masked_mean(features.float(), chosen))
        abnormal = labels > 0.5
        missing = (self.margin - lengths[abnormal]).abs()
        return mean_or_zero((missing[:, None] + lengths[~abnormal][None]).square())


class MagnitudeContrast(nn.Module):
    """Like lengths for bags of a kind, lengths far apart for two kinds (Chen et al., AAAI 2023).

    The length of a bag is the mean of its ``top`` longest features' lengths; the paper compares
    those ``top`` lengths one by one. With d, the difference of two bags' lengths, it is the mean of
    d squared over pairs of normal bags, plus that over pairs of abnormal bags, plus the mean of
    max(0, ``margin`` - d) squared over pairs of two kinds.
    """

    def __init__(
        self, *, margin: Annotated[float, Field(gt=0)] = 200.0, top: Annotated[int, Field(ge=1)] = 3
    ) -> None:
        super().__init__()
        self.margin, self.top = margin, top

    def forward(self, magnitudes: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        lengths = top_mean(magnitudes, top_counts(mask, top=self.top), mask)
        abnormal = labels > 0.5
        apart = (lengths[:, None] - lengths[None]).abs()
        alike = abnormal[:, None] == abnormal[None]
        different = mean_or_zero((self.margin - apart[~alike]).relu().square())
        upper = torch.ones_like(alike).triu(1)
        of_normal = alike & upper & ~abnormal[:, None]
        of_abnormal = alike & upper & abnormal[:, None]
        return (
            mean_or_zero(apart[of_normal].square())
            + mean_or_zero(apart[of_abnormal].square())
            + different
        )


class NormalLength(nn.Module):
    """Mean over the normal bags of the length of the vector of their scores.

    Zhou et al., 2023 (BN-WVAD): only normal bags train the classifier, towards 0.
    """

    def forward(self, scores: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        return mean_or_zero(length(scores.float().masked_fill(~mask, 0))[labels < 0.5])


class NormalMean(nn.Module):
    """Mean of values (B, T) over the segments of normal bags."""

    def forward(self, values: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        return mean_or_zero(values.float()[mask & (labels < 0.5)[:, None]])


class PullPush(nn.Module):
    """Distances from normal: short for normal bags, longer by ``margin`` for abnormal bags.

    Zhou et al., 2023 (BN-WVAD), the mean-based pull-push loss on distances (B, L, T) from the
    running means of L layers; ``weights`` are those of the layers. In each layer, the segments that
    count are the highest ``share`` of every bag, and the highest ``batch_share`` of all segments of
    bags of a kind. The hinge is of the means over these segments.
    """

    def __init__(
        self,
        *,
        weights: tuple[float, ...] = (5.0, 20.0),
        margin: Annotated[float, Field(ge=0)] = 1.0,
        share: Annotated[float, Field(gt=0, le=1)] = 0.2,
        batch_share: Annotated[float, Field(ge=0, le=1)] = 0.4,
    ) -> None:
        super().__init__()
        self.weights, self.margin = weights, margin
        self.share, self.batch_share = share, batch_share

    def forward(self, distances: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        if len(self.weights) != distances.shape[1]:
            raise ValueError(
                f"weights must have one number for each of {distances.shape[1]} layers; got "
                f"{len(self.weights)}"
            )
        abnormal = labels > 0.5
        if abnormal.all() or not abnormal.any():
            return distances.sum() * 0
        terms = [
            weight
            * (self.margin + self._mean(d, mask, ~abnormal) - self._mean(d, mask, abnormal)).relu()
            for weight, d in zip(self.weights, distances.float().unbind(1), strict=True)
        ]
        return torch.stack(terms).sum()

    def _mean(self, distances: Tensor, mask: Tensor, of_kind: Tensor) -> Tensor:
        values, usable = distances[of_kind], mask[of_kind]
        counts = (usable.sum(dim=1) * self.share).long().clamp_min(1)
        chosen = top_mask(values, counts, usable) & usable
        of_all = (usable.sum() * self.batch_share).long()[None]
        chosen |= top_mask(values.view(1, -1), of_all, usable.view(1, -1)).view_as(chosen) & usable
        return mean_or_zero(values[chosen])


def top_counts(mask: Tensor, per: int = 16, top: int | None = None) -> Tensor:
    """Return how many segments of each bag (B,) count: ``top``, or length // ``per`` + 1.

    Never more than the bag has.
    """
    lengths = mask.sum(dim=1)
    wanted = lengths // per + 1 if top is None else torch.full_like(lengths, top)
    return torch.minimum(wanted, lengths)


def top_mask(values: Tensor, counts: Tensor, mask: Tensor) -> Tensor:
    """Return True (B, T) for the ``counts`` (B,) highest values of each bag."""
    usable = values.detach().float().masked_fill(~mask, -torch.inf)
    ranks = usable.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return ranks < counts[:, None]


def top_mean(values: Tensor, counts: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (B,) of the ``counts`` (B,) highest values of each bag."""
    return masked_mean(values.float(), top_mask(values, counts, mask))


def masked_mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean over time of the chosen (B, T) values (B, T) or (B, T, ...)."""
    shaped = chosen.view(*chosen.shape, *[1] * (values.ndim - 2))
    # Padding may be anything, so it is not multiplied by 0.
    sums = values.masked_fill(~shaped, 0).sum(dim=1)
    mean: Tensor = sums / shaped.sum(dim=1).clamp_min(1)
    return mean


def length(rows: Tensor) -> Tensor:
    """Return the lengths (...) of rows (..., F) in float32; the gradient at 0 is 0."""
    found: Tensor = rows.float().norm(dim=-1)
    return found


def cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of probabilities, 0 if there are none."""
    # Torch refuses it under autocast on a GPU.
    with torch.autocast(probabilities.device.type, enabled=False):
        total = functional.binary_cross_entropy(
            probabilities.float(), targets.float(), reduction="sum"
        )
    mean: Tensor = total / max(probabilities.numel(), 1)
    return mean


def mean_or_zero(values: Tensor) -> Tensor:
    """Return the mean, and 0 with a gradient of 0 for no values."""
    mean: Tensor = values.sum() / max(values.numel(), 1)
    return mean
