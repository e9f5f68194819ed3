"""Losses of the two memories of UR-DMU (Zhou et al., AAAI 2023).

Values are of the T segments of B bags; see ``vadkit.losses.mil`` for masks and labels. ``normal``
and ``abnormal`` (B, T, F) are latents of the readings of the two memories. "The highest segments"
are the T // ``per`` + 1 segments of a bag with the highest hits of a memory.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.losses.mil import (
    cross_entropy,
    length,
    masked_mean,
    mean_or_zero,
    top_counts,
    top_mask,
    top_mean,
)

Per = Annotated[int, Field(ge=1)]


class MemoryHits(nn.Module):
    """Which memory must answer which bag: the sum of four cross-entropies.

    In normal bags, the normal memory hits every segment, and the abnormal one none. In abnormal
    bags, the highest segments of each memory are hits.
    """

    def __init__(self, *, per: Per = 16) -> None:
        super().__init__()
        self.per = per

    def forward(
        self, normal_hits: Tensor, abnormal_hits: Tensor, mask: Tensor, labels: Tensor
    ) -> Tensor:
        abnormal = labels > 0.5
        in_normal = mask & ~abnormal[:, None]
        ones = torch.ones_like(normal_hits[in_normal])
        of_normal = cross_entropy(normal_hits[in_normal], ones)
        of_normal = of_normal + cross_entropy(abnormal_hits[in_normal], ones * 0)
        counts = top_counts(mask[abnormal], self.per)
        for hits in (normal_hits, abnormal_hits):
            highest = top_mean(hits[abnormal], counts, mask[abnormal])
            of_normal = of_normal + cross_entropy(highest, torch.ones_like(highest))
        return of_normal


class BagLatents(nn.Module):
    """The base of hinge losses between the latents of bags, as a mean over all pairs of bags.

    A bag's latent is the mean over its highest segments. A subclass implements ``hinge``.
    """

    per: int

    def forward(
        self,
        normal: Tensor,
        abnormal: Tensor,
        normal_hits: Tensor,
        abnormal_hits: Tensor,
        mask: Tensor,
        labels: Tensor,
    ) -> Tensor:
        counts, of_abnormal = top_counts(mask, self.per), labels > 0.5
        usual = masked_mean(normal.float(), top_mask(normal_hits, counts, mask))
        unusual = masked_mean(abnormal.float(), top_mask(abnormal_hits, counts, mask))
        pairs = self.hinge(usual[~of_abnormal], usual[of_abnormal], unusual[of_abnormal])
        return mean_or_zero(pairs.relu())

    def hinge(self, of_normal: Tensor, usual: Tensor, unusual: Tensor) -> Tensor:
        """Return the hinge (A, N) before its maximum with 0 of A abnormal and N normal bags.

        ``of_normal`` (N, F) are normal latents of normal bags, ``usual`` (A, F) those of abnormal
        bags, ``unusual`` (A, F) the abnormal latents of abnormal bags.
        """
        raise NotImplementedError


class LatentTriplet(BagLatents):
    """Normal parts of abnormal bags are nearer to normal bags than abnormal parts are.

    The anchor is the mean normal latent of the highest segments of a normal bag, the positive that
    of an abnormal bag, the negative the mean abnormal latent of the highest segments of the
    abnormal bag. All have unit length. The mean hinge with ``margin`` is over all pairs of bags;
    the authors' code pairs one bag with one.
    """

    def __init__(self, *, margin: Annotated[float, Field(ge=0)] = 1.0, per: Per = 16) -> None:
        super().__init__()
        self.margin, self.per = margin, per

    def hinge(self, of_normal: Tensor, usual: Tensor, unusual: Tensor) -> Tensor:
        anchor, near, far = (
            functional.normalize(rows, dim=1) for rows in (of_normal, usual, unusual)
        )
        gaps = length(anchor[None] - near[:, None]) - length(anchor[None] - far[:, None])
        return gaps + self.margin


class LatentGap(BagLatents):
    """Long abnormal latents of abnormal bags, short normal latents of normal bags.

    The hinge of ``margin`` - the one length + the other, as a mean over all pairs of bags; a bag's
    latent is the mean over its highest segments.
    """

    def __init__(self, *, margin: Annotated[float, Field(gt=0)] = 100.0, per: Per = 16) -> None:
        super().__init__()
        self.margin, self.per = margin, per

    def hinge(self, of_normal: Tensor, usual: Tensor, unusual: Tensor) -> Tensor:
        return self.margin - length(unusual)[:, None] + length(of_normal)[None]


class LatentDivergence(nn.Module):
    """Divergence of normal bags' latent distribution from the standard normal one, in nats.

    The sum over features, as a mean over segments of normal bags.
    """

    def forward(self, normal: Tensor, log_variance: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        mean, spread = normal.float(), log_variance.float()
        each = 0.5 * (mean.square() + spread.exp() - spread - 1).sum(dim=2)
        return mean_or_zero(each[mask & (labels < 0.5)[:, None]])
