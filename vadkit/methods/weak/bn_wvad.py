"""Distances from the statistics of batch normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from vadkit.data.tensors import Bags
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import WeightedLoss
from vadkit.methods.weak.method import WeakMethod


class BNWVAD(WeakMethod):
    """Batch normalisation as a model of normal segments (Zhou et al., 2023).

    "BatchNorm-based Weakly Supervised Video Anomaly Detection". Segments far from the running mean
    of two normalisation layers are abnormal; a classifier that only normal videos train weights the
    distance. The paper reports AP 84.9 on XD-Violence and AUC 87.2 on UCF-Crime; users report 82 to
    85.

    The paper's score, distance times probability, has no upper bound; here s / (1 + s), in 0..1 and
    in the same order. Only normal videos train the probability, so nothing says whether it is high
    or low for abnormal ones; with features of 100 numbers, that differs from seed to seed. ``by:
    distance`` leaves it out of the score. Differences: the loss compares means over the chosen
    segments of normal and abnormal videos, where the authors' code pairs segments.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **WeakMethod.defaults,
        "bags": {"segments": 200, "fit": "pad", "window": 200},
        "networks": {"head": {"type": "bn-wvad"}},
        "losses": {
            "normal": {"type": "normal-length"},
            "distance": {"type": "pull-push"},
        },
        "optimizers": {"head": {"type": "adam", "lr": 1e-4, "weight_decay": 5e-5}},
        "train": {"epochs": 50, "batch_size": 128},
    }

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        by: Literal["product", "distance"] = "product",
    ) -> None:
        super().__init__(networks, losses, clip)
        self.by = by

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        return {
            "normal": self.losses["normal"](output.scores, bags.mask, bags.labels),
            "distance": self.losses["distance"](output.distances, bags.mask, bags.labels),
        }

    def segment_scores(self, output: Any) -> Tensor:
        high: Tensor = output.product if self.by == "product" else output.distances.sum(dim=1)
        return high / (1 + high)
