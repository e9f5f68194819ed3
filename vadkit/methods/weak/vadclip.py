"""A branch that classifies segments beside one that compares them with texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from vadkit.data.tensors import Bags
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import WeightedLoss
from vadkit.methods.weak.worded import WordedMethod, classes_of, text_names


class VadCLIP(WordedMethod):
    """Vision-language weakly supervised detection (Wu et al., AAAI 2024).

    "VadCLIP: Adapting Vision-Language Models for Weakly Supervised Video Anomaly Detection", for
    CLIP features of 512. One branch classifies segments; the other compares them with the texts of
    normal video and of each kind of anomaly. ``branch`` is the one that scores: ``classifier``, or
    ``texts`` for 1 - the probability of the normal text. ``texts`` is a file of embeddings by name
    from the same CLIP model; without one, ``wordllama`` embeds the names, which segments do not
    resemble before training. The paper reports AUC 88.0 on UCF-Crime and AP 84.5 on XD-Violence,
    with the checkpoint that is best on the test videos; users with own features report 50 to 81.

    Differences: no text encoder runs in training, so a learned row per text replaces the learned
    tokens; see the network ``vadclip``.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **WordedMethod.defaults,
        "bags": {"segments": 256, "fit": "pad", "window": 256},
        "networks": {"head": {"type": "vadclip"}},
        "losses": {
            "entropy": {"type": "top-entropy"},
            "align": {"type": "mil-align"},
            "orthogonal": {"type": "text-orthogonality", "weight": 0.1},
        },
        "optimizers": {"head": {"type": "adamw", "lr": 2e-5}},
        "train": {"epochs": 10, "batch_size": 128},
    }

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        texts: Path | None = None,
        normal: str = "normal",
        branch: Literal["classifier", "texts"] = "classifier",
    ) -> None:
        super().__init__(networks, losses, clip, texts=texts, normal=normal)
        self.branch = branch

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"head": (clip.dim, len(text_names(clip)))}

    def output(self, bags: Bags) -> Any:
        return self.networks["head"](self.scaled(bags.features), bags.mask, self.texts)

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        return {
            "entropy": self.losses["entropy"](output.scores, bags.mask, bags.labels),
            "align": self.losses["align"](output.similarities, bags.mask, classes_of(bags)),
            "orthogonal": self.losses["orthogonal"](output.texts),
        }

    def segment_scores(self, output: Any) -> Tensor:
        if self.branch == "classifier":
            return super().segment_scores(output)
        scores: Tensor = 1 - output.similarities.softmax(dim=2)[..., 0]
        return scores

    def kind_scores(self, output: Any) -> Tensor:
        found: Tensor = output.similarities.softmax(dim=2)[..., 1:]
        return found
