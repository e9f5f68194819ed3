"""Features of objects, cells or frames, with densities of those seen in training."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.densities.density import Density
from vadkit.errors import DataError, TrainingError
from vadkit.features.feature import Feature, grid_boxes
from vadkit.methods.method import Method, Scores, WeightedLoss
from vadkit.methods.objects import counted, detected, highest, painted
from vadkit.methods.reservoir import Reservoir
from vadkit.registry import Nested, build_spec, find

Of = Literal["objects", "cells", "frame"]
Grid = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
# The quantiles of training scores that become 0 and 1: the lowest, and the 99.9th percentile.
_USUAL = 0.999


class Part(NamedTuple):
    """A feature and the density of its rows.

    ``name`` is the name of its scores; ``place`` is the position of its component in the
    parameters.
    """

    name: str
    place: str
    feature: Mapping[str, Any]
    density: Mapping[str, Any]


class DensityMethod(Method):
    """Base class of methods with features and densities; ``parts_of`` returns the parts.

    Each part scores the regions of a frame separately. Its scores are calibrated: 0 is the lowest
    and 1 the 99.9th percentile of the scores of training regions, computed with their video held
    out. For this, videos are distributed over ``folds``, and each fold is scored by a density of
    the rows of the others. If there are fewer videos than folds, videos are cut into segments
    instead. The score of a region is the sum over parts; the score of a frame is that of its
    highest region. A part without a row for a region adds 0. At most ``samples`` regions, drawn at
    random from all training clips, are kept.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 2, "size": [240, 360], "channels": "gray"},
        "flow": {"type": "dis", "preset": "fast", "upscale": 2},
        "objects": {"type": "blobs"},
        "train": {"epochs": 1, "batch_size": 8},
    }
    ranges: Tensor
    sizes: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        parts: Sequence[Part],
        *,
        of: Of,
        grid: Grid,
        samples: int,
        folds: int,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.of, self.grid, self.folds = of, grid, folds
        self.names = [part.name for part in parts]
        self.places = [part.place for part in parts]
        self.features: Sequence[Feature] = nn.ModuleList(  # type: ignore[assignment]
            build_spec("features", part.feature) for part in parts
        )
        self.densities: Sequence[Density] = nn.ModuleList(  # type: ignore[assignment]
            build_spec("densities", part.density) for part in parts
        )
        # For each part: the scores that become 0 and 1, and the length of its rows.
        self.register_buffer("ranges", torch.tensor([[0.0, 1.0]] * len(parts)))
        self.register_buffer("sizes", torch.zeros(len(parts), dtype=torch.long))
        self._sample = Reservoir(samples)
        self._seen = 0

    @classmethod
    def parts_of(cls, params: Mapping[str, Any]) -> list[Part]:
        """Return the parts for the recipe's parameters."""
        raise NotImplementedError

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames < 2:
            raise ValueError(f"features of motion need 2 frames or more; got {frames}")
        last = frames - 1
        return ClipSpec(frames, size, channels, (last,), step, flow=(last,), boxes=last)

    @classmethod
    def clip_for(
        cls, clip: ClipSpec, params: Mapping[str, Any], networks: Collection[str]
    ) -> ClipSpec:
        given, flow = [], False
        for part in cls.parts_of(params):
            kind: Any = find("features", part.feature["type"]).load()
            flow |= getattr(kind, "flow", False)
            if getattr(kind, "from_file", False):
                given.append(part.place)
        return replace(
            clip,
            flow=clip.flow if flow else (),
            boxes=clip.boxes if params.get("of", "objects") == "objects" else None,
            given=tuple(given),
        )

    @classmethod
    def can_ignore(cls, params: Mapping[str, Any]) -> bool:
        return bool(params.get("of", "objects") != "frame")

    def _regions(self, clips: Clips) -> Sequence[Tensor]:
        if self.of == "objects":
            assert clips.boxes is not None
            return clips.boxes
        grid = (1, 1) if self.of == "frame" else self.grid
        boxes = grid_boxes(grid, self.clip.size).to(clips.frames.device)
        return [boxes] * len(clips)

    def _rows(self, clips: Clips, regions: Sequence[Tensor]) -> list[Tensor]:
        """Return rows (N, F) of all regions, for each part."""
        found = []
        for place, feature in zip(self.places, self.features, strict=True):
            source: Any = clips
            if getattr(feature, "from_file", False):
                assert clips.given is not None
                source = clips.given[place]
            found.append(feature(source, regions).float())
        return found

    @property
    def accepts(self) -> bool:  # type: ignore[override]
        """Whether rows can be added to every density."""
        return all(density.adds for density in self.densities)

    def accept(self, clips: Clips) -> None:
        self.collect(clips)

    def settle(self) -> None:
        """Add the rows to the densities; what 0 and 1 are stays the same."""
        for rows, density in zip(self._sample.take(), self.densities, strict=False):
            known = rows[~rows.isnan().any(dim=1)]
            if len(known):
                density.add(known)

    @torch.no_grad()
    def collect(self, clips: Clips) -> None:
        with torch.autocast(clips.frames.device.type, enabled=False):
            regions = self._regions(clips)
            rows = self._rows(clips, regions)
        numbers = self._seen + torch.arange(len(clips))
        self._seen += len(clips)
        videos = torch.zeros(len(clips), dtype=torch.long) if clips.videos is None else clips.videos
        counts = torch.tensor([len(one) for one in regions])
        self._sample.add(*rows, videos.repeat_interleave(counts), numbers.repeat_interleave(counts))

    def finalize(self) -> None:
        """Calibrate and fit each part. Raises ``TrainingError`` if there are too few rows."""
        columns = self._sample.take()
        found = len(columns[0]) if columns else 0
        if not found:
            raise TrainingError(
                f"no {self.of} in the training videos to learn from; check what `objects` finds"
            )
        *parts, videos, numbers = columns
        folds = _folds(videos, numbers, self.folds)
        for place, (rows, density) in enumerate(zip(parts, self.densities, strict=True)):
            known = ~rows.isnan().any(dim=1)
            if not known.any():
                raise TrainingError(
                    f"{self.names[place]} has no row for any of {found} {self.of} of the training "
                    "videos; do its files refer to the same positions?"
                )
            rows = rows[known]
            low, high = _usual_range(density, rows, folds[known])
            density.fit(rows)
            self.ranges[place] = torch.tensor([low, high])
            self.sizes[place] = rows.shape[1]

    def _of_parts(self, rows: Sequence[Tensor]) -> Tensor:
        """Return calibrated scores (P, N) of regions; 0 if a part has no row for a region."""
        found = []
        for place, (density, values) in enumerate(zip(self.densities, rows, strict=True)):
            if len(values) and values.shape[1] != self.sizes[place]:
                raise DataError(
                    f"{self.names[place]} has rows of {values.shape[1]} numbers, but was trained "
                    f"on rows of {int(self.sizes[place])}"
                )
            known = ~values.isnan().any(dim=1)
            scores = values.new_zeros(len(values))
            if known.any():
                low, high = self.ranges[place]
                scores[known] = (density(values[known]) - low) / (high - low)
            found.append(scores)
        return torch.stack(found)

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        """Return frame scores and maps: for objects at the clip's size, else a value per cell."""
        with torch.autocast(clips.frames.device.type, enabled=False):
            regions = self._regions(clips)
            of_parts = self._of_parts(self._rows(clips, regions))
        of_parts = counted(of_parts, regions, self.ignored, of_parts.new_zeros(len(of_parts)))
        fused, lowest = of_parts.sum(dim=0), of_parts.new_zeros(())
        maps = objects = None
        if self.of == "objects":
            objects = detected(fused, regions)
            maps = painted(fused, regions, self.clip.size, lowest)[:, None]
        elif self.of == "cells":
            maps = fused.view(len(clips), 1, *self.grid)
        parts = {
            name: highest(each, regions, lowest)[:, None]
            for name, each in zip(self.names, of_parts, strict=True)
        }
        frames = highest(fused, regions, lowest)[:, None]
        return Scores(frames, maps, parts=parts, objects=objects)


