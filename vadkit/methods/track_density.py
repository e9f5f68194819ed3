"""Densities of the motion, place and size of tracked people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.segments.people import PERSON
from vadkit.data.videos import ClipSpec
from vadkit.densities.density import Density
from vadkit.errors import TrainingError
from vadkit.methods.method import WeightedLoss
from vadkit.methods.reservoir import Reservoir
from vadkit.methods.segment_rows import RowsMethod
from vadkit.registry import Nested, build_spec

# Rows of different scenes are farther apart than any rows of one scene.
_APART = 1000.0
# The quantiles of the scores of people who were not fitted that become 0 and 1.
_USUAL = (0.5, 0.999)


class TrackDensity(RowsMethod):
    """How rare the motion, and the place and size, of the most unusual person of a frame are.

    It needs the features ``tracks``. Two parts are measured for each person: ``motion`` is the
    speed to the right and down in heights of the person per frame, ``shape`` the place of the feet,
    and the logarithms of the height and of height over width. A part is standardised over training
    people, and its density fitted on half of them; the other half tells what is usual: the median
    of its scores becomes 0, the 99.9% quantile 1. A person's score is the sum of both parts, and a
    frame's score that of its highest person. A frame without people has the lowest score of
    training. People whose speed is unknown, in the first frame of a track, have no score of motion.

    With features that have ``scenes``, ``shape`` is compared within the scene, if its density is
    ``knn``; other densities compare all scenes together, as ``motion`` does. At most ``samples``
    people, drawn at random, are kept.
    """

    scales: Tensor
    ranges: Tensor
    least: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        motion: Annotated[dict[str, Any], Nested("densities")] = {"type": "gmm"},  # noqa: B006
        shape: Annotated[dict[str, Any], Nested("densities")] = {"type": "knn", "k": 5},  # noqa: B006
        samples: Annotated[int, Field(ge=20)] = 60_000,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.parts: dict[str, Density] = nn.ModuleDict(  # type: ignore[assignment]
            {"motion": build_spec("densities", motion), "shape": build_spec("densities", shape)}
        )
        self.by_scene = shape["type"] == "knn"
        # Mean and deviation of the two numbers of motion and the four of shape.
        self.register_buffer("scales", torch.stack([torch.zeros(6), torch.ones(6)]))
        self.register_buffer("ranges", torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
        self.register_buffer("least", torch.zeros(()))
        self._sample = Reservoir(samples)

    def collect_rows(self, rows_TD: Tensor) -> None:
        _, people, known = people_of(rows_TD)
        if len(people):
            self._sample.add(people, known)

    def finalize(self) -> None:
        columns = self._sample.take()
        if not columns or len(columns[0]) < 20:
            raise TrainingError("track-density: the training videos have fewer than 20 people")
        people, known = columns
        values = people[:, :6]
        deviation = values.std(dim=0, correction=0).clamp(min=1e-6)
        self.scales.copy_(torch.stack([values.mean(dim=0), deviation]))
        half = torch.arange(len(people)) % 2 == 0
        for number, name in enumerate(self.parts):
            rows, use = (
                self._part(name, people),
                known if name == "motion" else torch.ones_like(known),
            )
            self.parts[name].fit(rows[half & use].cpu())
            scores = self.parts[name](rows[~half & use]).double()
            low, high = scores.quantile(torch.tensor(_USUAL, dtype=torch.float64)).tolist()
            self.ranges[number] = torch.tensor([low, max(high, low + 1e-6)])
        self.least.copy_(self._scores(people[~half], known[~half]).min())

    def row_scores(self, rows_TD: Tensor) -> Tensor:
        frame, people, known = people_of(rows_TD)
        scores = self.least.to(rows_TD.device).repeat(len(rows_TD))
        if len(people):
            own = self._scores(people, known).to(scores)
            scores = scores.scatter_reduce(0, frame, own, reduce="amax")
        return scores

    def _part(self, name: str, people: Tensor) -> Tensor:
        middle, deviation = self.scales.to(people.device)
        values = (people[:, :6] - middle) / deviation
        if name == "shape" and self.by_scene:
            return torch.cat([values[:, 2:], people[:, 6:] * _APART], dim=1)
        found: Tensor = values[:, :2] if name == "motion" else values[:, 2:]
        return found

    def _scores(self, people: Tensor, known: Tensor) -> Tensor:
        total = torch.zeros(len(people), device=people.device)
        for number, (name, density) in enumerate(self.parts.items()):
            low, high = self.ranges[number].tolist()
            own = (density(self._part(name, people)).to(total) - low) / (high - low)
            # Nothing is known about the speed of somebody who has just come.
            total += own if name == "shape" else own * known
        return total


def people_of(rows_TD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return frames (n,), numbers with the scene (n, 7), and whether speeds are known (n,).

    The numbers of a person are the speed to the right and down, the place of the feet, and the
    logarithms of the height and of height over width.
    """
    if (rows_TD.shape[1] - 1) % PERSON:
        raise TrainingError("this method needs the features 'tracks'")
    people = rows_TD[:, 1:].reshape(len(rows_TD), -1, PERSON)
    frame, place = torch.nonzero(people[:, :, 0] > 0, as_tuple=True)
    one = people[frame, place]
    x, y, tall, wide = one[:, 1:5].unbind(dim=1)
    shape = torch.stack([x, y, tall.log(), (tall / wide).log()], dim=1)
    return frame, torch.cat([one[:, 5:7], shape, rows_TD[frame, :1]], dim=1), one[:, 7] > 0
