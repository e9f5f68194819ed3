"""Context features that texts of the kinds of anomalies enhance."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from vadkit.data.tensors import Bags
from vadkit.methods.weak.worded import WordedMethod, classes_of


class PEL4VAD(WordedMethod):
    """Prompt-enhanced learning (Pu, Wu, Yang and Wang, IEEE TIP 2024).

    "Learning Prompt-Enhanced Context Features for Weakly-Supervised Video Anomaly Detection".
    Attention over the whole video and over a window; the mean feature of an abnormal video,
    weighted with the scores, must be like the text of its kind, and what is left like the normal
    text. ``texts`` is a file of embeddings by name, 300 features in the paper; without one,
    ``wordllama`` embeds the names. The paper reports AUC 86.8 on UCF-Crime, 98.1 on ShanghaiTech
    and AP 85.6 on XD-Violence.

    Differences: the paper's texts are means of ConceptNet's related concepts; scores are not
    smoothed (see scorers). On ShanghaiTech the paper has a temperature of 0.2 and a weight of 9.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **WordedMethod.defaults,
        "bags": {"segments": 200, "fit": "pad", "window": 200},
        "networks": {"head": {"type": "pel4vad"}},
        "losses": {
            "entropy": {"type": "top-entropy"},
            "prompt": {"type": "prompt-alignment", "weight": 1.0},
        },
        "optimizers": {"head": {"type": "adam", "lr": 5e-4}},
        "train": {"epochs": 50, "batch_size": 128},
    }

    def text_features(self) -> int:
        head: Any = self.networks["head"]
        features: int = head.out
        return features

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        inputs = (output.features, output.scores, self.texts, bags.mask, classes_of(bags))
        return {
            "entropy": self.losses["entropy"](output.scores, bags.mask, bags.labels),
            "prompt": self.losses["prompt"](*inputs),
        }