class FeatureDensity(DensityMethod):
    """Rarity of features of objects, cells or whole frames among those seen in training.

    Each of ``features`` returns a row of numbers for each region of a clip's last frame: its
    objects, the cells of a ``grid`` of rows and columns, or the frame. A ``density`` is fitted on
    the training rows of each feature separately. The scores of each feature are calibrated: 0 is
    the lowest and 1 the 99.9th percentile over training regions, with their videos held out in
    ``folds`` folds. They are summed over features for each region. The frame has the score of its
    highest region, at least 0. At most ``samples`` regions, drawn at random, are used for training.

    There is no paper. AI-VAD (Reiss and Hoshen, 2022) combines densities in this way, and
    ``ai-vad`` is its choice of features. Flow and objects are computed only if the parameters need
    them. The first ``clip.frames - 1`` frames of a video have no score.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        features: Annotated[list[dict[str, Any]], Nested("features", "list"), Field(min_length=1)],
        density: Annotated[dict[str, Any], Nested("densities")],
        of: Of = "objects",
        grid: Grid = (12, 18),
        samples: Annotated[int, Field(ge=2)] = 20_000,
        folds: Annotated[int, Field(ge=2)] = 4,
    ) -> None:
        parts = self.parts_of({"features": features, "density": density})
        super().__init__(
            networks, losses, clip, parts, of=of, grid=grid, samples=samples, folds=folds
        )

    @classmethod
    def parts_of(cls, params: Mapping[str, Any]) -> list[Part]:
        """Return one part for each feature, all with the same kind of density."""
        names = _names([feature["type"] for feature in params["features"]])
        return [
            Part(name, f"features.{number}", feature, params["density"])
            for number, (name, feature) in enumerate(zip(names, params["features"], strict=True))
        ]


def _names(types: Sequence[str]) -> list[str]:
    """Return the name of each part's feature, numbered if a kind occurs twice."""
    return [
        kind if types.count(kind) == 1 else f"{kind}-{types[: place + 1].count(kind)}"
        for place, kind in enumerate(types)
    ]


def _folds(videos_N: Tensor, numbers_N: Tensor, folds: int) -> Tensor:
    """Return the fold (N,) of each row: whole videos, or segments if there are too few videos."""
    known, video = videos_N.unique(return_inverse=True)
    if len(known) >= folds:
        fold: Tensor = video % folds
    else:
        frames, frame = numbers_N.unique(return_inverse=True)
        fold = frame * folds // len(frames)
    return fold


def _usual_range(density: Density, rows_NF: Tensor, folds_N: Tensor) -> tuple[float, float]:
    """Return the lowest and the 99.9th percentile of held-out scores, which always differ."""
    held = []
    for fold in folds_N.unique().tolist():
        mine = folds_N == fold
        if mine.all():
            raise TrainingError("all training rows are in one fold; train on more video")
        other = copy.deepcopy(density)
        other.fit(rows_NF[~mine])
        held.append(other(rows_NF[mine].to(_device(other))).cpu())
    scores = torch.cat(held)
    low, high = scores.min().item(), scores.quantile(_USUAL).item()
    # Identical rows have no range, but an anomaly must not get an infinite score.
    return low, max(high, low + 1e-6 * max(1.0, abs(low)))


def _device(module: nn.Module) -> torch.device:
    return next(module.buffers()).device
