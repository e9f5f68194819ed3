"""The joint density of speed, size and aspect of tracked people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.method import WeightedLoss
from vadkit.methods.reservoir import Reservoir
from vadkit.methods.segment_rows import RowsMethod
from vadkit.methods.track_density import people_of
from vadkit.registry import Nested, build_spec

# The columns of speed, height and height over width, and those of the place of the feet.
_BODY, _PLACE = [0, 1, 4, 5], [2, 3]


class TrackFlow(RowsMethod):
    """A normalising flow on tracked boxes: how rare speed, size and aspect are together.

    It needs the features ``tracks``, and no poses. The numbers of a person are the speed to the
    right and down in heights of the person per frame, and the logarithms of the height and of
    height over width; with ``place``, also the place of the feet. One ``density`` is fitted to all
    of them, so that the same speed can be usual for a small box and rare for a wide one. A frame
    has the score of its rarest person; a frame without people has the lowest score of training. A
    person whose speed is unknown, in the first frame of a track, has the median score of training.
    At most ``samples`` people, drawn at random, are kept.

    There is no paper. STG-NF (Hirschorn and Avidan, ICCV 2023) fits a normalising flow to poses.
    """

    usual: Tensor
    least: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        density: Annotated[dict[str, Any], Nested("densities")] = {"type": "real-nvp"},  # noqa: B006
        place: bool = False,
        samples: Annotated[int, Field(ge=20)] = 60_000,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.density = build_spec("densities", density)
        self.columns = _BODY + (_PLACE if place else [])
        # The median and the lowest score of training people.
        self.register_buffer("usual", torch.zeros(()))
        self.register_buffer("least", torch.zeros(()))
        self._sample = Reservoir(samples)

    def collect_rows(self, rows_TD: Tensor) -> None:
        _, people, known = people_of(rows_TD)
        if known.any():
            self._sample.add(people[known][:, self.columns])

    def finalize(self) -> None:
        """Raises ``TrainingError`` for fewer than 20 people with a known speed."""
        columns = self._sample.take()
        if not columns or len(columns[0]) < 20:
            raise TrainingError("track-flow: the training videos have fewer than 20 people")
        (people,) = columns
        self.density.fit(people.cpu())
        scores = self.density(people.to(self.usual.device))
        self.usual.copy_(scores.median())
        self.least.copy_(scores.min())

    @torch.no_grad()
    def row_scores(self, rows_TD: Tensor) -> Tensor:
        frame, people, known = people_of(rows_TD)
        scores = self.least.to(rows_TD.device).repeat(len(rows_TD))
        if len(people):
            own = torch.where(known, self.density(people[:, self.columns]).to(scores), self.usual)
            scores = scores.scatter_reduce(0, frame, own, reduce="amax")
        return scores
