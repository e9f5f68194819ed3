"""Scoring videos with a run: scores, plot and annotated video for each source."""

from __future__ import annotations

import contextlib
import glob
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.errors import DataError, RecipeError
from vadkit.recipe import Spec
from vadkit.registry import build
from vadkit.workflows.build import build_list, load_method
from vadkit.workflows.frames import store_settings
from vadkit.workflows.run import load_run

if TYPE_CHECKING:
    from vadkit.data.store import Settings
    from vadkit.inference.detector import Detector

SINKS = ("jsonl", "npz", "plot", "video")
_log = logging.getLogger("vadkit.infer")


@dataclass(frozen=True)
class Inferred:
    """What became of one source."""

    video: str
    frames: int
    scored: int
    frames_per_s: float
    peak: float
    peak_s: float
    files: list[str]

    def as_data(self) -> dict[str, Any]:
        """JSON-like data; null where no frame was scored."""
        return {k: None if v != v else v for k, v in asdict(self).items()}


def load_detector(run: Path, checkpoint: str = "last") -> Detector:
    """The detector of a run, or of a file that `vadkit export` wrote."""
    from vadkit.device import pick_device, pick_precision
    from vadkit.inference.detector import Detector, load_normal
    from vadkit.methods.exported import SUFFIXES

    if run.suffix in SUFFIXES and not run.is_dir():
        return _load_exported(run)
    recipe = load_run(run)
    device = pick_device(recipe.train.device)
    method, _ = load_method(recipe, run / "checkpoints" / f"{checkpoint}.pt", device)
    spec = method.clip.scoring
    flow = objects = None
    if spec.given:
        raise RecipeError(
            f"method.{spec.given[0]}: a file knows the features of its data set alone; to score "
            "other video, train with features that are worked out from frames"
        )
    if spec.flow and recipe.flow is not None:
        flow = build("flow", recipe.flow.type, recipe.flow.params)
    if spec.boxes is not None and recipe.objects is not None:
        objects = build("objects", recipe.objects.type, recipe.objects.params)
        if not objects.reads_frames:
            raise RecipeError(
                f"objects: {recipe.objects.type} knows the objects of its data set alone; to score "
                "other video, train with a finder that looks at frames, such as objects.type: blobs"
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
        settings={
            "file": {
                "readers": reading.readers,
                "plugins": reading.plugins,
                "stall_s": reading.stall_s,
            }
        },
    )


def _load_exported(path: Path) -> Detector:
    import torch

    from vadkit.inference.detector import Detector
    from vadkit.methods.exported import load_exported
    from vadkit.scoring.normal import NormalScores

    method = load_exported(path)
    record = method.record
    normal, flow = record["normal"], record["flow"]
    return Detector(
        method,
        torch.device("cpu"),
        torch.float32,
        normal=NormalScores.from_dict(normal) if normal else None,
        scorers=tuple(build_list("scorers", [Spec(**spec) for spec in record["scorers"]])),
        flow=build("flow", flow.pop("type"), flow) if flow else None,
    )


def infer(
    run: Path | str,
    sources: Sequence[str],
    *,
    out: Path | None = None,
    checkpoint: str = "last",
) -> list[Inferred]:
    """Score every source and write its files under ``out`` (``RUN/infer`` by default).

    ``run`` may also be a file that `vadkit export` wrote; results go beside it by default then.
    Sources are video files, image folders, folders of either, or glob patterns. A video that
    cannot be read is reported and the others go on; ``DataError`` ends it when none could be.
    """
    from vadkit.data.store import Settings

    run = Path(run)
    videos = expand_sources(sources)
    detector = load_detector(run, checkpoint)
    if run.is_dir():
        settings = store_settings(load_run(run))
    else:
        clip = detector.method.clip
        settings = Settings(size=clip.size, channels=clip.channels)
    folder = out or (run / "infer" if run.is_dir() else run.with_name(f"{run.stem}-infer"))
    results, failures = [], []
    for name, path in videos:
        try:
            results.append(_infer_one(detector, settings, name, path, folder / name))
        except DataError as error:
            failures.append(str(error))
            _log.warning("skipped: %s", error)
    if failures and not results:
        raise DataError("\n".join(failures) if len(failures) == 1 else _summary(failures))
    return results


def _summary(failures: list[str]) -> str:
    return f"none of {len(failures)} videos could be scored; the first: {failures[0]}"


def expand_sources(sources: Sequence[str]) -> list[tuple[str, Path]]:
    """Names and paths of all videos behind the sources, in order, each once.

    Raises ``DataError`` for a source that matches nothing.
    """
    from vadkit.data.datasets.folder import find_videos

    found: dict[Path, str] = {}
    for source in sources:
        path = Path(source).expanduser()
        if path.is_file():
            found.setdefault(path, path.stem)
        elif path.is_dir():
            for name, video in find_videos(path):
                found.setdefault(video, name)
        else:
            matches = sorted(glob.glob(str(path), recursive=True))
            if not matches:
                raise DataError(
                    f"no video at '{source}': it is no file, no folder, and as a pattern it "
                    "matches nothing"
                )
            for match in matches:
                found.setdefault(Path(match), Path(match).stem)
    names: dict[str, int] = {}
    result = []
    for path, name in found.items():
        names[name] = names.get(name, 0) + 1
        result.append((name if names[name] == 1 else f"{name}-{names[name]}", path))
    return result


def _infer_one(
    detector: Detector, settings: Settings, name: str, path: Path, folder: Path
) -> Inferred:
    from vadkit.data.decode import probe, read_frames
    from vadkit.inference.sinks.sink import SourceInfo, VideoScores
    from vadkit.scoring.scorer import apply, chain_keeps_unit, chain_label

    info = probe(path)
    sinks = [build("sinks", kind, {}, folder) for kind in SINKS]
    source = SourceInfo(Path(name).name, info.fps, info.size, detector.normal)
    raw: list[float] = []
    started = time.monotonic()
    with contextlib.ExitStack() as undo:
        for sink in sinks:
            sink.open(source)
            undo.callback(sink.abort)
        reading = read_frames(
            path, readers=settings.readers, plugins=settings.plugins, stall_s=settings.stall_s
        )
        with contextlib.closing(reading) as frames:
            for item in detector.stream(frames):
                raw.append(item.raw)
                for sink in sinks:
                    sink.frame(item)
        span = detector.method.clip.scoring.span
        if len(raw) < span:
            raise DataError(
                f"{path} has {len(raw)} frames; the method needs at least {span} to score any"
            )
        scores = np.array(raw)
        final = apply(detector.scorers, {name: scores})[name]
        result = VideoScores(
            source.name,
            info.fps,
            scores,
            final,
            chain_label(detector.scorers),
            same_unit=chain_keeps_unit(detector.scorers),
        )
        files = [str(sink.close(result)) for sink in sinks]
        undo.pop_all()
    scored = np.isfinite(scores)
    peak = int(np.nanargmax(final)) if scored.any() else -1
    return Inferred(
        video=str(path),
        frames=len(scores),
        scored=int(scored.sum()),
        frames_per_s=len(scores) / max(time.monotonic() - started, 1e-9),
        peak=float(final[peak]) if scored.any() else float("nan"),
        peak_s=peak / info.fps if scored.any() else float("nan"),
        files=files,
    )
