"""The base of methods that compare segments with texts of the kinds of anomalies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from vadkit.data.tensors import Bags, Clips
from vadkit.data.texts import class_texts, embed, with_features
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Update, WeightedLoss
from vadkit.methods.weak.method import WeakMethod


class WordedMethod(WeakMethod):
    """A method with a text for normal video and for each kind of anomaly.

    ``texts`` is a file of their embeddings (see ``vadkit.data.texts.class_texts``) by the names
    ``normal`` and those of the kinds; without one, ``wordllama`` embeds the names. If the kinds are
    unknown, there is one, ``abnormal``. Embeddings with another number of features than
    ``text_features`` are rotated. They are read when training begins, and a checkpoint contains
    them.
    """

    # Rows (K, size) of unit length, the normal text first; 0 until training begins.
    texts: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        texts: Path | None = None,
        normal: str = "normal",
    ) -> None:
        super().__init__(networks, losses, clip)
        self.names = text_names(clip, normal)
        self.file = texts
        self.register_buffer("texts", torch.zeros(len(self.names), self.text_features()))

    def text_features(self) -> int:
        """Return the number of features of a text: those of a segment, unless overridden."""
        return self.clip.dim or 1

    def updates(self, clips: Clips | Bags) -> Iterator[Update]:
        if not self.texts.any():
            rows = embed(self.names) if self.file is None else class_texts(self.file, self.names)
            self.texts.copy_(torch.from_numpy(with_features(rows, self.texts.shape[1])))
        return super().updates(clips)


def text_names(clip: ClipSpec, normal: str = "normal") -> list[str]:
    """Return the names of the texts: the normal one, and the kinds of anomalies."""
    return [normal, *(clip.classes or ("abnormal",))]


def classes_of(bags: Bags) -> Tensor:
    """Return the numbers (B,) int64 of the texts of bags."""
    return bags.labels.long() if bags.classes is None else bags.classes
