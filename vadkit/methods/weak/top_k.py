"""A plain baseline: the mean of the highest segments decides about the video."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from vadkit.data.tensors import Bags
from vadkit.methods.weak.method import WeakMethod


class TopK(WeakMethod):
    """A plain baseline for learning from video labels; there is no paper.

    A small network scores each segment on its own. The mean of the highest ``T // 16 + 1`` logits
    of a video is its logit, which is trained with the video's label by cross-entropy. Every later
    method has this part. Videos keep all their segments in training, up to 200.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **WeakMethod.defaults,
        "bags": {"segments": 200, "fit": "pad", "scale": "standard"},
        "networks": {"head": {"type": "segment-mlp", "hidden": [128], "dropout": 0.5}},
        "losses": {"top-k": {"type": "bag-top-k", "weight": 1.0}},
        "optimizers": {"head": {"type": "adam", "lr": 1e-3, "weight_decay": 5e-4}},
        "train": {"epochs": 50, "batch_size": 32},
    }

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        return {"top-k": self.losses["top-k"](output, bags.mask, bags.labels)}

    def segment_scores(self, output: Any) -> Tensor:
        scores: Tensor = output.float().sigmoid()
        return scores
