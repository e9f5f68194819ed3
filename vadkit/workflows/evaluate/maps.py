"""Evaluate score maps and detections by the evaluators that a run and its data allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from vadkit.recipe import Recipe, Spec
from vadkit.registry import build, find
from vadkit.workflows.build import load_videos
from vadkit.workflows.detections import detections_path, tracks_of, truth_of
from vadkit.workflows.progress import say
from vadkit.workflows.saved_maps import current_maps

if TYPE_CHECKING:
    from vadkit.data.videos import Video
    from vadkit.evaluation.metrics import Metric, ProtocolSummary, Setting
    from vadkit.workflows.evaluate.protocols import LabelledScores

T = TypeVar("T")

# The evaluators of `--maps` if the recipe names none: unchanged maps, and smoothed maps, because
# unsmoothed pixel errors break into too many regions. The sigma is a round number and is not tuned.
MAP_EVALUATORS = [
    Spec.model_validate({"type": name, "sigma": sigma})
    for sigma in (0.0, 5.0)
    for name in ("pixel-auc", "region-detection")
]


# What `--maps` adds for a method that scores objects.
OBJECT_EVALUATOR = Spec.model_validate({"type": "region-detection", "source": "detections"})
_OF_MAPS = "resized bilinearly to the masks, frames without a map dropped"


@dataclass(frozen=True)
class MapResults:
    """The metrics of score maps and detections.

    ``missing`` gives a reason for each evaluator without a result.
    """

    metrics: list[Metric] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def is_of_detections(spec: Spec) -> bool:
    """Whether an evaluator of a recipe compares detections, not maps."""
    return spec.params.get("source") == "detections"


def default_evaluators(meta: Mapping[str, Any]) -> list[Spec]:
    """Return the evaluators of `--maps` for saved scores, if the recipe names none."""
    return [*MAP_EVALUATORS, *([OBJECT_EVALUATOR] if meta.get("detections") else [])]


def split_evaluators(specs: Sequence[Spec]) -> tuple[list[Spec], list[Spec]]:
    """Split evaluators into those of frame scores and those of score maps.

    Evaluators of pseudo-anomalies are in neither list, see ``vadkit.workflows.pseudo``.
    """
    needs = [getattr(find("evaluators", spec.type).load(), "needs", "scores") for spec in specs]
    of_frames = [spec for spec, need in zip(specs, needs, strict=True) if need == "scores"]
    of_maps = [spec for spec, need in zip(specs, needs, strict=True) if need.startswith("masks")]
    return of_frames, of_maps


def evaluate_maps(
    run: Path,
    recipe: Recipe,
    scored: LabelledScores,
    meta: Mapping[str, Any],
    evaluators: Sequence[Spec],
) -> MapResults:
    """Evaluate the maps and the detections of the checkpoint that made the saved scores.

    ``scored`` and ``meta`` are the scores and their record, see ``score_run``. Maps are computed if
    there are none of that checkpoint. If the method has no maps or detections, or the data has no
    masks, the result says so.
    """
    from vadkit.evaluation.metrics import Setting

    if not evaluators:
        return MapResults()
    videos = {video.id: video for video in load_videos(recipe, "test")}
    kept = [videos[name] for name in meta["videos"]]
    truth = {"masks": "no pixel masks", "masks or tracks": "neither pixel masks nor tracks"}
    missing: dict[str, str] = {}
    wanted: list[tuple[Spec, Any, list[Video]]] = []
    for spec in evaluators:
        evaluator = build("evaluators", spec.type, spec.params)
        usable = [one for one in kept if _can_measure(one, evaluator.needs, scored)]
        if usable and any(_labelled(one, evaluator.needs) for one in usable):
            wanted.append((spec, evaluator, usable))
        else:
            missing[spec.type] = f"dataset '{recipe.dataset.type}' has {truth[evaluator.needs]}"
    if not wanted:
        return MapResults([], missing)
    metrics: list[Metric] = []
    maps: Callable[[str], np.ndarray] | None = None
    if any(not _of_detections(evaluator) for _, evaluator, _ in wanted):
        maps = current_maps(run, recipe, kept, meta)
    for spec, evaluator, usable in wanted:
        own = {one.id: one for one in usable}
        without = len(kept) - len(own)
        say(f"{spec.type}: {len(own)} videos")
        if _of_detections(evaluator):
            if not meta.get("detections"):
                missing[spec.type] = f"method '{recipe.method.type}' detects no objects"
                continue
            setting = Setting(_protocol("raw detections", scored.checkpoint, without))
            metrics += _evaluate_detections(evaluator, run, own, scored, setting)
        elif maps is None:
            missing[spec.type] = f"method '{recipe.method.type}' returns no score maps"
        else:
            setting = Setting(_protocol("raw maps", scored.checkpoint, without, _OF_MAPS))
            metrics += _evaluate_maps(evaluator, own, maps, setting)
    return MapResults(metrics, missing)


def _of_detections(evaluator: Any) -> bool:
    return getattr(evaluator, "source", "maps") == "detections"


def _evaluate_maps(
    evaluator: Any,
    videos: Mapping[str, Video],
    maps: Callable[[str], np.ndarray],
    setting: Setting,
) -> list[Metric]:
    folder: Mapping[str, np.ndarray] = _Lazy(list(videos), maps)
    found: list[Metric]
    if evaluator.needs == "masks":
        found = evaluator(folder, _masks(videos, maps), setting)
    else:
        tracks = {name: tracks_of(one) for name, one in videos.items() if one.tracks}
        untracked = {name: one for name, one in videos.items() if not one.tracks}
        found = evaluator(folder, _masks(untracked, maps), setting, tracks=tracks)
    return found


def _evaluate_detections(
    evaluator: Any,
    run: Path,
    videos: Mapping[str, Video],
    scored: LabelledScores,
    setting: Setting,
) -> list[Metric]:
    from vadkit.data.detections import read_detections

    rows = read_detections(detections_path(run))
    found: list[Metric] = evaluator.of_detections(
        {video: one for video, one in rows.items() if video in videos},
        _Lazy(list(videos), lambda name: truth_of(videos[name])),
        {name: len(scored.scores[name]) for name in videos},
        setting,
    )
    return found


class _Lazy(Mapping[str, T]):
    """Values by video, loaded each time they are requested, so that only one is in memory."""

    def __init__(self, videos: Sequence[str], load: Callable[[str], T]) -> None:
        self._videos, self._load = videos, load

    def __getitem__(self, video: str) -> T:
        return self._load(video)

    def __iter__(self) -> Iterator[str]:
        return iter(self._videos)

    def __len__(self) -> int:
        return len(self._videos)


def _labelled(video: Video, needs: str) -> bool:
    return video.masks is not None or (needs != "masks" and video.tracks is not None)


def _can_measure(video: Video, needs: str, scored: LabelledScores) -> bool:
    """Whether masks or tracks exist, or would be empty because every frame is normal."""
    return _labelled(video, needs) or not scored.labels[video.id].any()


def _masks(
    videos: Mapping[str, Video], maps: Callable[[str], np.ndarray]
) -> Mapping[str, np.ndarray]:
    def load(name: str) -> np.ndarray:
        video = videos[name]
        if video.masks is not None:
            return video.masks()
        # A normal video without masks: no pixel is abnormal.
        return np.zeros((len(maps(name)), *_size(video)), bool)

    return _Lazy(list(videos), load)


def _size(video: Video) -> tuple[int, int]:
    from vadkit.data.decoding.decode import probe

    return probe(video.path).size


def _protocol(name: str, checkpoint: str, without: int, steps: str = "") -> ProtocolSummary:
    from vadkit.evaluation.metrics import ProtocolSummary

    left_out = f"{without} videos without masks left out" if without else ""
    words = [steps, left_out, f"checkpoint {checkpoint}"]
    return ProtocolSummary(name, ", ".join(filter(None, words)))
