"""Test a method on pseudo-anomalies, which are made from held-out training videos."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.data.videos import ClipSpec
from vadkit.device import pick_device, pick_precision
from vadkit.errors import DataError, RecipeError
from vadkit.recipe import Recipe, Spec
from vadkit.registry import build, find, params_model
from vadkit.workflows.build import build_clip, load_method, load_videos
from vadkit.workflows.frames import load_extras, store_videos, storing
from vadkit.workflows.progress import clip_progress, decoding_progress
from vadkit.workflows.rates import frame_rates
from vadkit.workflows.run import read_manifest

if TYPE_CHECKING:
    from vadkit.data.clips.extras import Extras
    from vadkit.data.pseudo.stored import Kind, PseudoClip
    from vadkit.data.store.stored_video import StoredVideo
    from vadkit.data.videos import FrameReader, Video
    from vadkit.evaluation.metrics import Metric
    from vadkit.evaluation.pseudo_anomaly import PseudoAnomaly
    from vadkit.methods.method import Method

NEEDS = "pseudo-anomalies"
# The number of frames before a clip from which a finder of objects may learn the background.
_SEEN_BEFORE = 100


def pseudo_evaluator(recipe: Recipe) -> PseudoAnomaly | None:
    """Return the recipe's evaluator of pseudo-anomalies, or the default one if a hook needs one.

    Returns None otherwise; then no video is held out of training.
    """
    for spec in recipe.evaluators:
        if getattr(find("evaluators", spec.type).load(), "needs", None) == NEEDS:
            return _built(spec)
    if any(
        spec.type == "evaluate" and spec.params.get("on") == "pseudo-anomaly"
        for spec in recipe.hooks
    ):
        return _built(Spec(type="pseudo-anomaly"))
    return None


def _built(spec: Spec) -> PseudoAnomaly:
    evaluator: PseudoAnomaly = build("evaluators", spec.type, spec.params)
    return evaluator


def hold_out(videos: Sequence[Video], evaluator: PseudoAnomaly) -> tuple[list[Video], list[Video]]:
    """Split videos into those to train on and those to hold out, by the evaluator's seed.

    Raises ``DataError`` if there are too few videos to hold one out.
    """
    if len(videos) < 2:
        raise DataError(
            "pseudo-anomalies are made from videos that are held out of training, but there is "
            f"only {len(videos)} training video; give two or more, such as the parts of a long one"
        )
    count = min(max(1, round(evaluator.share * len(videos))), len(videos) - 1)
    drawn = np.random.default_rng(evaluator.seed).permutation(len(videos))[:count]
    held = set(drawn.tolist())
    rest = [video for number, video in enumerate(videos) if number not in held]
    return rest, [video for number, video in enumerate(videos) if number in held]


@dataclass(frozen=True)
class PseudoTest:
    """Unedited held-out videos, and clips made from them, with the flow and boxes of each."""

    recipe: Recipe
    evaluator: PseudoAnomaly
    untouched: Sequence[FrameReader]
    extras: Sequence[Extras]
    clips: Sequence[PseudoClip]
    clip_extras: Sequence[Extras]
    rates: dict[str, float]

    def __call__(self, method: Method) -> list[Metric]:
        """Evaluate a method that was not trained on these videos."""
        frames = sum(map(len, self.untouched)) + sum(len(clip.frames) for clip in self.clips)
        with clip_progress("scoring pseudo-anomalies", frames) as scored:
            return self._evaluate(method, scored)

    def _evaluate(self, method: Method, scored: Callable[[int], None]) -> list[Metric]:
        from vadkit.evaluation.metrics import Setting
        from vadkit.evaluation.pseudo_anomaly import ScoredClip

        normal = {}
        for video, extras in zip(self.untouched, self.extras, strict=True):
            normal[video.id] = self._scores(method, video, extras)[0]
            scored(len(video))
        made = []
        for clip, extras in zip(self.clips, self.clip_extras, strict=True):
            labels, masks = clip.truth()
            scores, peaks = self._scores(method, clip.frames, extras)
            scored(len(clip.frames))
            wanted = np.ones(len(labels), bool) if clip.control else labels
            wanted = wanted & ~np.isnan(scores)
            hits = None if peaks is None else _hits(peaks, masks)[wanted]
            made.append(ScoredClip(clip.kind, clip.strength, clip.control, scores[wanted], hits))
        return self.evaluator(normal, made, Setting(rates=self.rates))

    def parts_of(self, method: Method, video: FrameReader, extras: Extras) -> dict[str, np.ndarray]:
        """Return the scores (N,) of each part of a method with several parts."""
        from vadkit.engine.scoring import score_video_parts

        device = _device_of(method)
        _, parts = score_video_parts(
            method,
            video,
            device=device,
            dtype=pick_precision(self.recipe.train.precision, device),
            batch_size=self.recipe.train.batch_size,
            extras=extras,
        )
        return parts

    def _scores(
        self, method: Method, video: FrameReader, extras: Extras
    ) -> tuple[np.ndarray, np.ndarray | None]:
        from vadkit.engine.scoring import score_with_peaks

        device = _device_of(method)
        dtype = pick_precision(self.recipe.train.precision, device)
        return score_with_peaks(
            method,
            video,
            device=device,
            dtype=dtype,
            batch_size=self.recipe.train.batch_size,
            extras=extras,
        )


@dataclass(frozen=True)
class PseudoResults:
    """Metrics of a run on pseudo-anomalies; ``missing`` gives the reason if there are none."""

    metrics: list[Metric] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def evaluate_pseudo(run: Path, recipe: Recipe, checkpoint: Path) -> PseudoResults:
    """Evaluate a checkpoint on pseudo-anomalies if the recipe asks for it.

    Only videos that the run was not trained on are used.
    """
    evaluator = pseudo_evaluator(recipe)
    if evaluator is None:
        return PseudoResults()
    _, held = hold_out(load_videos(recipe, "train"), evaluator)
    held_out = read_manifest(run).get("dataset", {}).get("held_out", [])
    seen = [video.id for video in held if video.id not in held_out]
    if seen:
        which = f"the run was trained on video '{seen[0]}', which would be used to make them"
        return PseudoResults(missing={"pseudo-anomaly": f"{which}; train with this evaluator"})
    method, _ = load_method(recipe, checkpoint, pick_device(recipe.train.device))
    return PseudoResults(pseudo_test(recipe, evaluator, held)(method))


def pseudo_test(recipe: Recipe, evaluator: PseudoAnomaly, held: Sequence[Video]) -> PseudoTest:
    """Prepare held-out videos for tests of methods; compute what the store lacks."""
    from vadkit.data.pseudo.stored import make_clips
    from vadkit.data.store.paced import whole
    from vadkit.data.store.settings import cache_folder
    from vadkit.data.store.stored_video import StoredVideo

    # Synthetic clips are cut from stored frames, also if training stores none.
    recipe = storing(recipe)
    stored, _ = store_videos(recipe, held)
    kept = [one for one in map(whole, stored) if isinstance(one, StoredVideo)]
    spec = build_clip(recipe).scoring
    kinds = list(_kinds(evaluator))
    count = evaluator.clips * sum(len(kind.versions) for kind in kinds)
    # At least one frame, to continue from.
    lead = max(1, spec.span - 1)
    frames = count * (lead + evaluator.frames)
    with decoding_progress(count, frames, "making pseudo-anomalies") as progress:
        clips = make_clips(
            kept,
            kinds,
            cache_folder(),
            count=evaluator.clips,
            lead=lead,
            length=evaluator.frames,
            seed=evaluator.seed,
            progress=progress,
        )
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    return PseudoTest(
        recipe,
        evaluator,
        stored,
        load_extras(recipe, spec, held, stored),
        clips,
        _extras_of_clips(recipe, spec, [clip.frames for clip in clips]),
        frame_rates(held, getattr(dataset, "fps", None)),
    )


def _kinds(evaluator: PseudoAnomaly) -> Iterator[Kind]:
    from vadkit.data.pseudo.stored import Kind

    for given in evaluator.kinds:
        params = dict(given)
        name = params.pop("type")
        full = dict(params_model(find("pseudo", name).load())(**params))
        yield Kind(name, full, build("pseudo", name, params))


def _extras_of_clips(recipe: Recipe, spec: ClipSpec, clips: Sequence[StoredVideo]) -> list[Extras]:
    from vadkit.data.clips.extras import Extras

    extras = load_extras(recipe, replace(spec, boxes=None), [], clips)
    if spec.boxes is None or recipe.objects is None:
        return extras
    finder = build("objects", recipe.objects.type, recipe.objects.params)
    if not finder.reads_frames:
        raise RecipeError(
            f"objects: {recipe.objects.type} has objects only for the videos of the dataset, not "
            "for pseudo-anomalies made from them; use a component that finds objects in frames, "
            "such as blobs"
        )
    return [Extras(one.flow, _boxes(finder, clip)) for one, clip in zip(extras, clips, strict=True)]


def _boxes(finder: Any, clip: StoredVideo) -> Any:
    from vadkit.data.objects import boxes_of_frames

    frames = clip.read(0, len(clip))
    if frames.shape[-1] == 1:
        frames = frames.repeat(3, axis=-1)
    return boxes_of_frames(list(finder.stream(iter(frames))))


def _device_of(method: Method) -> Any:
    held = next(itertools.chain(method.parameters(), method.buffers()), None)
    return pick_device("cpu") if held is None else held.device


def _hits(peaks_N2: np.ndarray, masks_NHW: np.ndarray) -> np.ndarray:
    """Return whether each frame's peak, in shares of height and width, is inside its mask."""
    size = np.array(masks_NHW.shape[1:])
    places = np.minimum((np.nan_to_num(peaks_N2) * size).astype(int), size - 1)
    return np.asarray(masks_NHW[np.arange(len(masks_NHW)), places[:, 0], places[:, 1]])
