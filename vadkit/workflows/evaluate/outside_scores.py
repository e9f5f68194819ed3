"""Evaluate frame scores that other code has written."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.errors import DataError, RecipeError
from vadkit.recipe import Spec, find_recipe, load_recipe
from vadkit.recipe.model import DEFAULTS
from vadkit.registry import build
from vadkit.workflows.build import build_list, load_videos
from vadkit.workflows.evaluate.evaluation import Evaluation
from vadkit.workflows.evaluate.protocols import (
    LabelledScores,
    build_protocols,
    default_protocols,
    evaluate_scored,
    unscored_notes,
)
from vadkit.workflows.evaluate.run_scores import label_source
from vadkit.workflows.frames import frame_rates

if TYPE_CHECKING:
    from vadkit.data.videos import Video


@dataclass(frozen=True)
class _Known:
    """What labels, or the recipe that contains them, tell about videos.

    ``labels`` are functions from the number of frames of a video to its flags. ``frames`` are the
    known numbers of frames, from the labels or, if ``from_files``, from the video files.
    """

    source: str
    labels: dict[str, Callable[[int], np.ndarray]]
    frames: dict[str, int]
    from_files: bool = False
    rates: dict[str, float] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)


def evaluate_scores(
    scores: Path,
    labels: Path,
    *,
    protocols: Sequence[str] = (),
    fps: float | None = None,
    overrides: Sequence[str] = (),
) -> Evaluation:
    """Evaluate a folder or file of scores against labels.

    ``labels`` is a label file or folder in any known format, or a recipe; then the test labels of
    its dataset are used (``overrides`` change the recipe, such as ``dataset.root``).
    ``vadkit.data.frame_scores`` describes the formats of scores. A concatenated array is split by
    the lengths in the labels. There is no threshold, because training scores are unknown.

    Raises ``DataError`` if videos or lengths differ, for infinite scores, and for labels of one
    class; ``RecipeError`` for an invalid frame rate.
    """
    from vadkit.data.frame_scores import read_scores, split_row
    from vadkit.evaluation.frame_counts import check_videos

    if fps is not None and not 0 < fps < math.inf:
        raise RecipeError(f"--fps {fps:g} is not a frame rate; give frames per second, above 0")
    notes = []
    known = _of_recipe(labels, overrides) if _is_recipe(labels) else _of_file(labels)
    found = read_scores(scores)
    if set(found) == {""}:
        if len(known.frames) < len(known.labels):
            raise DataError(
                f"{scores} is one array for all videos, and {known.source} does not state their "
                "lengths; give one file per video, with the name of the video"
            )
        found = split_row(found[""], known.frames)
        notes.append(f"The array of scores was split in the order {_order(known.frames)}.")
    check_videos(found, known.labels)
    for video, values in found.items():
        _check_length(video, len(values), known)
    if len(known.frames) < len(found):
        notes.append(
            f"{known.source} does not state the number of frames of the videos, so lengths were "
            "not checked. Frames outside all intervals were assumed to be normal."
        )
    flags = {video: known.labels[video](len(values)) for video, values in found.items()}
    scored = LabelledScores(
        found,
        flags,
        known.source,
        "unknown",
        rates=known.rates if fps is None else dict.fromkeys(found, fps),
        categories=known.categories,
    )
    results = evaluate_scored(
        scored,
        build_protocols(Spec(type=name) for name in protocols)
        or [*default_protocols(), build("protocols", "conv-ae", {})],
        build_list("evaluators", [Spec(**spec) for spec in DEFAULTS["evaluators"]]),
    )
    return Evaluation(
        str(scores), None, None, known.source, [], results, notes=notes + unscored_notes(found)
    )


def _is_recipe(path: Path) -> bool:
    return find_recipe(path).suffix in (".yaml", ".yml")


def _of_recipe(path: Path, overrides: Sequence[str]) -> _Known:
    recipe = load_recipe(path, overrides, code="trusted")
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    videos = load_videos(recipe, "test")
    bare = [video.id for video in videos if video.labels is None]
    if bare:
        raise DataError(f"the dataset of {path} has no labels for test video '{bare[0]}'")
    return _Known(
        label_source(recipe, dataset),
        {video.id: video.labels for video in videos if video.labels is not None},
        _stated_frames(videos),
        True,
        frame_rates(videos, getattr(dataset, "fps", None)),
        {video.id: video.category for video in videos if video.category},
    )


def _of_file(path: Path) -> _Known:
    from vadkit.data.labels import read_any

    found = read_any(path)
    return _Known(
        path.name,
        {video: one.of(video, path.name) for video, one in found.items()},
        {video: one.frames for video, one in found.items() if one.frames is not None},
    )


def _stated_frames(videos: Sequence[Video]) -> dict[str, int]:
    """Return the number of frames that the files state, by video, if they do."""
    from vadkit.data.decoding.child import Worker
    from vadkit.data.decoding.decode import probe

    counts = {}
    with Worker() as worker:
        for path in sorted({video.path for video in videos}):
            with contextlib.suppress(DataError):
                counts[path] = probe(path, worker=worker).frames
    frames = {}
    for video in videos:
        start, stop = video.part or (0, None)
        if (end := stop or counts.get(video.path)) is not None:
            frames[video.id] = end - start
    return frames


def _check_length(video: str, scores: int, known: _Known) -> None:
    frames = known.frames.get(video, scores)
    # Labels that state a length check it themselves, with a better message.
    if known.from_files and frames != scores:
        advice = (
            "use NaN for a frame without a score"
            if scores < frames
            else "the scores are probably from another version of the video"
        )
        raise DataError(
            f"video '{video}' has {frames} frames according to its file, but {scores} scores; "
            f"{advice}"
        )


def _order(frames: Mapping[str, int]) -> str:
    names = [f"{video} ({count})" for video, count in frames.items()]
    return ", ".join(names if len(names) <= 6 else [*names[:3], "...", *names[-2:]])
