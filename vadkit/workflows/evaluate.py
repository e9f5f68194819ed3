"""Evaluating a run: from saved scores where they are current, else by scoring the test split."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.errors import DataError, TrainingError
from vadkit.recipe import Recipe
from vadkit.workflows.build import evaluate_scores, load_method, load_videos
from vadkit.workflows.frames import load_extras, skipped_entries, store_videos
from vadkit.workflows.run import load_run, update_manifest, write_json

if TYPE_CHECKING:
    from vadkit.data.clip_sources import FrameReader
    from vadkit.data.store import Skipped
    from vadkit.data.videos import Video
    from vadkit.evaluation.metrics import Metric


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a run and what they stand on."""

    run: str
    checkpoint: str
    step: int
    label_source: str
    skipped: list[str]
    metrics: list[Metric]

    def as_data(self) -> dict[str, Any]:
        """JSON-like data; undefined metrics are null."""
        data = asdict(self)
        for metric in data["metrics"]:
            if metric["value"] != metric["value"]:
                metric["value"] = None
        return data


def evaluate(run: Path | str, *, checkpoint: str = "last", overrides: tuple[str, ...] = ()) -> Any:
    """Evaluate a run on its dataset's test split and write ``eval.json``.

    ``checkpoint`` is ``last``, ``best`` (lowest training loss) or another name under
    ``checkpoints/``. Scores are saved in ``scores/test`` and taken from there when they were
    made from the same checkpoint. Raises ``DataError`` when the test split has no labels.
    """
    run = Path(run)
    recipe = load_run(run, overrides)
    path = run / "checkpoints" / f"{checkpoint}.pt"
    if not path.is_file():
        names = sorted(p.stem for p in (run / "checkpoints").glob("*.pt"))
        raise TrainingError(
            f"run {run} has no checkpoint '{checkpoint}'; "
            + (f"there are {', '.join(names)}" if names else "train it first, or --resume it")
        )
    made_from = {"checkpoint": checkpoint, "digest": _digest(path), "overrides": list(overrides)}
    meta = _saved_meta(run)
    if {key: meta.get(key) for key in made_from} != made_from:
        meta = {**made_from, **_score_test_split(run, recipe, path)}
        write_json(run / "scores" / "test" / "meta.json", meta)
    scores, labels = _load_scores(run, meta["videos"])
    note = "" if checkpoint == "last" else f", checkpoint {checkpoint}"
    metrics = evaluate_scores(recipe, scores, labels, note=note)
    result = Evaluation(
        str(run), checkpoint, meta["step"], meta["label_source"], meta["skipped"], metrics
    )
    write_json(run / "eval.json", result.as_data())
    return result


def store_labelled(
    recipe: Recipe, videos: list[Video]
) -> tuple[list[FrameReader], dict[str, np.ndarray], list[Skipped]]:
    """Frames and labels of test videos, and those left out; each must have labels."""
    bare = [video.id for video in videos if video.labels is None]
    if bare:
        raise DataError(
            f"{len(bare)} of {len(videos)} test videos have no labels (first: '{bare[0]}'), so "
            "there is nothing to compare scores with; add labels, or use `vadkit infer`"
        )
    stored, skipped = store_videos(recipe, videos)
    lengths = {video.id: len(video) for video in stored}
    labels = {
        video.id: video.labels(lengths[video.id])
        for video in videos
        if video.labels is not None and video.id in lengths
    }
    return stored, labels, skipped


def _score_test_split(run: Path, recipe: Recipe, checkpoint: Path) -> dict[str, Any]:
    from vadkit.device import pick_device, pick_precision
    from vadkit.methods.scoring import score_video
    from vadkit.registry import build

    videos = load_videos(recipe, "test")
    stored, labels, skipped = store_labelled(recipe, videos)
    device = pick_device(recipe.train.device)
    dtype = pick_precision(recipe.train.precision, device)
    method, step = load_method(recipe, checkpoint, device)
    extras = load_extras(recipe, method.clip.scoring, videos, stored)
    score = partial(
        score_video, method, device=device, dtype=dtype, batch_size=recipe.train.batch_size
    )
    with method.adapting():
        for video, beside in zip(stored, extras, strict=True):
            scores = score(video, extras=beside)
            path = _score_path(run, video.id)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".tmp")
            with temporary.open("wb") as file:
                np.savez(file, scores=scores.astype(np.float32), labels=labels[video.id])
            temporary.replace(path)
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    source = str(getattr(dataset, "label_source", recipe.dataset.type))
    paths = {video.id: str(video.path.absolute()) for video in videos}
    update_manifest(
        run,
        test={"label_source": source, "videos": paths, "skipped": skipped_entries(skipped)},
    )
    return {
        "step": step,
        "label_source": source,
        "videos": [video.id for video in stored],
        "skipped": [one.id for one in skipped],
    }


def _score_path(run: Path, video: str) -> Path:
    return run / "scores" / "test" / f"{video}.npz"


def _saved_meta(run: Path) -> dict[str, Any]:
    path = run / "scores" / "test" / "meta.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return data if isinstance(data, dict) else {}


def _load_scores(
    run: Path, videos: list[str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    scores, labels = {}, {}
    for video in videos:
        path = _score_path(run, video)
        try:
            with np.load(path) as saved:
                scores[video] = saved["scores"].astype(np.float64)
                labels[video] = saved["labels"]
        except (OSError, KeyError, ValueError) as error:
            raise DataError(
                f"saved scores {path} cannot be read ({error}); delete {path.parent} and "
                "evaluate again"
            ) from None
    return scores, labels


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
