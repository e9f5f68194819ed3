"""Evaluating frame scores that any other code has written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from vadkit.errors import DataError
from vadkit.recipe import Spec, load_recipe
from vadkit.recipe.model import DEFAULTS
from vadkit.recipe.resolve import find_recipe
from vadkit.registry import build
from vadkit.workflows.build import build_list, load_videos
from vadkit.workflows.evaluate import Evaluation
from vadkit.workflows.protocols import (
    Scored,
    build_protocols,
    default_protocols,
    evaluate_scored,
)
from vadkit.workflows.test_scores import frame_rates, label_source

# From a video's frame count to its labels, and the count where the labels tell it themselves.
_Labels = dict[str, tuple[Callable[[int], np.ndarray], int | None]]


def evaluate_scores(
    scores: Path,
    labels: Path,
    *,
    protocols: Sequence[str] = (),
    fps: float | None = None,
    overrides: Sequence[str] = (),
) -> Evaluation:
    """Evaluate a folder or file of scores against labels.

    ``labels`` is a label file or folder of any known format, or a recipe, whose data set's test
    labels are taken (``overrides`` change it, such as ``dataset.root``). See
    ``vadkit.data.frame_scores`` for the forms of scores. One row for all videos is cut by the
    labels' lengths. Nothing is known of training scores, so there is no threshold.

    Raises ``DataError`` when videos or lengths differ, for infinite scores, and for labels of one
    class.
    """
    from vadkit.data.frame_scores import read_scores, split_row
    from vadkit.evaluation.frame_counts import check_videos

    known, source, rates, categories = _read_labels(labels, overrides)
    found = read_scores(scores)
    if set(found) == {""}:
        lengths = {video: count for video, (_, count) in known.items() if count is not None}
        if len(lengths) < len(known):
            raise DataError(
                f"{scores} is one row for all videos, and {source} does not say how long they are; "
                "give one file a video, named after it"
            )
        found = split_row(found[""], lengths)
    check_videos(found, known)
    flags = {video: known[video][0](len(values)) for video, values in found.items()}
    if fps is not None:
        rates = dict.fromkeys(found, fps)
    scored = Scored(found, flags, source, "not told", rates=rates, categories=categories)
    results = evaluate_scored(
        scored,
        build_protocols(Spec(type=name) for name in protocols)
        or [*default_protocols(), build("protocols", "conv-ae", {})],
        build_list("evaluators", [Spec(**spec) for spec in DEFAULTS["evaluators"]]),
    )
    return Evaluation(str(scores), None, None, source, [], results)


def _read_labels(
    path: Path, overrides: Sequence[str]
) -> tuple[_Labels, str, dict[str, float], dict[str, str]]:
    """Labels by video, what they are called, frame rates and categories where they are known."""
    if find_recipe(path).suffix in (".yaml", ".yml"):
        recipe = load_recipe(path, overrides)
        dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
        videos = load_videos(recipe, "test")
        bare = [video.id for video in videos if video.labels is None]
        if bare:
            raise DataError(f"the data set of {path} has no labels of test video '{bare[0]}'")
        return (
            {video.id: (video.labels, None) for video in videos if video.labels is not None},
            label_source(recipe, dataset),
            frame_rates(videos, getattr(dataset, "fps", None)),
            {video.id: video.category for video in videos if video.category},
        )
    from vadkit.data.labels import read_any

    return (
        {video: (one.of(video, path.name), one.frames) for video, one in read_any(path).items()},
        path.name,
        {},
        {},
    )
