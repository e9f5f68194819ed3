"""A method from video labels on a stream: features are extracted as the frames come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from vadkit.data.tensors import Bags, Clips
from vadkit.features.extractor import Extractor
from vadkit.methods.weak.method import WeakMethod


class LiveSegments:
    """A method that scores segments, with the extractor of its features.

    A clip is one segment. Its score depends on the ``window`` latest segments of its stream, the
    segment included; whole videos, as `vadkit eval` sees them, may give other scores if the head
    looks at the neighbours of a segment.
    """

    from_bags: ClassVar[bool] = True

    def __init__(self, method: WeakMethod, extractor: Extractor, window: int) -> None:
        self.method, self.extractor, self.window = method, extractor, window
        self.clip = method.clip

    def encode(self, clips: Clips) -> Tensor:
        """Return features (B, crops, D) of segments, with the precision of saved ones."""
        with torch.autocast(clips.device.type, enabled=False):
            found: Tensor = self.extractor(clips)
        return found.half().float()

    def score_last(self, segments: Sequence[Tensor]) -> Tensor:
        """Return the score (N,) of the last of each of N sequences of segments (t, crops, D)."""
        scores = []
        for rows in segments:
            features = rows.transpose(0, 1)
            mask = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
            labels = torch.zeros(len(features), device=features.device)
            of_crops = self.method.score(Bags(features, mask, labels)).frames[:, -1]
            scores.append(of_crops.double().mean())
        return torch.stack(scores)
