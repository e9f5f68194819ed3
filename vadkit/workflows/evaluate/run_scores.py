"""Raw scores of a run on its test split: use saved ones, or compute them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from vadkit.arrays import load_archive
from vadkit.errors import DataError, RecipeError, TrainingError
from vadkit.files import write_json, write_whole
from vadkit.reading import read_json
from vadkit.recipe import Recipe
from vadkit.text import video_file
from vadkit.workflows.build import build_list, load_method, load_videos, time_rules
from vadkit.workflows.detections import FoundDetections
from vadkit.workflows.evaluate.cluster import score_on_cluster
from vadkit.workflows.evaluate.protocols import LabelledScores
from vadkit.workflows.frames import load_extras, skipped_entries, store_videos
from vadkit.workflows.progress import clip_progress, say
from vadkit.workflows.rates import frame_rates
from vadkit.workflows.run import checkpoint_file, read_manifest, require_run, update_manifest
from vadkit.zones import always_digest, read_zones

if TYPE_CHECKING:
    from vadkit.data.store.build import Skipped
    from vadkit.data.videos import FrameReader, Video
    from vadkit.engine.score_videos import VideoScores

# The arrays of parts have this before their name, so that no part can be called "scores".
_PART = "part."


def score_run(
    run: Path,
    recipe: Recipe,
    checkpoint: str = "last",
    overrides: tuple[str, ...] = (),
    *,
    called: str | None = None,
    ray: str | None = None,
    parts: bool = False,
    detections: bool = False,
) -> tuple[LabelledScores, dict[str, Any]]:
    """Return raw test scores of a checkpoint, saved ones if they are current, and their record.

    Saved scores are current for the same checkpoint, overrides, list of test videos and content of
    their files. Labels are read again each time. If the dataset no longer exists, saved scores and
    labels are used, with a message on stderr. ``called`` names the checkpoint in protocols. With
    ``parts`` or ``detections``, scores that were saved without them are computed again.
    """
    from vadkit.scoring.calibration import load_calibration
    from vadkit.scoring.normal import load_normal

    path = checkpoint_file(run, checkpoint)
    if not path.is_file():
        names = checkpoint_names(run)
        raise TrainingError(
            f"run {run} has no checkpoint '{checkpoint}'; "
            + (f"choose one of {', '.join(names)}" if names else "train it first, or use --resume")
        )
    made_from = {
        "checkpoint": checkpoint,
        "digest": checkpoint_digest(path),
        "overrides": list(overrides),
        "zones": always_digest(read_zones(run)),
    }
    meta = {"zones": "", **_saved_meta(run)}
    current = {key: meta.get(key) for key in made_from} == made_from and "rates" in meta
    current = current and ("parts" in meta or not parts)
    current = current and (meta.get("detections") is not None or not detections)
    if not current or not _still_labelled(run, recipe, meta):
        meta = {**made_from, **_score_test_split(run, recipe, path, overrides, ray)}
        write_json(run / "scores" / "test" / "meta.json", meta)
    scores, labels = _load_scores(run, meta["videos"])
    calibration = load_calibration(run)
    scored = LabelledScores(
        scores,
        labels,
        meta["label_source"],
        called or checkpoint,
        normal=load_normal(run),
        calibration=calibration if calibration and calibration.checkpoint == checkpoint else None,
        rates=meta["rates"],
        clip_fps=recipe.clip.fps,
        rules=time_rules(recipe.alarms),
        categories=meta["categories"],
        scorers=build_list("scorers", recipe.scorers),
        parts=_load_parts(run, scores),
    )
    return scored, meta


def checkpoint_names(run: Path) -> list[str]:
    """Return the names of the checkpoints of a run."""
    return sorted(path.stem for path in (run / "checkpoints").glob("*.pt"))


def check_labelled(videos: Sequence[Video]) -> None:
    """Raise ``DataError`` unless every test video has labels."""
    bare = [video.id for video in videos if video.labels is None]
    if bare:
        raise DataError(
            f"{len(bare)} of {len(videos)} test videos have no labels (first: '{bare[0]}'), so "
            "scores cannot be evaluated; add labels, or use `vadkit infer`"
        )


def store_labelled(
    recipe: Recipe, videos: list[Video], ray: str | None = None
) -> tuple[list[FrameReader], dict[str, np.ndarray], list[Skipped]]:
    """Return the frames and labels of test videos, and the skipped ones; labels are required."""
    from vadkit.data.store.paced import whole

    check_labelled(videos)
    stored, skipped = store_videos(recipe, videos, ray)
    lengths = {video.id: len(whole(video)) for video in stored}
    labels = {
        video.id: video.labels(lengths[video.id])
        for video in videos
        if video.labels is not None and video.id in lengths
    }
    return stored, labels, skipped


def _still_labelled(run: Path, recipe: Recipe, meta: dict[str, Any]) -> bool:
    """Update the labels of saved scores; return False if the test videos have changed."""
    try:
        videos = load_videos(recipe, "test")
    except DataError as error:
        known = read_manifest(run).get("test", {}).get("videos", {})
        if any(Path(path).exists() for path in known.values()):
            raise
        say(f"using the saved scores and labels, because the dataset cannot be read: {error}")
        return True
    if {video.id for video in videos} != {*meta["videos"], *meta["skipped"]}:
        say("the dataset has other test videos than the saved scores; scoring again")
        return False
    # Records of older versions do not have the contents.
    before, found = meta.get("contents") or {}, _contents(videos)
    changed = [name for name in before if name in found and found[name] != before[name]]
    if changed:
        say(f"test video '{changed[0]}' has changed since it was scored; scoring again")
        return False
    check_labelled(videos)
    scores, labels = _load_scores(run, meta["videos"])
    for video in videos:
        if video.id not in scores or video.labels is None:
            continue
        now = video.labels(len(scores[video.id]))
        if not np.array_equal(now, labels[video.id]):
            say(f"labels of video '{video.id}' have changed since it was scored")
            path = _score_path(run, video.id)
            times, parts = read_times(path, len(now)), read_parts(path, len(now))
            _save_scores(run, video.id, scores[video.id], now, times, parts)
    return True


def _contents(videos: Sequence[Video]) -> dict[str, str]:
    """Return the content of the videos' files by id, for files that exist."""
    from vadkit.data.store.digests import content_digest
    from vadkit.data.store.settings import cache_folder

    memory = cache_folder() / "digests"
    return {
        video.id: f"{content_digest(video.path, memory)} {video.part}"
        for video in videos
        if video.path.exists()
    }


