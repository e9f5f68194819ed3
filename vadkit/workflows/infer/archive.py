"""Score any number of videos with a run; finished videos are not scored again."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vadkit.arguments import as_name, as_path, as_paths
from vadkit.errors import RecipeError
from vadkit.files import remove_leftovers
from vadkit.inference.recorded import recorded
from vadkit.methods.exported import is_exported
from vadkit.recipe import Recipe, Spec, check_components
from vadkit.workflows.infer.cluster import score_on_cluster
from vadkit.workflows.infer.processes import score_in_processes
from vadkit.workflows.infer.result import (
    Inferred,
    ResultKey,
    finished,
    model_digest,
    owner,
)
from vadkit.workflows.infer.sources import expand_sources, result_folders
from vadkit.workflows.infer.video import Item, Work, cores, start_scoring
from vadkit.workflows.progress import say, scoring_progress
from vadkit.workflows.ray_cluster import check_address
from vadkit.workflows.results import alone_in
from vadkit.workflows.rules import Rules, changed_rules
from vadkit.workflows.run import load_run
from vadkit.workflows.run_sinks import own_sinks
from vadkit.workflows.workers import Died, Progress
from vadkit.zones import sometimes

# Writing an annotated video takes longer than scoring with most methods.
SINKS = ("jsonl", "npz", "plot", "video")
SINKS_OF_MANY = ("jsonl", "npz")
# Up to this many videos, each gets a plot and an annotated video by default.
FEW = 8


def infer(
    run: Path | str,
    sources: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    checkpoint: str = "last",
    sinks: Sequence[str | Mapping[str, Any] | Spec] | None = None,
    workers: int | None = None,
    again: bool = False,
    stretch: bool = False,
    ray: str | None = None,
    sets: Sequence[str] = (),
    per_hour: float | None = None,
) -> list[Inferred]:
    """Score every source and write its files to ``out`` (``RUN/infer`` by default).

    ``run`` may also be a file from `vadkit export`; then the results go next to it by default.
    ``sources`` is one source or a list: video files, image folders, folders of either, or glob
    patterns. ``sinks`` are names such as ``"npz"``, or mappings with a ``type`` and parameters as
    in a recipe; by default those of the recipe. Finished videos of an earlier call are skipped,
    unless ``again``. If a video cannot be read, its result has an ``error``, and the others
    continue. ``stretch`` also scores pictures of another shape than in training. ``ray`` is the
    address of a Ray cluster that shares the videos (docs/several-machines.md). ``sets`` change
    alarm rules, such as ``"alarms.merge_s=5"``, and ``per_hour`` the rate of false alarms that the
    threshold is set for. Results are in the order of the sources.
    """
    run = as_path(run, "run")
    folder = _results(run) if out is None else as_path(out, "out")
    as_name(checkpoint, "checkpoint")
    _check(workers, ray)
    sinks = _specs(sinks)
    videos = expand_sources(_texts(sources), folder)
    sinks = sinks or _default_sinks(run, len(videos))
    with alone_in(folder, "vadkit infer"):
        rules = changed_rules(run, sets, per_hour)
        key = _key(run, checkpoint, sinks, rules)
        folders = result_folders(videos, folder, owner)
        kept = [
            None if again else finished(place, video.path, key)
            for video, place in zip(videos, folders, strict=True)
        ]
        todo = [number for number, result in enumerate(kept) if result is None]
        items = _cleared([(videos[number], folders[number]) for number in todo])
        work = Work(run, checkpoint, tuple(sinks), folder, key, stretch, rules)
        results = dict(enumerate(kept))
        with (
            scoring_progress(len(videos), len(videos) - len(todo)) as progress,
            contextlib.closing(_score_all(work, items, progress.frames, workers, ray)) as scored,
        ):
            for place, result in scored:
                if isinstance(result, Died):
                    path = str(items[place][0].path)
                    result = Inferred.failed(path, f"{path}: the process that scored it {result}")
                results[todo[place]] = result
                progress.video(result.video, result.error)
    done = [result for result in results.values() if result is not None]
    if len(done) > FEW:
        _say_counts(done, len(todo), folder)
    return done


def _cleared(items: list[Item]) -> list[Item]:
    """Return the items, after leftovers in their folders are removed."""
    for _, folder in items:
        remove_leftovers(folder)
    return items


def _check(workers: int | None, ray: str | None) -> None:
    if workers is not None and workers < 1:
        raise RecipeError(f"workers: must be at least 1; got {workers}")
    if ray is not None:
        check_address(ray)


def _key(run: Path, checkpoint: str, sinks: Sequence[Spec], rules: Rules | None) -> ResultKey:
    model = model_digest(run, checkpoint) + (f"+{rules.digest}" if rules else "")
    return ResultKey(model, tuple(map(_text, sinks)))


def _say_schedules(recipe: Recipe, items: Sequence[Item]) -> None:
    """Say which settings do not hold, because files have no time of day."""
    if text := sometimes(recipe.zones):
        say(text)
    if (recipe.alarms.hours is not None or recipe.alarms.days is not None) and not all(
        recorded(video.path) for video, _ in items
    ):
        say("alarms are raised at all times here, because files have no time of day")


def _say_counts(done: Sequence[Inferred], new: int, folder: Path) -> None:
    failed = sum(result.error is not None for result in done)
    say(
        f"{new - failed:,} videos scored, {len(done) - new:,} finished earlier, "
        f"{failed:,} failed; results in {folder}"
    )


def _results(run: Path) -> Path:
    """Return the default folder for the results of a run or of an exported file."""
    return run / "infer" if run.is_dir() else run.with_name(f"{run.stem}-infer")


def _device_of(run: Path) -> str:
    return "cpu" if is_exported(run) else load_run(run).train.device


def _default_sinks(run: Path, videos: int) -> list[Spec]:
    """Return the sinks of the run's recipe, else the usual ones."""
    own = [] if is_exported(run) else own_sinks(run)
    usual = SINKS if videos <= FEW else SINKS_OF_MANY
    return own or [Spec(type=kind) for kind in usual]


