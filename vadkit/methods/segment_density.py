"""A density of any features of segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.videos import ClipSpec
from vadkit.densities.density import Density
from vadkit.errors import TrainingError
from vadkit.methods.method import WeightedLoss
from vadkit.methods.reservoir import Reservoir
from vadkit.methods.segment_rows import RowsMethod
from vadkit.registry import Nested, build_spec


class SegmentDensity(RowsMethod):
    """How rare the features of a segment are among those of normal training video.

    ``density`` is any density, such as ``mulde`` (Micorek et al., CVPR 2024) on features of any
    extractor. Each feature is first brought to mean 0 and deviation 1 over the training rows,
    unless ``standard`` is false. At most ``samples`` rows, drawn at random, are kept.
    """

    middle: Tensor
    spread: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        density: Annotated[dict[str, Any], Nested("densities")] = {"type": "knn", "k": 3},  # noqa: B006
        standard: bool = True,
        samples: Annotated[int, Field(ge=2)] = 50_000,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.density: Density = build_spec("densities", density)
        self.standard = standard
        self.register_buffer("middle", torch.zeros(clip.dim or 0))
        self.register_buffer("spread", torch.ones(clip.dim or 0))
        self._sample = Reservoir(samples)

    def collect_rows(self, rows_TD: Tensor) -> None:
        self._sample.add(rows_TD.float())

    def finalize(self) -> None:
        columns = self._sample.take()
        if not columns:
            raise TrainingError("segment-density: no training video has a segment")
        (rows,) = columns
        if self.standard:
            self.middle.copy_(rows.mean(dim=0))
            # A feature that never varies has no say.
            deviation = rows.std(dim=0, correction=0)
            self.spread.copy_(torch.where(deviation > 1e-6, deviation, torch.ones(())))
        self.density.fit(self._scaled(rows))

    def row_scores(self, rows_TD: Tensor) -> Tensor:
        found: Tensor = self.density(self._scaled(rows_TD.float()))
        return found

    def _scaled(self, rows_TD: Tensor) -> Tensor:
        return (rows_TD - self.middle.to(rows_TD.device)) / self.spread.to(rows_TD.device)
