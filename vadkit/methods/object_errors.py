"""Scores of objects from the errors of several parts, on one scale of training objects."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.method import Method, Scores, WeightedLoss
from vadkit.methods.objects import counted, detected, highest, painted


class ObjectErrors(Method):
    """A method that scores objects by the weighted sum of standardised errors.

    ``weights`` are those of the parts, by name. The errors of each part are standardised by their
    mean and standard deviation over training objects. A frame has the score of its highest object;
    a frame without objects has the lowest possible score of a training object. The map has each
    object's score inside its box, at the clip's size.
    """

    usual: Tensor
    least: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        weights: Mapping[str, float],
    ) -> None:
        super().__init__(networks, losses, clip)
        self.parts = tuple(weights)
        self.weights = torch.tensor(list(weights.values()))
        # The mean, standard deviation and minimum of each part's errors; neutral until collected.
        parts = len(weights)
        self.register_buffer("usual", torch.tensor([[0.0, 1.0]] * parts))
        self.register_buffer("least", torch.zeros(parts))
        self._sums = torch.zeros(3, parts, dtype=torch.float64)
        self._lowest = torch.full((parts,), torch.inf)

    @abstractmethod
    def errors(self, clips: Clips) -> Tensor:
        """Return the errors (N, P) of all objects in a batch, one column per part."""

    def collect(self, clips: Clips) -> None:
        errors = self.errors(clips).double().cpu()
        if len(errors):
            self._sums += torch.stack([torch.ones_like(errors), errors, errors.square()]).sum(dim=1)
            self._lowest = torch.minimum(self._lowest, errors.amin(dim=0).float())

    def finalize(self) -> None:
        """Raises ``TrainingError`` if no object was found in the training videos."""
        counts, first, second = self._sums
        if not counts.any():
            raise TrainingError(
                "the method found no object in the training videos; check what `objects` finds"
            )
        means = first / counts
        deviations = (second / counts - means.square()).clamp(min=0).sqrt().clamp(min=1e-8)
        self.usual.copy_(torch.stack([means, deviations], dim=1))
        self.least.copy_(self._lowest)
        self._sums = torch.zeros_like(self._sums)
        self._lowest = torch.full_like(self._lowest, torch.inf)

    def _normalised(self, errors_NP: Tensor) -> Tensor:
        means, deviations = self.usual.unbind(dim=1)
        return (errors_NP - means) / deviations * self.weights.to(errors_NP)

    @classmethod
    def can_ignore(cls, params: Mapping[str, Any]) -> bool:
        return True

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        assert clips.boxes is not None
        boxes = clips.boxes
        scores, least = self._normalised(self.errors(clips)), self._normalised(self.least)
        scores = counted(scores.T, boxes, self.ignored, least).T
        of_objects, lowest = scores.sum(dim=1), least.sum()
        frames = highest(of_objects, boxes, lowest)
        maps = painted(of_objects, boxes, self.clip.size, lowest)
        parts = {
            part: highest(one, boxes, low)[:, None]
            for part, one, low in zip(self.parts, scores.unbind(dim=1), least, strict=True)
        }
        objects = detected(of_objects, boxes)
        return Scores(frames[:, None], maps[:, None], parts=parts, objects=objects)


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error (N,) of each object."""
    return (output.float() - target).square().flatten(1).mean(dim=1)