def _texts(sources: str | Path | Sequence[str | Path]) -> list[str]:
    """Return the sources as texts; ``RecipeError`` if there is none."""
    listed = [sources] if isinstance(sources, str | os.PathLike) else sources
    # Not as paths: an address such as rtsp://camera, which is refused, would lose a slash.
    texts = [
        one if isinstance(one, str) else str(path)
        for one, path in zip(listed, as_paths(listed, "sources"), strict=True)
    ]
    if not texts:
        raise RecipeError("there is no source to score; give at least one video or folder")
    return texts


def _specs(sinks: Sequence[str | Mapping[str, Any] | Spec] | None) -> list[Spec]:
    """Return checked sinks; ``RecipeError`` for unknown sinks and parameters."""
    if isinstance(sinks, str | Mapping | Spec):
        raise TypeError("'sinks' must be a list of names or mappings, such as ['npz', 'plot']")
    return [
        one
        if isinstance(one, Spec)
        else Spec(
            **check_components(
                {"type": one} if isinstance(one, str) else one, "sinks", "one", "sinks"
            )
        )
        for one in sinks or ()
    ]


def default_workers(device: str) -> int:
    """Return the number of workers: one per available core, limited by a guess of the memory.

    Two on a GPU: while one decodes and writes, the other computes.
    """
    import torch

    if device != "cpu" and torch.cuda.is_available():
        return 2
    return min(cores(), 8)


def _score_all(
    work: Work, items: Sequence[Item], progress: Progress, workers: int | None, ray: str | None
) -> Generator[tuple[int, Any]]:
    """Score everything; one worker runs in this process and needs no second copy of the model."""
    if not items:
        return
    device = _device_of(work.run)
    if items and work.run.is_dir():
        _say_schedules(load_run(work.run), items)
    if ray is not None:
        yield from score_on_cluster(ray, work, items, progress, device, workers)
        return
    count = min(workers or default_workers(device), len(items))
    if count > 1:
        start = functools.partial(start_scoring, work, max(1, cores() // count))
        yield from score_in_processes(count, start, items, progress)
        return
    score = start_scoring(work)
    for number, item in enumerate(items):
        yield number, score(item, progress)


def _text(spec: Spec) -> str:
    return json.dumps(spec.model_dump(), sort_keys=True)
