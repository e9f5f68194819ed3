"""A glance at the whole video, then a focus on its parts."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from vadkit.data.tensors import Bags
from vadkit.methods.weak.method import WeakMethod


class MGFN(WeakMethod):
    """Magnitude-contrastive glance-and-focus network (Chen et al., AAAI 2023).

    Attention over the whole video, then convolutions over neighbours. The 3 segments with the
    longest features have the video's label; lengths are alike in videos of a kind and far apart in
    those of two kinds. The paper reports AUC 87.0 on UCF-Crime; the released weights give 83.5.

    Differences: see the network ``mgfn`` and the loss ``magnitude-contrast``.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **WeakMethod.defaults,
        "bags": {"segments": 32, "fit": "average"},
        "networks": {"head": {"type": "mgfn"}},
        "losses": {
            "entropy": {"type": "top-entropy", "top": 3},
            "contrast": {"type": "magnitude-contrast", "weight": 1e-3},
        },
        "optimizers": {"head": {"type": "adam", "lr": 1e-3, "weight_decay": 5e-4}},
        "train": {"epochs": 50, "batch_size": 32},
    }

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        mask, labels, magnitudes = bags.mask, bags.labels, output.magnitudes
        return {
            "entropy": self.losses["entropy"](output.scores, mask, labels, magnitudes),
            "contrast": self.losses["contrast"](magnitudes, mask, labels),
        }