def _note_test_split(
    run: Path, source: str, videos: Sequence[Video], skipped: Sequence[Skipped]
) -> None:
    paths = {video.id: str(video.path.absolute()) for video in videos}
    entry = {"label_source": source, "videos": paths, "skipped": skipped_entries(skipped)}
    update_manifest(run, test=entry)


def _score_test_split(
    run: Path, recipe: Recipe, checkpoint: Path, overrides: tuple[str, ...], ray: str | None
) -> dict[str, Any]:
    from vadkit.data.store.paced import of_all_frames, whole
    from vadkit.device import few_threads, pick_device, pick_precision, scoring_batch
    from vadkit.engine.score_videos import score_videos
    from vadkit.registry import build

    videos = load_videos(recipe, "test")
    stored, labels, skipped = store_labelled(recipe, videos, ray)
    device = pick_device(recipe.train.device)
    dtype = pick_precision(recipe.train.precision, device)
    method, step = load_method(recipe, checkpoint, device)
    extras = load_extras(recipe, method.clip.scoring, videos, stored)
    batch_size = scoring_batch(recipe.train.batch_size, device)
    score = partial(score_videos, method, device=device, dtype=dtype, batch_size=batch_size)
    objects = FoundDetections(stored, videos, method.clip.size)
    names: set[str] = set()
    with (
        contextlib.ExitStack() as undo,
        few_threads(method, device),
        method.adapting(),
        clip_progress("scoring", sum(map(len, stored))) as scored,
    ):
        items = list(zip(stored, extras, strict=True))
        results: Iterable[tuple[FrameReader, VideoScores]]
        if ray is None:
            here = score(stored, extras, scored=scored, detected=objects.takers())
            undo.enter_context(contextlib.closing(here))
            results = zip(stored, here, strict=True)
        elif method.adapts:
            raise _learns_in_order(recipe)
        else:
            on_ray = score_on_cluster(
                ray, run, recipe, overrides, checkpoint, checkpoint_digest, items, scored
            )
            undo.enter_context(contextlib.closing(on_ray))
            results = ((stored[number], one) for number, one in on_ray)
        for video, (found, found_parts) in results:
            scores = of_all_frames(video, found)
            parts = {name: of_all_frames(video, one) for name, one in found_parts.items()}
            names |= parts.keys()
            _save_scores(run, video.id, scores, labels[video.id], whole(video).times, parts)
    detects = objects.save(run)
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    source = label_source(recipe, dataset)
    _note_test_split(run, source, videos, skipped)
    kept = [video for video in videos if video.id in labels]
    return {
        "step": step,
        "label_source": source,
        "videos": [video.id for video in stored],
        "skipped": [one.id for one in skipped],
        "contents": _contents(kept),
        "rates": frame_rates(kept, getattr(dataset, "fps", None)),
        "categories": {video.id: video.category for video in kept if video.category},
        "parts": sorted(names),
        # The other machines of a cluster return scores only.
        "detections": detects if ray is None else None,
    }


