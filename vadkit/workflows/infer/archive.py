"""Score any number of videos with a run; finished videos are not scored again."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.files import remove_leftovers
from vadkit.methods.exported import is_exported
from vadkit.recipe import Spec
from vadkit.workflows.infer.processes import Died, Progress, Score, score_in_processes
from vadkit.workflows.infer.result import (
    Inferred,
    Maker,
    finished,
    model_digest,
    owner,
)
from vadkit.workflows.infer.sources import expand_sources, result_folders
from vadkit.workflows.infer.video import cores, start_scoring
from vadkit.workflows.progress import say, scoring_progress
from vadkit.workflows.results import alone_in
from vadkit.workflows.run import load_run
from vadkit.workflows.run_sinks import own_sinks

if TYPE_CHECKING:
    pass

# Writing an annotated video takes longer than scoring with most methods.
SINKS = ("jsonl", "npz", "plot", "video")
SINKS_OF_MANY = ("jsonl", "npz")
# Up to this many videos, each gets a plot and an annotated video by default.
FEW = 8


def infer(
    run: Path | str,
    sources: Sequence[str],
    *,
    out: Path | None = None,
    checkpoint: str = "last",
    sinks: Sequence[Spec] | None = None,
    workers: int | None = None,
    again: bool = False,
) -> list[Inferred]:
    """Score every source and write its files to ``out`` (``RUN/infer`` by default).

    ``run`` may also be a file from `vadkit export`; then the results go next to it by default.
    Sources are video files, image folders, folders of either, or glob patterns. Finished videos of
    an earlier call are skipped, unless ``again``. If a video cannot be read, its result has an
    ``error``, and the others continue. Results are in the order of the sources.
    """
    run = Path(run)
    folder = out or (run / "infer" if run.is_dir() else run.with_name(f"{run.stem}-infer"))
    videos = expand_sources(sources, folder)
    if not sinks:
        asked = [] if is_exported(run) else own_sinks(run)
        usual = SINKS if len(videos) <= FEW else SINKS_OF_MANY
        sinks = asked or [Spec(type=kind) for kind in usual]
    with alone_in(folder, "vadkit infer"):
        maker = Maker(model_digest(run, checkpoint), tuple(map(_text, sinks)))
        folders = result_folders(videos, folder, owner)
        kept = [
            None if again else finished(place, video.path, maker)
            for video, place in zip(videos, folders, strict=True)
        ]
        todo = [number for number, result in enumerate(kept) if result is None]
        for number in todo:
            remove_leftovers(folders[number])
        items = [(videos[number], folders[number]) for number in todo]
        device = "cpu" if is_exported(run) else load_run(run).train.device
        count = min(workers or default_workers(device), max(1, len(todo)))
        start = functools.partial(
            start_scoring, run, checkpoint, tuple(sinks), folder, maker, count
        )
        results = dict(enumerate(kept))
        with scoring_progress(len(videos), len(videos) - len(todo)) as progress:
            for place, result in _score_all(count, start, items, progress.frames):
                if isinstance(result, Died):
                    reason = f"{items[place][0].path}: the process that scored it {result}"
                    result = Inferred.failed(str(items[place][0].path), reason)
                results[todo[place]] = result
                progress.video(result.video, result.error)
    done = [result for result in results.values() if result is not None]
    if len(done) > FEW:
        failed = sum(result.error is not None for result in done)
        say(
            f"{len(todo) - failed:,} videos scored, {len(done) - len(todo):,} finished earlier, "
            f"{failed:,} failed; results in {folder}"
        )
    return done


def default_workers(device: str) -> int:
    """Return the number of workers: one per available core, limited by a guess of the memory.

    Two on a GPU: while one decodes and writes, the other computes.
    """
    import torch

    if device != "cpu" and torch.cuda.is_available():
        return 2
    return min(cores(), 8)


def _score_all(
    workers: int, start: Callable[[], Score], items: Sequence[Any], progress: Progress
) -> Iterator[tuple[int, Any]]:
    """Score everything; one worker runs in this process and needs no second copy of the model."""
    if not items:
        return
    if workers > 1:
        yield from score_in_processes(workers, start, items, progress)
        return
    score = start()
    for number, item in enumerate(items):
        yield number, score(item, progress)


def _text(spec: Spec) -> str:
    return json.dumps(spec.model_dump(), sort_keys=True)
