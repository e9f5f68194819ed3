"""Two memories, one of normal and one of abnormal segments."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from vadkit.data.tensors import Bags
from vadkit.methods.weak.method import WeakMethod


class URDMU(WeakMethod):
    """Dual memory units with uncertainty regulation (Zhou, Yu and Yang, AAAI 2023).

    Two memories of 60 rows read every segment; a normal video must be answered by one of them, an
    abnormal video by both. The normal reading is a distribution, from which training draws. The
    paper reports AUC 87.0 on UCF-Crime and AP 81.7 on XD-Violence with I3D features.

    Differences: losses between videos are over all pairs of a batch, where the authors' code takes
    pairs in order.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **WeakMethod.defaults,
        "bags": {"segments": 200, "fit": "pad", "window": 200},
        "networks": {"head": {"type": "ur-dmu"}},
        "losses": {
            "entropy": {"type": "top-entropy"},
            "memory": {"type": "memory-hits", "weight": 0.1},
            "triplet": {"type": "latent-triplet", "weight": 0.1},
            "divergence": {"type": "latent-divergence", "weight": 1e-3},
            "distance": {"type": "latent-gap", "weight": 1e-4},
        },
        "optimizers": {"head": {"type": "adam", "lr": 1e-4, "weight_decay": 5e-5}},
        "train": {"epochs": 50, "batch_size": 128},
    }

    def output(self, bags: Bags) -> Any:
        features = self.scaled(bags.features)
        return self.networks["head"](features, bags.mask, bags.labels if self.training else None)

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        kinds = (bags.mask, bags.labels)
        hits = (output.normal_hits, output.abnormal_hits)
        latents = (output.normal, output.abnormal, *hits, *kinds)
        spread = (output.normal, output.log_variance, *kinds)
        return {
            "entropy": self.losses["entropy"](output.scores, *kinds),
            "memory": self.losses["memory"](*hits, *kinds),
            "triplet": self.losses["triplet"](*latents),
            "divergence": self.losses["divergence"](*spread),
            "distance": self.losses["distance"](*latents),
        }
