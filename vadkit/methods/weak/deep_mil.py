"""Ranking of the highest segments of normal and abnormal videos."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from vadkit.data.tensors import Bags
from vadkit.methods.weak.method import WeakMethod


class DeepMil(WeakMethod):
    """Deep multiple-instance ranking (Sultani, Chen and Shah, CVPR 2018).

    "Real-World Anomaly Detection in Surveillance Videos". A small network scores 32 segments of a
    video on their own; the highest score of an abnormal video must exceed that of a normal one by
    1, and scores of abnormal videos are sparse and smooth. 30 normal and 30 abnormal videos a
    batch, Adagrad with rate 0.01, weight decay 0.001. The paper reports AUC 75.4 on UCF-Crime with
    C3D features; a reimplementation reached 71.

    Differences from the authors' code: the ranking loss is a mean over all pairs of a batch, where
    the code sums over abnormal and averages over normal videos, so sparsity and smoothness are
    means over videos with the same weights in relation to it; scoring uses every segment of a video
    instead of 32.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **WeakMethod.defaults,
        "bags": {"segments": 32, "fit": "average", "scale": "length"},
        "networks": {"head": {"type": "segment-mlp"}},
        "losses": {
            "ranking": {"type": "bag-ranking", "weight": 1.0},
            "smooth": {"type": "smoothness", "weight": 8e-5},
            "sparse": {"type": "sparsity", "weight": 8e-5},
        },
        "optimizers": {"head": {"type": "adagrad", "lr": 0.01, "weight_decay": 0.001}},
        "train": {"epochs": 200, "batch_size": 60},
    }
    optional: ClassVar[frozenset[str]] = frozenset({"losses.smooth", "losses.sparse"})

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        scores = output.float().sigmoid()
        return {name: loss(scores, bags.mask, bags.labels) for name, loss in self.losses.items()}

    def segment_scores(self, output: Any) -> Tensor:
        scores: Tensor = output.float().sigmoid()
        return scores
