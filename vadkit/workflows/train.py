"""Train a recipe into a run folder."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.device import pick_device, pick_precision
from vadkit.errors import DataError, RecipeError, VadkitError
from vadkit.files import write_json
from vadkit.recipe import Recipe, Spec, load_recipe
from vadkit.recipe.resolve import find_recipe
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
from vadkit.workflows.calibrate import calibrate_trained
from vadkit.workflows.frames import clip_source, load_extras, skipped_entries, store_videos
from vadkit.workflows.normal_video import Piece, kept_out, outside
from vadkit.workflows.pseudo import PseudoTest, hold_out, pseudo_evaluator, pseudo_test
from vadkit.workflows.run import (
    create_run,
    environment,
    load_run,
    note_end,
    require_run,
    training_lock,
    update_manifest,
)

if TYPE_CHECKING:
    from vadkit.data.clip_sources import FrameReader
    from vadkit.data.extras import Extras
    from vadkit.data.store import Skipped
    from vadkit.data.videos import Video
    from vadkit.engine.trainer import Trainer
    from vadkit.methods.method import Method

# The number of training clips, evenly spread, whose scores define the normal range.
_NORMAL_CLIPS = 256


def train(
    recipe: Recipe | str | Path,
    *,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    runs: Path = Path("runs"),
) -> Path:
    """Train a recipe (or a recipe file) and return its new run folder.

    Raises a ``VadkitError`` for errors that the user can fix. ``KeyboardInterrupt`` is not caught;
    the run can then be resumed.
    """
    source = None
    if not isinstance(recipe, Recipe):
        source = find_recipe(recipe)
        recipe = load_recipe(source, overrides, plugins)
    # Do everything that may fail early before the run folder is created.
    pick_device(recipe.train.device)
    videos, held_out = training_videos(recipe)
    stored, skipped = store_videos(recipe, videos)
    run = create_run(recipe, source, runs)
    with training_lock(run):
        update_manifest(
            run, status="created", created=_now(), seed=recipe.train.seed, **environment()
        )
        _fit(recipe, run, videos, held_out, stored, skipped, state=None)
    return run


def resume(run: Path, overrides: Sequence[str] = ()) -> Path:
    """Continue an interrupted run from ``checkpoints/last.pt``; bit-identical on one device."""
    from vadkit.engine.checkpoint import load_checkpoint

    recipe = load_run(run, tuple(overrides))
    with training_lock(run):
        device = pick_device(recipe.train.device)
        path = run / "checkpoints" / "last.pt"
        # Without a checkpoint there is nothing to continue from, so the run starts again.
        state = load_checkpoint(path, device) if path.is_file() else None
        videos, held_out = training_videos(recipe)
        stored, skipped = store_videos(recipe, videos)
        _fit(recipe, run, videos, held_out, stored, skipped, state=state)
    return run


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
) -> Trainer:
    """Build the trainer of a recipe for stored videos and their flow and boxes.

    ``held_out`` are other videos, from which pseudo-anomalies are made. Clips that overlap a piece
    of ``unseen`` are left out, for calibration.
    """
    from vadkit.data.loader import ClipLoader
    from vadkit.engine.trainer import Trainer

    seed_everything(recipe.train.seed)
    device = pick_device(recipe.train.device)
    method = build_method(recipe, device)
    if recipe.train.compile:
        for network in method.networks.values():
            network.compile()
    settings = recipe.train
    dtype = pick_precision(settings.precision, device)
    augments = build_list("augments", recipe.augments)
    source = clip_source(recipe, stored, method.clip, device, augments)

    def make_loader(**order: Any) -> ClipLoader:
        loader = ClipLoader(
            source,
            [len(video) for video in stored],
            method.clip,
            batch_size=settings.batch_size,
            device=device,
            dtype=dtype,
            extras=extras,
            ids=[video.id for video in stored],
            **order,
        )
        return loader.keeping(outside(loader.clips, unseen, method.clip.span))

    loader = make_loader(
        seed=settings.seed,
        augments=augments,
        workers=recipe.data.workers,
        plugins=[Path(plugin) for plugin in recipe.plugins],
    )
    if len(loader) == 0:
        longest = max(len(video) for video in stored)
        raise DataError(
            f"no training video is long enough: the method needs {method.clip.span} frames and "
            f"the longest of {len(stored)} videos has {longest}; use longer videos or set "
            "clip.frames lower"
        )
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
        hooks=build_hooks(recipe),
        collect_loader=make_loader(seed=None, drop_last=False),
        evaluate=evaluation_on_test(recipe) if _evaluates(recipe, "test") else None,
        evaluate_pseudo=_pseudo_evaluation(recipe, held_out),
    )


def _fit(
    recipe: Recipe,
    run: Path,
    videos: Sequence[Video],
    held_out: Sequence[Video],
    stored: Sequence[FrameReader],
    skipped: Sequence[Skipped],
    state: dict[str, Any] | None,
) -> None:
    from vadkit.data.store import dataset_fingerprint
    from vadkit.engine.checkpoint import restoring

    extras = load_extras(recipe, build_clip(recipe), videos, stored)
    trainer = make_trainer(recipe, run, stored, extras, held_out, kept_out(recipe, stored))
    if state is not None:
        with restoring(run / "checkpoints" / "last.pt"):
            trainer.load_state_dict(state)
    update_manifest(
        run,
        status="running",
        error=None,
        device=str(trainer.device),
        precision=str(trainer.dtype).removeprefix("torch."),
        dataset={
            "videos": len(stored),
            "fingerprint": dataset_fingerprint({video.id: video.key for video in stored}),
            "skipped": skipped_entries(skipped),
            "held_out": [video.id for video in held_out],
        },
    )
    started = time.monotonic()
    try:
        trainer.fit()
        normal = _normal_scores(trainer)
        require_run(run)
        write_json(run / "normal.json", normal)
        calibrate_trained(recipe, run, trainer, videos, stored, extras)
        update_manifest(
            run,
            status="done",
            finished=_now(),
            epochs=trainer.epoch,
            step=trainer.step,
            stopped_early=trainer.stop_reason,
            seconds=round(time.monotonic() - started, 1),
        )
    except KeyboardInterrupt:
        note_end(run, status="interrupted", **reached(trainer))
        raise KeyboardInterrupt(str(run)) from None
    except BaseException as error:
        reason = str(error) if isinstance(error, VadkitError) else repr(error)
        note_end(run, status="failed", error=reason, **reached(trainer))
        raise


def reached(trainer: Trainer) -> dict[str, Any]:
    """Return how far training got, for the manifest of an unfinished run."""
    return {"epochs": trainer.epoch, "step": trainer.step, "saved_step": trainer.saved_step}


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
    from vadkit.engine.trainer import Evaluated
    from vadkit.methods.scoring import score_video
    from vadkit.registry import build
    from vadkit.workflows.maps import split_evaluators
    from vadkit.workflows.protocols import Scored, build_protocols, evaluate_scored
    from vadkit.workflows.test_scores import label_source, store_labelled

    videos = load_videos(recipe, "test")
    stored, labels, _ = store_labelled(recipe, videos)
    extras = load_extras(recipe, build_clip(recipe).scoring, videos, stored)
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    source = label_source(recipe, dataset)
    raw = build_protocols([Spec(type="raw")])
    scorers = build_list("scorers", recipe.scorers)
    # Only `vadkit eval` evaluates maps, because saving them needs disk space and time.
    evaluators = build_list("evaluators", split_evaluators(recipe.evaluators)[0])

    def evaluate(method: Method) -> Evaluated:
        device = next(iter(method.parameters()), None)
        target = device.device if device is not None else pick_device(recipe.train.device)
        dtype = pick_precision(recipe.train.precision, target)
        score = partial(
            score_video, method, device=target, dtype=dtype, batch_size=recipe.train.batch_size
        )
        with method.adapting():
            scores = {
                video.id: score(video, extras=beside)
                for video, beside in zip(stored, extras, strict=True)
            }
        scored = Scored(scores, labels, source, scorers=scorers)
        results = evaluate_scored(scored, raw, evaluators, intervals=False)
        return Evaluated([one for result in results for one in result.metrics], scores, labels)

    return evaluate


def _normal_scores(trainer: Trainer) -> dict[str, Any]:
    """Measure the normal range of scores and error maps on clips spread over the training video.

    The method has seen these frames, so the values are lower than on new normal video. They are
    good for the scale of a plot or a heat map, but too low for an alarm threshold. Scores that
    already measure rarity define their own range.
    """
    import numpy as np

    from vadkit.methods.scoring import score_batch
    from vadkit.scoring.normal import measure_normal, rare_normal

    if trainer.method.rarities:
        return rare_normal(sum(getattr(trainer.collect_loader, "counts", ()))).to_dict()
    frames, maps = [], []
    for clips, _ in trainer.sample(_NORMAL_CLIPS):
        scores, errors = score_batch(trainer.method, clips, trainer.dtype, maps=True)
        frames.append(scores.ravel())
        if errors is not None:
            # Every seventh value is enough for quantiles and limits memory.
            maps.append(errors.ravel()[::7])
    return measure_normal(np.concatenate(frames), np.concatenate(maps) if maps else None).to_dict()


def plan(recipe: Recipe) -> dict[str, Any]:
    """Return what ``--dry-run`` prints: networks with their sizes, and hooks in running order."""
    from vadkit.hooks.hook import in_order

    method = build_method(recipe, pick_device("cpu"))
    hooks = build_hooks(recipe)
    names = {id(hook): name for name, hook in hooks}
    try:
        ordered = in_order([hook for _, hook in hooks])
    except VadkitError as error:
        raise RecipeError(f"hooks: {error}") from None
    return {
        "name": recipe.name,
        "method": recipe.method.type,
        "networks": {
            role: {
                "type": recipe.networks[role].type,
                "parameters": sum(p.numel() for p in network.parameters()),
            }
            for role, network in method.networks.items()
        },
        "optimizers": list(recipe.optimizers),
        "hooks": [{"slot": hook.slot, "type": names[id(hook)]} for hook in ordered],
    }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
