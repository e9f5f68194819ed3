"""Several methods in one, compared on the scale of normal video; the highest counts."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.fusion.held_out import Folds
from vadkit.methods.fusion.parts import (
    PartInput,
    fewest_frames,
    fused_clip,
    part_can_ignore,
    part_defaults,
)
from vadkit.methods.fusion.scale import Scale
from vadkit.methods.method import Evidence, Method, Scores, WeightedLoss
from vadkit.registry import Nested, build_spec

# With fewer held-out clips than this, parts cannot be compared.
_FEW = 200

_T = TypeVar("_T")
_log = logging.getLogger("vadkit.methods")


class Fusion(Method):
    """Several methods in one run; the score of a frame is that of the part it is highest for.

    ``parts`` gives names to methods without gradients. Every part is fitted on all training video.
    In addition, parts fitted without one of the ``folds`` score that held-out fold. These scores
    define the scale of each part: 0 is the median of normal video, and 1 is the score that 2% of it
    exceed (``Scale``). Videos are distributed over the folds as a whole, in groups of consecutive
    videos; with fewer than 4 videos per fold, they are cut into segments.

    A frame's score is the highest level of its parts, and so is each cell of its map. A part that
    is restless on normal video has a wide scale and speaks up less; no labels are needed to weight
    the parts. ``Scores.parts`` has the level of each part. docs/appearance-and-fusion.md compares
    this with rarities, sums and ranks. With fewer than 200 held-out frames, no scale is known well
    enough: the first part counts alone, the others have no score, and a warning says so.

    A clip is as long as the longest part needs; each part gets as many frames as in its own
    defaults, around the scored frame. If a part uses colour, clips have it; parts that work on gray
    frames get the grey levels. Raises ``TrainingError`` if no clips can be held out.
    """

    # Flow and objects belong to the parts, and so does the clip if the parts are not the default
    # ones.
    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 11, "size": [240, 360], "channels": "gray"},
        "train": {"epochs": 1, "batch_size": 16},
    }

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        parts: Annotated[dict[str, dict[str, Any]], Nested("methods", "roles")] = {  # noqa: B006
            "motion": {"type": "motion-field"},
            "scene": {"type": "scene-bank"},
        },
        folds: Annotated[int, Field(ge=2, le=10)] = 2,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.specs, self.folds = parts, folds
        self.views = {name: PartInput.of(name, spec, clip) for name, spec in parts.items()}
        self.parts = nn.ModuleDict(self._build())
        self.scales = nn.ModuleDict({name: Scale() for name in parts})
        self._held = Folds(folds, clip.span)
        self._pass = 0
        # For each fold, methods that have not seen it, and their scores.
        self._blind: list[dict[str, Method]] = []
        self._scores: dict[str, list[Tensor]] = {name: [] for name in parts}
        self._times: list[tuple[int, int]] = []
        self._held_out: dict[int, tuple[Tensor, Tensor]] = {}
        # The length of the features of `encode`, by part.
        self._shapes: dict[str, tuple[int, ...]] = {}

    def _build(self) -> dict[str, Method]:
        return {
            name: build_spec("methods", spec, {}, {}, self.views[name].clip)
            for name, spec in self.specs.items()
        }

    @classmethod
    def defaults_for(cls, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return common settings of all parts: longest clip, largest size, first flow."""
        defaults = {name: part_defaults(name, spec) for name, spec in params["parts"].items()}
        if not defaults:
            raise ValueError("parts: name at least one method")
        found = list(defaults.values())
        sizes = [one["clip"]["size"] for one in found]
        clip = {
            "frames": fewest_frames(params["parts"]),
            "size": max(sizes, key=lambda size: size[0] * size[1]),
            "channels": "rgb" if any(one["clip"]["channels"] == "rgb" for one in found) else "gray",
        }
        more = {
            section: one[section]
            for one in reversed(found)
            for section in ("flow", "objects")
            if section in one
        }
        return {**cls.defaults, "clip": clip, **more}

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        return ClipSpec(frames, size, channels, (frames - 1,), step)

    @classmethod
    def clip_for(
        cls, clip: ClipSpec, params: Mapping[str, Any], networks: Collection[str]
    ) -> ClipSpec:
        return fused_clip(clip, params["parts"])

    @property
    def passes(self) -> int:  # type: ignore[override]
        """The largest number of passes of a part, and one to score held-out clips."""
        return max(part.passes for part in self._parts().values()) + 1

    @property
    def encoded_frames(self) -> int:  # type: ignore[override]
        """The largest number of a part; 0 unless all parts use features."""
        each = {name: part.encoded_frames for name, part in self._parts().items()}
        most = max(each.values())
        # The features of a clip start with its frame number `most - 1`.
        fits = all(self.views[name].start + each[name] >= most for name in each)
        return most if fits and all(each.values()) else 0

    @classmethod
    def can_ignore(cls, params: Mapping[str, Any]) -> bool:
        """Whether every part leaves ignored places out."""
        return all(part_can_ignore(name, spec) for name, spec in params["parts"].items())

    def ignore(self, places: Tensor | None) -> None:
        super().ignore(places)
        for parts in (self._parts(), *self._blind):
            for part in parts.values():
                part.ignore(places)

    @property
    def accepts(self) -> bool:  # type: ignore[override]
        """Whether all parts accept video."""
        return all(part.accepts for part in self._parts().values())

    def accept(self, clips: Clips) -> None:
        for name, part in self._parts().items():
            part.accept(self.views[name].take(clips))

    def settle(self) -> None:
        """End the stretch for all parts; the scales stay as they are."""
        for part in self._parts().values():
            part.settle()

    def _scale(self, name: str) -> Scale:
        return cast(Scale, self.scales[name])

    def _counted(self, found: Mapping[str, _T]) -> dict[str, _T]:
        """Return what belongs to the parts that count."""
        return {name: one for name, one in found.items() if bool(self._scale(name).counts)}

    def _parts(self) -> dict[str, Method]:
        return {name: cast(Method, part) for name, part in self.parts.items()}

    def expect(self, clips: Sequence[int]) -> None:
        self._held.expect(clips)
        if self._held.stretches > 1:
            _log.warning(
                "fusion calibrates on %d segments of each of %d training videos, because there "
                "are too few videos to hold whole ones out",
                self._held.stretches,
                len(clips),
            )
        device = next(self.buffers()).device
        self._blind = [self._build() for _ in range(self.folds)]
        for parts in (self._parts(), *self._blind):
            for method in parts.values():
                method.to(device).eval()
                method.expect(clips)
        self.ignore(self.ignored)
        self._pass, self._held_out = 0, {}

    def collect(self, clips: Clips) -> None:
        """Run the passes of the parts, with and without each fold; then score the folds."""
        dealt = self._held.deal(clips)
        last = self._pass + 1 == self.passes
        # Taken once: the parts of all folds see the same.
        taken = {
            name: self.views[name].take(clips)
            for name, part in self._parts().items()
            if last or (part.collects and self._pass < part.passes)
        }
        if not last:
            self._show(self._parts(), taken)
        for fold, blind in enumerate(self._blind):
            chosen = [
                number
                for number, place in enumerate(dealt)
                if (place.fold == fold and place.clear if last else place.fold != fold)
            ]
            if not chosen:
                continue
            picked = taken
            if len(chosen) < len(clips):
                picked = {name: one.pick(chosen) for name, one in taken.items()}
            if last:
                self._times += [(dealt[n].video, dealt[n].number) for n in chosen]
                self._ask(blind, picked)
            else:
                self._show(blind, picked)

    def _show(self, parts: Mapping[str, Method], taken: Mapping[str, Clips]) -> None:
        for name, clips in taken.items():
            parts[name].collect(clips)

    def _ask(self, parts: Mapping[str, Method], taken: Mapping[str, Clips]) -> None:
        for name, clips in taken.items():
            scores = parts[name].score(clips)
            self._scores[name].append(scores.frames.float().flatten().cpu())

    def finalize(self) -> None:
        if self._pass + 1 == self.passes:
            self._calibrate()
        else:
            for parts in (self._parts(), *self._blind):
                for name, part in parts.items():
                    if part.collects and self._pass < part.passes:
                        _finalize(name, part)
        self._pass = (self._pass + 1) % self.passes
        self._held.restart()

    def _calibrate(self) -> None:
        videos, numbers = torch.tensor(self._times, dtype=torch.long).view(-1, 2).T
        levels, fewest = {}, _FEW
        for name in self.specs:
            scores = torch.cat(self._scores[name]) if len(numbers) else torch.zeros(0)
            count = int((~scores.isnan()).sum())
            if not count:
                raise TrainingError(f"part '{name}' of fusion scored no held-out frame")
            fewest = min(fewest, count)
            scale = self._scale(name)
            scale.fit(scores)
            levels[name] = scale(scores.to(scale.levels.device)).cpu()
            self._scores[name] = []
        first, *others = self.specs
        for name in others:
            self._scale(name).counts.fill_(fewest >= _FEW)
        fused = _highest(list(self._counted(levels).values()))
        self._held_out = {
            int(video): (numbers[videos == video], fused[videos == video])
            for video in videos.unique()
        }
        self._blind, self._times = [], []
        if others and fewest < _FEW:
            _log.warning(
                "fusion has %d frames to compare its parts on, and needs %d: only part '%s' counts;"
                " train with more video",
                fewest,
                _FEW,
                first,
            )

    def held_out(self) -> dict[int, tuple[Tensor, Tensor]]:
        return self._held_out

    @torch.no_grad()
    def encode(self, clips: Clips) -> Tensor:
        """Return the concatenated features of all parts that count, (B, F)."""
        features = {
            name: part.encode(self.views[name].window(clips, part.encoded_frames))
            for name, part in self._counted(self._parts()).items()
        }
        self._shapes = {name: tuple(one.shape[1:]) for name, one in features.items()}
        return torch.cat([one.flatten(1) for one in features.values()], dim=1)

    @torch.no_grad()
    def score_encoded(self, features: Tensor) -> Scores:
        """Return scores of clips from their features (B, N, F), which ``encode`` has computed."""
        parts, rows = self._parts(), self._features_of_parts(features)
        return self._fused({name: parts[name].score_encoded(one) for name, one in rows.items()})

    def _features_of_parts(self, features: Tensor) -> dict[str, Tensor]:
        """Return the features (B, n, ...) of the clips of each part that was encoded."""
        sizes = [math.prod(shape) for shape in self._shapes.values()]
        found = {}
        for (name, shape), rows in zip(
            self._shapes.items(), features.split(sizes, dim=2), strict=True
        ):
            part, view = self._parts()[name], self.views[name]
            first = view.start + part.encoded_frames - self.encoded_frames
            count = view.clip.frames - part.encoded_frames + 1
            found[name] = rows[:, first : first + count].unflatten(2, shape)
        return found

    @torch.no_grad()
    def explain_encoded(self, features: Tensor) -> dict[str, Evidence]:
        """Return the evidence of the parts as levels, by the names of part and kind."""
        parts, rows = self._parts(), self._features_of_parts(features)
        return self._explained(
            {name: parts[name].explain_encoded(one) for name, one in rows.items()}
        )

    @torch.no_grad()
    def explain(self, clips: Clips) -> dict[str, Evidence]:
        parts = self._counted(self._parts()).items()
        return self._explained(
            {name: part.explain(self.views[name].take(clips)) for name, part in parts}
        )

    def _explained(self, found: Mapping[str, Mapping[str, Evidence]]) -> dict[str, Evidence]:
        sizes = [one.scores.shape[-2:] for kinds in found.values() for one in kinds.values()]
        fine = max(sizes, key=math.prod, default=None)
        return {
            f"{part}.{kind}": _levelled(one, self._scale(part), fine)
            for part, kinds in found.items()
            for kind, one in kinds.items()
        }

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        parts = self._counted(self._parts()).items()
        return self._fused({name: part.score(self.views[name].take(clips)) for name, part in parts})

    def _fused(self, found: Mapping[str, Scores]) -> Scores:
        parts = {name: self._scale(name)(scores.frames) for name, scores in found.items()}
        maps = [
            self._scale(name)(scores.maps)
            for name, scores in found.items()
            if scores.maps is not None
        ]
        fine = max((one.shape[-2:] for one in maps), key=math.prod, default=None)
        maps = [
            one
            if one.shape[-2:] == fine
            else functional.interpolate(one, fine, mode="bilinear", align_corners=False)
            for one in maps
        ]
        return Scores(_highest(list(parts.values())), _highest(maps) if maps else None, parts=parts)


def _finalize(name: str, part: Method) -> None:
    try:
        part.finalize()
    except TrainingError as error:
        raise TrainingError(f"part '{name}' of fusion: {error}") from error


def _levelled(one: Evidence, scale: Scale, size: Any) -> Evidence:
    """Return evidence as levels, in maps of this size."""

    def fit(cells: Tensor) -> Tensor:
        return cells if cells.shape[-2:] == size else functional.interpolate(cells, size)

    values = {name: fit(value.float()) for name, value in one.values.items()}
    # What is not there keeps its minus infinity.
    return Evidence(fit(scale(one.scores)), fit(scale(one.own)), values)


def _highest(levels: list[Tensor]) -> Tensor:
    """Return the highest level of several parts; NaN only if all are NaN."""
    highest = torch.stack(levels).nan_to_num(nan=-torch.inf, posinf=torch.inf).amax(dim=0)
    return torch.where(highest.isneginf(), torch.nan, highest)
