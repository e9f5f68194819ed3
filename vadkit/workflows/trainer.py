"""Build the trainer of a recipe, with the loaders, hooks and evaluations that it needs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.device import pick_device, pick_precision, scoring_batch
from vadkit.errors import DataError
from vadkit.recipe import Recipe, Spec
from vadkit.workflows.build import (
    build_clip,
    build_hooks,
    build_list,
    build_method,
    build_optimizers,
    build_schedules,
    load_videos,
    seed_everything,
)
from vadkit.workflows.feature_sets import bag_loader, of_segments
from vadkit.workflows.frames import clip_source, load_extras, store_cubes
from vadkit.workflows.held_out_videos import held_out_evaluation
from vadkit.workflows.pieces import Piece, outside
from vadkit.workflows.processes import check_parts, share_networks
from vadkit.workflows.progress import clip_progress
from vadkit.workflows.pseudo import PseudoTest, hold_out, pseudo_evaluator, pseudo_test

if TYPE_CHECKING:
    import torch

    from vadkit.data.clips.extras import Extras
    from vadkit.data.clips.loader import ClipLoader
    from vadkit.data.videos import ClipSpec, FrameReader, Video
    from vadkit.engine.collect import Loader
    from vadkit.engine.distributed import Processes
    from vadkit.engine.trainer import Trainer
    from vadkit.methods.method import Method


def training_videos(recipe: Recipe) -> tuple[list[Video], list[Video]]:
    """Split videos into those to train on and those to hold out for pseudo-anomalies."""
    videos, evaluator = load_videos(recipe, "train"), pseudo_evaluator(recipe)
    return (videos, []) if evaluator is None else hold_out(videos, evaluator)


def make_trainer(
    recipe: Recipe,
    run: Path,
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
    held_out: Sequence[Video] = (),
    unseen: Sequence[Piece] = (),
    processes: Processes | None = None,
) -> Trainer:
    """Build the trainer of a recipe for stored videos and their flow and boxes.

    ``held_out`` are other videos, from which pseudo-anomalies are made. Clips that overlap a piece
    of ``unseen`` are left out, for calibration. With several ``processes``, hooks and evaluations
    are those of the first one.
    """
    from vadkit.engine.distributed import ALONE
    from vadkit.engine.trainer import Trainer

    processes = processes or ALONE
    seed_everything(recipe.train.seed, deterministic=recipe.train.deterministic)
    device = pick_device(recipe.train.device)
    method = build_method(recipe, device)
    if processes.several:
        share_networks(method)
    method.prepare(stored)
    settings = recipe.train
    dtype = pick_precision(settings.precision, device)
    loader, collect_loader = _make_loaders(
        recipe, stored, extras, unseen, method, device, dtype, processes
    )
    first = processes.first
    return Trainer(
        method,
        loader,
        name=recipe.name,
        run=run,
        settings=settings,
        device=device,
        dtype=dtype,
        optimizers=build_optimizers(recipe, method),
        schedules=build_schedules(recipe),
        hooks=build_hooks(recipe) if first else [],
        collect_loader=collect_loader,
        evaluate=evaluation_on_test(recipe) if first and _evaluates(recipe, "test") else None,
        evaluate_pseudo=_pseudo_evaluation(recipe, held_out) if first else None,
        evaluate_held_out=held_out_evaluation(recipe, stored, unseen)
        if first and _evaluates(recipe, "held-out")
        else None,
        processes=processes,
    )


def _make_loaders(
    recipe: Recipe,
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
    unseen: Sequence[Piece],
    method: Method,
    device: torch.device,
    dtype: torch.dtype,
    processes: Processes,
) -> tuple[Loader, Loader]:
    """Build the loaders of training batches, and of the collect pass."""
    from vadkit.data.segments.rows import RowLoader
    from vadkit.methods.poses.method import PoseMethod
    from vadkit.methods.segment_rows import RowsMethod
    from vadkit.methods.weak.method import WeakMethod

    settings = recipe.train
    if isinstance(method, PoseMethod):
        windows = method.loader(
            of_segments(stored), batch_size=settings.batch_size, seed=settings.seed, device=device
        )
        windows = windows.keeping(outside(windows.clips, unseen, method.length))
        return windows, windows
    if isinstance(method, RowsMethod):
        rows = RowLoader(of_segments(stored), device)
        rows = rows.keeping(outside(rows.clips, unseen, 1))
        return rows, rows
    if isinstance(method, WeakMethod):
        bags = bag_loader(recipe, stored, {piece.video for piece in unseen}, method)
        return bags, bags
    clip = method.clip
    augments = build_list("augments", recipe.augments)
    make_loader = partial(
        _make_loader,
        _loader_of(recipe, stored, extras, clip, device, augments),
        unseen,
        clip.span,
        batch_size=settings.batch_size,
        device=device,
        dtype=dtype,
        ids=[video.id for video in stored],
        cuts=[video.cuts for video in stored],
    )
    loader = make_loader(
        seed=settings.seed,
        augments=augments,
        workers=recipe.data.workers,
        plugins=[Path(plugin) for plugin in recipe.plugins],
        part=processes.part,
    )
    if len(loader) == 0:
        raise _too_short(stored, clip)
    if recipe.optimizers:
        check_parts(min(settings.batch_size, len(loader.clips)), processes.part.of)
    return loader, make_loader(seed=None, drop_last=False)


def _too_short(stored: Sequence[FrameReader], clip: ClipSpec) -> DataError:
    longest, span = max(len(video) for video in stored), clip.span
    if clip.cube and longest >= span:
        return DataError(
            "no object in the training videos to learn from; check what `objects` finds"
        )
    return DataError(
        f"no training video is long enough: the method needs {span} frames and the longest of "
        f"{len(stored)} videos has {longest}; use longer videos or set clip.frames lower"
    )


def _loader_of(
    recipe: Recipe,
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
    clip: ClipSpec,
    device: torch.device,
    augments: Sequence[Any],
) -> Callable[..., ClipLoader]:
    """Return what builds a loader of clips, or of object cubes if the method trains on them."""
    from vadkit.data.clips.cube_loader import CubeLoader
    from vadkit.data.clips.loader import ClipLoader
    from vadkit.data.clips.sources import StoredClips

    lengths = [len(video) for video in stored]
    if clip.cube is None:
        source = clip_source(recipe, stored, clip, device, augments)
        return partial(ClipLoader, source, lengths, clip, extras=extras)
    cubes = store_cubes(recipe, clip, stored, extras)

    def of_cubes(**settings: Any) -> ClipLoader:
        whole = ClipLoader(StoredClips(stored, clip), lengths, clip, extras=extras, **settings)
        return CubeLoader(cubes, clip, whole, **settings)

    return of_cubes


def _make_loader(
    loader_of: Callable[..., ClipLoader], unseen: Sequence[Piece], span: int, **settings: Any
) -> ClipLoader:
    """Build a loader of all clips that do not overlap the pieces ``unseen``."""
    loader = loader_of(**settings)
    return loader.keeping(outside(loader.clips, unseen, span))


def _evaluates(recipe: Recipe, on: str) -> bool:
    hooks = (spec for spec in recipe.hooks if spec.type == "evaluate")
    return any(spec.params.get("on", "test") == on for spec in hooks)


def _pseudo_evaluation(recipe: Recipe, held_out: Sequence[Video]) -> PseudoTest | None:
    evaluator = pseudo_evaluator(recipe)
    if evaluator is None or not _evaluates(recipe, "pseudo-anomaly"):
        return None
    return pseudo_test(recipe, evaluator, held_out)


def evaluation_on_test(recipe: Recipe) -> Any:
    """Return a function that evaluates a method on the test split, which is loaded only once."""
    from vadkit.data.store.paced import of_all_frames
    from vadkit.engine.score_videos import score_videos
    from vadkit.engine.trainer import EvaluationScores
    from vadkit.registry import build
    from vadkit.workflows.evaluate.maps import split_evaluators
    from vadkit.workflows.evaluate.protocols import LabelledScores, build_protocols, evaluate_scored
    from vadkit.workflows.evaluate.run_scores import label_source, store_labelled

    videos = load_videos(recipe, "test")
    stored, labels, _ = store_labelled(recipe, videos)
    extras = load_extras(recipe, build_clip(recipe).scoring, videos, stored)
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    source = label_source(recipe, dataset)
    raw = build_protocols([Spec(type="raw")])
    scorers = build_list("scorers", recipe.scorers)
    # Only `vadkit eval` evaluates maps, because saving them needs disk space and time.
    evaluators = build_list("evaluators", split_evaluators(recipe.evaluators)[0])

    def evaluate(method: Method) -> EvaluationScores:
        device = next(iter(method.parameters()), None)
        target = device.device if device is not None else pick_device(recipe.train.device)
        dtype = pick_precision(recipe.train.precision, target)
        batch_size = scoring_batch(recipe.train.batch_size, target)
        score = partial(score_videos, method, device=target, dtype=dtype, batch_size=batch_size)
        with (
            method.adapting(),
            clip_progress("evaluating", sum(map(len, stored))) as done,
            contextlib.closing(score(stored, extras, scored=done)) as found,
        ):
            scores = {
                video.id: of_all_frames(video, one)
                for video, (one, _) in zip(stored, found, strict=True)
            }
        # The protocol "raw" does not smooth, so no rates are needed.
        scored = LabelledScores(scores, labels, source, scorers=scorers)
        results = evaluate_scored(scored, raw, evaluators, intervals=False)
        return EvaluationScores(
            [one for result in results for one in result.metrics], scores, labels
        )

    return evaluate
