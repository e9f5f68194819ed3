"""Losses on the scores of bags of segments, from video labels."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.losses.mil import top_counts, top_mean


class BagRanking(nn.Module):
    """Hinge loss between the highest scores of normal and abnormal bags, over all pairs.

    ``margin`` is the required difference (Sultani et al., CVPR 2018, eq. 7). Takes scores (B, T) in
    0..1, the mask (B, T) and labels (B,).
    """

    def __init__(self, *, margin: Annotated[float, Field(ge=0)] = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, scores_BT: Tensor, mask_BT: Tensor, labels_B: Tensor) -> Tensor:
        highest = scores_BT.masked_fill(~mask_BT, -torch.inf).amax(dim=1)
        abnormal = labels_B > 0.5
        gaps = self.margin - highest[abnormal][:, None] + highest[~abnormal][None]
        return gaps.relu().mean()


class BagTopK(nn.Module):
    """Cross-entropy between the label of a bag and the mean of its highest logits.

    The mean is over ``T // share + 1`` segments of a bag with T segments, as in UR-DMU and VadCLIP.
    Takes logits (B, T), the mask (B, T) and labels (B,).
    """

    def __init__(self, *, share: Annotated[int, Field(ge=1)] = 16) -> None:
        super().__init__()
        self.share = share

    def forward(self, logits_BT: Tensor, mask_BT: Tensor, labels_B: Tensor) -> Tensor:
        means = top_mean(logits_BT, top_counts(mask_BT, self.share), mask_BT)
        return functional.binary_cross_entropy_with_logits(means, labels_B)


class Smoothness(nn.Module):
    """Sum of squared differences of consecutive scores, as a mean over the abnormal bags.

    Takes scores (B, T), the mask (B, T) and labels (B,).
    """

    def forward(self, scores_BT: Tensor, mask_BT: Tensor, labels_B: Tensor) -> Tensor:
        both = mask_BT[:, 1:] & mask_BT[:, :-1]
        jumps = (scores_BT[:, 1:] - scores_BT[:, :-1]).square() * both
        return jumps.sum(dim=1)[labels_B > 0.5].mean()


class Sparsity(nn.Module):
    """Sum of the scores, as a mean over the abnormal bags.

    Takes scores (B, T), the mask (B, T) and labels (B,).
    """

    def forward(self, scores_BT: Tensor, mask_BT: Tensor, labels_B: Tensor) -> Tensor:
        return (scores_BT * mask_BT).sum(dim=1)[labels_B > 0.5].mean()
