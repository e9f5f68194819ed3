"""Feature magnitudes that tell abnormal segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from vadkit.data.tensors import Bags
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import WeightedLoss
from vadkit.methods.weak.method import WeakMethod


class RTFM(WeakMethod):
    """Robust temporal feature magnitude learning (Tian et al., ICCV 2021).

    "Weakly-supervised Video Anomaly Detection with Robust Temporal Feature Magnitude Learning".
    The 3 segments with the longest features decide about a video: their mean score has the video's
    label, and their features become long in abnormal videos (100) and short in normal ones. The
    paper reports AUC 84.3 on UCF-Crime and 97.2 on ShanghaiTech with I3D features, with the
    checkpoint that is best on the test videos; users report 60 to 66 on UCF-Crime.

    ``by: score`` lets the 3 segments with the highest scores decide. Lengths tell something where
    features are outputs of ReLU, as those of I3D are; that of standardised measurements is the
    distance from the usual, which says little about what is abnormal.

    Differences: the magnitude loss is over all pairs of a batch; sums of sparsity and smoothness
    are means over videos, where the code takes the length of all scores of a batch, and their sum.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **WeakMethod.defaults,
        "bags": {"segments": 32, "fit": "average"},
        "networks": {"head": {"type": "rtfm"}},
        "losses": {
            "entropy": {"type": "top-entropy", "top": 3},
            "magnitude": {"type": "magnitude-gap", "weight": 1e-4},
            "smooth": {"type": "smoothness", "weight": 8e-4},
            "sparse": {"type": "sparsity", "weight": 8e-3},
        },
        "optimizers": {"head": {"type": "adam", "lr": 1e-3, "weight_decay": 0.005}},
        "train": {"epochs": 580, "batch_size": 64, "max_steps": 15_000},
    }
    optional: ClassVar[frozenset[str]] = frozenset({"losses.smooth", "losses.sparse"})

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        by: Literal["length", "score"] = "length",
    ) -> None:
        super().__init__(networks, losses, clip)
        self.by = by

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        scores, mask, labels = output.scores, bags.mask, bags.labels
        deciding = output.magnitudes if self.by == "length" else scores
        terms = {
            "entropy": self.losses["entropy"](scores, mask, labels, deciding),
            "magnitude": self.losses["magnitude"](output.features, output.magnitudes, mask, labels),
        }
        for name in ("smooth", "sparse"):
            if name in self.losses:
                terms[name] = self.losses[name](scores, mask, labels)
        return terms
