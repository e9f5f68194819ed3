"""Score any number of videos with a run; finished videos are not scored again."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.errors import DataError, RecipeError
from vadkit.files import remove_leftovers
from vadkit.recipe import Alarms, Spec, check_components
from vadkit.registry import build, build_spec
from vadkit.workflows.build import build_list, load_method
from vadkit.workflows.frames import store_settings
from vadkit.workflows.infer_processes import Died, Progress, Score, score_in_processes
from vadkit.workflows.infer_result import (
    Inferred,
    Maker,
    finished,
    model_digest,
    owner,
)
from vadkit.workflows.infer_sources import expand_sources, result_folders
from vadkit.workflows.infer_video import cores, start_scoring
from vadkit.workflows.progress import say, scoring_progress
from vadkit.workflows.results import alone_in
from vadkit.workflows.run import checkpoint_file, load_run
from vadkit.workflows.run_sinks import own_sinks

if TYPE_CHECKING:
    from vadkit.inference.detector import Detector

# Writing an annotated video takes longer than scoring with most methods.
SINKS = ("jsonl", "npz", "plot", "video")
SINKS_OF_MANY = ("jsonl", "npz")
# Up to this many videos, each gets a plot and an annotated video by default.
FEW = 8


def load_detector(run: Path, checkpoint: str = "last") -> Detector:
    """Load the detector of a run, or of a file from `vadkit export`."""
    from vadkit.device import pick_device, pick_precision
    from vadkit.inference.detector import Detector, load_normal
    from vadkit.scoring.calibration import load_calibration

    if _is_exported(run):
        return _load_exported(run)
    recipe = load_run(run)
    device = pick_device(recipe.train.device)
    method, _ = load_method(recipe, checkpoint_file(run, checkpoint), device)
    spec = method.clip.scoring
    flow = objects = None
    if spec.given:
        raise RecipeError(
            f"method.{spec.given[0]}: the file has features only for its dataset; to score other "
            "video, train with features that are computed from frames"
        )
    if spec.flow and recipe.flow is not None:
        flow = build("flow", recipe.flow.type, recipe.flow.params)
    if spec.boxes is not None and recipe.objects is not None:
        objects = build("objects", recipe.objects.type, recipe.objects.params)
        if not objects.reads_frames:
            raise RecipeError(
                f"objects: {recipe.objects.type} has objects only for its dataset; to score other "
                "video, train with a component that finds objects in frames, such as "
                "objects.type: blobs"
            )
    reading = store_settings(recipe)
    return Detector(
        method,
        device,
        pick_precision(recipe.train.precision, device),
        batch_size=recipe.train.batch_size,
        normal=load_normal(run),
        scorers=tuple(build_list("scorers", recipe.scorers)),
        flow=flow,
        objects=objects,
        calibration=load_calibration(run),
        alarms=recipe.alarms,
        settings={
            "file": {
                "readers": reading.readers,
                "plugins": reading.plugins,
                "stall_s": reading.stall_s,
            }
        },
    )


def _is_exported(run: Path) -> bool:
    from vadkit.methods.exported import SUFFIXES

    return run.suffix in SUFFIXES and not run.is_dir()


def _load_exported(path: Path) -> Detector:
    import torch

    from vadkit.inference.detector import Detector
    from vadkit.methods.exported import load_exported
    from vadkit.scoring.calibration import Calibration
    from vadkit.scoring.normal import NormalScores

    method = load_exported(path)
    record = method.record
    try:
        flow = check_components(record["flow"], "flow", "optional", "flow")
        scorers = check_components(record["scorers"], "scorers", "list", "scorers")
    except RecipeError as error:
        raise DataError(f"{path} has a damaged record: {error}; export it again") from None
    normal, calibration = record["normal"], record.get("calibration")
    return Detector(
        method,
        torch.device("cpu"),
        torch.float32,
        normal=NormalScores.from_dict(normal) if normal else None,
        scorers=tuple(build_spec("scorers", spec) for spec in scorers),
        flow=build_spec("flow", flow) if flow else None,
        calibration=Calibration.from_dict(calibration) if calibration else None,
        alarms=Alarms(**record["alarms"]),
    )


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
        asked = [] if _is_exported(run) else own_sinks(run)
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
        device = "cpu" if _is_exported(run) else load_run(run).train.device
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