def _learns_in_order(recipe: Recipe) -> RecipeError:
    return RecipeError(
        f"--ray: method '{recipe.method.type}' learns from the test videos in their order; "
        "evaluate this run without --ray"
    )


def label_source(recipe: Recipe, dataset: Any) -> str:
    """Return the dataset's name for its labels, or the type of the dataset."""
    return str(getattr(dataset, "label_source", recipe.dataset.type))


def _score_path(run: Path, video: str) -> Path:
    return video_file(run / "scores" / "test", video, ".npz")


def _save_scores(
    run: Path,
    video: str,
    scores: np.ndarray,
    labels: np.ndarray,
    times: np.ndarray | None,
    parts: Mapping[str, np.ndarray],
) -> None:
    """Save scores and labels (N,), the times (N,) of the frames in seconds, if known, and parts."""
    require_run(run)
    arrays: dict[str, Any] = {"scores": scores.astype(np.float32), "labels": labels}
    if times is not None:
        arrays["times"] = times
    arrays |= {f"{_PART}{name}": values.astype(np.float32) for name, values in parts.items()}
    with write_whole(_score_path(run, video)) as partial:
        np.savez(partial, **arrays)


def _saved_meta(run: Path) -> dict[str, Any]:
    path = run / "scores" / "test" / "meta.json"
    try:
        data: dict[str, Any] = read_json(path, _Meta, "evaluate again")
    except (OSError, TrainingError):
        # A damaged or older record is replaced.
        return {}
    return data


class _Meta(BaseModel):
    """The record of saved scores."""

    checkpoint: str
    digest: str
    zones: str = ""
    overrides: list[str]
    step: int
    label_source: str
    videos: list[str]
    skipped: list[str]
    contents: dict[str, str] | None = None
    rates: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]]
    categories: dict[str, str]
    parts: list[str] | None = None
    detections: bool | None = None


def _load_scores(
    run: Path, videos: list[str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    scores, labels = {}, {}
    for video in videos:
        path = _score_path(run, video)
        try:
            scores[video], labels[video] = read_score_file(path)
        except (OSError, ValueError) as error:
            raise DataError(
                f"saved scores {path} cannot be read ({error}); delete {path.parent} and "
                "evaluate again"
            ) from None
    return scores, labels


def read_score_file(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read scores (float64) and labels (bool) that evaluation has saved; the caller checks shapes.

    Raises ``ValueError`` for a file with other content, and ``OSError``.
    """
    saved = load_archive(path)
    if missing := {"scores", "labels"} - saved.keys():
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    scores, labels = saved["scores"], saved["labels"]
    if scores.dtype.kind != "f" or labels.dtype.kind not in "biu":
        raise ValueError(f"it contains {scores.dtype} scores and {labels.dtype} labels")
    return scores.astype(np.float64), labels.astype(bool)


def read_times(path: Path, frames: int) -> np.ndarray | None:
    """Return the times (frames,) in seconds that evaluation has saved with scores; None if none.

    Earlier versions saved none.
    """
    times = load_archive(path).get("times")
    if times is None or times.shape != (frames,) or times.dtype.kind != "f":
        return None
    return times.astype(np.float64)


def read_parts(path: Path, frames: int) -> dict[str, np.ndarray]:
    """Return the parts (frames,) of the scores that evaluation has saved, by name; {} if none."""
    return {
        name.removeprefix(_PART): values.astype(np.float64)
        for name, values in load_archive(path).items()
        if name.startswith(_PART) and values.shape == (frames,) and values.dtype.kind == "f"
    }


def _load_parts(run: Path, scores: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Return saved parts (N,) by part and video; NaN for a video without, such as a short one."""
    saved = {name: read_parts(_score_path(run, name), len(scores[name])) for name in scores}
    return {
        part: {
            video: parts.get(part, np.full(len(scores[video]), np.nan))
            for video, parts in saved.items()
        }
        for part in sorted({part for parts in saved.values() for part in parts})
    }


def checkpoint_digest(path: Path) -> str:
    """Return a hash of a checkpoint's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
