"""Train a recipe into a run folder."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.arguments import as_path, as_paths, as_texts
from vadkit.device import few_threads, pick_device
from vadkit.errors import RecipeError, VadkitError
from vadkit.files import check_writable, write_json
from vadkit.recipe import Recipe, find_recipe, load_recipe
from vadkit.recipe.data_folder import used_folder
from vadkit.workflows.build import (
    build_clip,
    build_hooks,
    build_method,
)
from vadkit.workflows.calibrate.threshold import calibrate_trained
from vadkit.workflows.feature_sets import with_bags
from vadkit.workflows.frames import load_extras, skipped_entries, store_videos
from vadkit.workflows.initial import start_from
from vadkit.workflows.levels import with_levels
from vadkit.workflows.pieces import kept_out
from vadkit.workflows.processes import check_processes, scaled
from vadkit.workflows.progress import clip_progress
from vadkit.workflows.rates import as_measured
from vadkit.workflows.review.review import review_trained
from vadkit.workflows.run import (
    create_run,
    environment,
    load_run,
    loose_components,
    note_end,
    require_run,
    training_lock,
    update_manifest,
)
from vadkit.workflows.scene import write_scene
from vadkit.workflows.trainer import make_trainer, training_videos

if TYPE_CHECKING:
    from vadkit.data.clips.extras import Extras
    from vadkit.data.store.build import Skipped
    from vadkit.data.videos import FrameReader, Video
    from vadkit.engine.distributed import Processes
    from vadkit.engine.trainer import Trainer

# The number of training clips, evenly spread, whose scores define the normal range.
_NORMAL_CLIPS = 256


def train(
    recipe: Recipe | str | Path,
    *,
    overrides: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    runs: str | Path = "runs",
    on_run: Callable[[Path], None] = lambda run: None,
    scale_lr: bool = False,
) -> Path:
    """Train a recipe and return its new run folder, ``RUNS/NAME/TIME-HASH``.

    ``recipe`` is a file, the name of a shipped recipe such as ``quickstart``, or a ``Recipe`` from
    ``load_recipe``. ``overrides`` are texts such as ``train.epochs=1``. ``plugins`` are files with
    components, in addition to those that the recipe names. ``on_run`` is called with the run folder
    before training starts. In a process that torchrun started, the batches are split over all
    processes; with ``scale_lr``, batch size and learning rates are multiplied by their number.

    Raises a ``VadkitError`` for errors that the user can fix. ``KeyboardInterrupt`` is not caught;
    the run can then be resumed.
    """
    from vadkit.engine.distributed import joined

    overrides, plugins = as_texts(overrides, "overrides"), as_paths(plugins, "plugins")
    runs = as_path(runs, "runs")
    source = None
    if isinstance(recipe, Recipe):
        if overrides or plugins:
            raise TypeError(
                "'overrides' and 'plugins' need a recipe file; for a Recipe, give them to "
                "load_recipe"
            )
    else:
        source = find_recipe(as_path(recipe, "recipe"))
    with joined() as processes:
        if not isinstance(recipe, Recipe):
            recipe = load_recipe(source or "", overrides, plugins)
        if scale_lr:
            recipe = scaled(recipe, processes.part.of)
        check_processes(recipe, processes)
        if processes.first:
            return _train(recipe, source, runs, on_run, processes)
        # The first process has measured the videos, and stored their frames.
        told = processes.from_first()
        recipe, run = Recipe.model_validate(told["recipe"]), Path(told["run"])
        videos, held_out = training_videos(recipe)
        stored, skipped = store_videos(recipe, videos)
        _fit(recipe, run, videos, held_out, stored, skipped, state=None, processes=processes)
    return run


def _train(
    recipe: Recipe,
    source: Path | None,
    runs: Path,
    on_run: Callable[[Path], None],
    processes: Processes,
) -> Path:
    # Do everything that may fail early before the run folder is created.
    check_writable(runs / recipe.name)
    pick_device(recipe.train.device)
    if recipe.train.init is not None and recipe.bags is None:
        start_from(build_method(recipe, pick_device("cpu")), recipe)
    videos, held_out = training_videos(recipe)
    recipe = with_levels(recipe, videos)
    stored, skipped = store_videos(recipe, videos)
    if recipe.bags is None:
        recipe, stored = as_measured(recipe, stored)
    else:
        # Segments are frames in a row, so video is scored at its own rate.
        recipe = with_bags(recipe, stored)
    run = create_run(recipe, source, runs)
    with training_lock(run):
        update_manifest(
            run,
            status="created",
            created=_now(),
            seed=recipe.train.seed,
            **({"data_folder": used} if (used := used_folder(recipe.as_data())) else {}),
            **({"loose_components": loose} if (loose := loose_components(recipe)) else {}),
            **environment(),
        )
        processes.from_first({"recipe": recipe.as_data(), "run": str(run)})
        on_run(run)
        _fit(recipe, run, videos, held_out, stored, skipped, state=None, processes=processes)
    return run


def resume(run: str | Path, overrides: Sequence[str] = ()) -> Path:
    """Continue an interrupted run from ``checkpoints/last.pt`` and return its folder.

    On one device, the result is bit-identical to a run without an interruption. The number of
    processes may be another one than before. Raises ``TrainingError`` if the folder is not a run,
    or if it is being trained.
    """
    from vadkit.engine.checkpoint import load_checkpoint
    from vadkit.engine.distributed import joined

    run, overrides = as_path(run, "run"), as_texts(overrides, "overrides")
    with joined() as processes:
        recipe = load_run(run, overrides)
        check_processes(recipe, processes)
        with training_lock(run) if processes.first else contextlib.nullcontext():
            with processes.in_turn():
                device = pick_device(recipe.train.device)
                path = run / "checkpoints" / "last.pt"
                # Without a checkpoint there is nothing to continue from, so the run starts again.
                state = load_checkpoint(path, device) if path.is_file() else None
                videos, held_out = training_videos(recipe)
                stored, skipped = store_videos(recipe, videos)
            _fit(recipe, run, videos, held_out, stored, skipped, state, processes)
    return run


def _fit(
    recipe: Recipe,
    run: Path,
    videos: Sequence[Video],
    held_out: Sequence[Video],
    stored: Sequence[FrameReader],
    skipped: Sequence[Skipped],
    state: dict[str, Any] | None,
    processes: Processes,
) -> None:
    from vadkit.data.store.build import dataset_fingerprint
    from vadkit.engine.checkpoint import restoring

    with processes.in_turn():
        extras = load_extras(recipe, build_clip(recipe), videos, stored)
    seen, fingerprint = kept_out(recipe, stored), dataset_fingerprint({v.id: v.key for v in stored})
    processes.check_same("training videos", fingerprint)
    trainer = make_trainer(recipe, run, stored, extras, held_out, seen, processes)
    if state is not None:
        with restoring(run / "checkpoints" / "last.pt"):
            trainer.load_state_dict(state)
    elif processes.first and recipe.train.init is not None:
        # The others take the weights of the first process.
        update_manifest(run, init=start_from(trainer.method, recipe))
    if processes.first:
        dataset = {
            "videos": len(stored),
            "fingerprint": fingerprint,
            "skipped": skipped_entries(skipped),
            "held_out": [video.id for video in held_out],
            "fps": recipe.clip.fps,
            **({} if recipe.data.levels is None else {"levels": recipe.data.levels}),
        }
        _note_start(run, trainer, dataset)
        _fit_and_calibrate(recipe, run, trainer, videos, stored, extras)
    else:
        trainer.fit()
    processes.wait()


def _note_start(run: Path, trainer: Trainer, dataset: dict[str, Any]) -> None:
    update_manifest(
        run,
        status="running",
        error=None,
        device=str(trainer.device),
        processes=trainer.processes.part.of,
        precision=str(trainer.dtype).removeprefix("torch."),
        dataset=dataset,
    )


def _fit_and_calibrate(
    recipe: Recipe,
    run: Path,
    trainer: Trainer,
    videos: Sequence[Video],
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
) -> None:
    from vadkit.engine.distributed import peer_ended

    started = time.monotonic()
    try:
        with few_threads(trainer.method, trainer.device):
            trainer.fit()
            normal = _normal_scores(trainer)
            require_run(run)
            write_json(run / "normal.json", normal)
            if recipe.data.store != "none" and recipe.features is None:
                # Otherwise, each picture would be a seek in a compressed video, or there is none.
                write_scene(run, stored)
            calibrate_trained(recipe, run, trainer, videos, stored, extras)
        update_manifest(
            run,
            status="done",
            finished=_now(),
            epochs=_epochs(trainer.epochs_done),
            step=trainer.step,
            stopped_early=trainer.stop_reason,
            training_seconds=round(trainer.clock.seconds, 1),
            seconds=round(time.monotonic() - started, 1),
        )
    except KeyboardInterrupt:
        note_end(run, status="interrupted", **reached(trainer))
        raise KeyboardInterrupt(str(run)) from None
    except BaseException as error:
        reason = str(error) if isinstance(error, VadkitError) else repr(error)
        if peer_ended(error):
            reason = trainer.processes.why_ended()
        note_end(run, status="failed", error=reason, **reached(trainer))
        raise
    if recipe.dataset.type == "folder" and (run / "calibration.json").is_file():
        # Of a benchmark, `vadkit review` writes it when it is wanted.
        review_trained(run)


def _epochs(done: float) -> float:
    """Round the number of epochs, in which an epoch that ended in its middle counts in part."""
    return int(done) if done == int(done) else round(done, 2)


def reached(trainer: Trainer) -> dict[str, Any]:
    """Return how far training got, for the manifest of an unfinished run."""
    return {"epochs": trainer.epoch, "step": trainer.step, "saved_step": trainer.saved_step}


def _normal_scores(trainer: Trainer) -> dict[str, Any]:
    """Measure the normal range of scores and error maps on clips spread over the training video.

    The method has seen these frames, so the values are lower than on new normal video. They are
    good for the scale of a plot or a heat map, but too low for an alarm threshold. Frame scores of
    a method that holds out video itself are those of held-out video.
    """
    import numpy as np

    from vadkit.engine.scoring import score_batch
    from vadkit.scoring.normal import measure_normal

    frames, maps = [], []
    with clip_progress("scoring normal video", _NORMAL_CLIPS) as scored:
        for clips, _ in trainer.sample(_NORMAL_CLIPS):
            scores, errors = score_batch(trainer.method, clips, trainer.dtype, maps=True)
            frames.append(scores.ravel())
            if errors is not None:
                # Every seventh value is enough for quantiles and limits memory.
                maps.append(errors.ravel()[::7])
            scored(len(scores))
    held_out = [scores.numpy() for _, scores in trainer.method.held_out().values()]
    frames = held_out or frames
    return measure_normal(np.concatenate(frames), np.concatenate(maps) if maps else None).to_dict()


def plan(recipe: Recipe) -> dict[str, Any]:
    """Return what ``--dry-run`` prints: networks with their sizes, and hooks in running order."""
    from vadkit.hooks.hook import in_order

    if recipe.bags is not None:
        # The size of its network depends on the features, of which those of one video are enough.
        videos, _ = training_videos(recipe)
        recipe = with_bags(recipe, store_videos(recipe, videos[:1])[0], videos)
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
