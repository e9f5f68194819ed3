"""Evaluate frame scores that other code has written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.errors import DataError, RecipeError
from vadkit.recipe import Spec
from vadkit.recipe.model import DEFAULTS
from vadkit.registry import build
from vadkit.workflows.build import build_list
from vadkit.workflows.evaluate.evaluation import Evaluation
from vadkit.workflows.evaluate.protocols import (
    LabelledScores,
    build_protocols,
    default_protocols,
    evaluate_scored,
    unscored_notes,
    upside_down_notes,
)
from vadkit.workflows.outside.labels import (
    KnownLabels,
    is_recipe,
    labels_of_file,
    labels_of_recipe,
    labels_of_videos,
)
from vadkit.workflows.outside.rows import cut_labels, evaluate_rows

if TYPE_CHECKING:
    from vadkit.data.labels.table import Unit


def evaluate_scores(
    scores: Path,
    labels: Path,
    *,
    videos: Path | None = None,
    offset: int = 0,
    unit: Unit | None = None,
    protocols: Sequence[str] = (),
    fps: float | None = None,
    overrides: Sequence[str] = (),
) -> Evaluation:
    """Evaluate a folder or file of scores against labels.

    ``labels`` is a label file or folder in any known format, or a recipe; then the test labels of
    its dataset are used (``overrides`` change the recipe, such as ``dataset.root``). ``videos`` is
    a folder with the videos of a label file, which gives their lengths. ``unit`` is that of a table
    of labels. ``vadkit.data.frame_scores`` describes the formats of scores. One array for all
    videos is split by the lengths of the videos; the same is true for labels. If the lengths are
    unknown, only metrics over all frames are computed. The first ``offset`` frames of every video
    have no score. There is no threshold, because training scores are unknown.

    Raises ``DataError`` if videos or lengths differ, for infinite scores, and for labels of one
    class; ``RecipeError`` for an invalid frame rate and for options that exclude each other.
    """
    from vadkit.data.frame_scores import only_row, read_scores
    from vadkit.data.labels.rows import order

    _check(fps, offset, labels, videos, unit)
    known = _known(labels, videos, unit, fps, overrides)
    notes = list(known.notes)
    found = read_scores(scores)
    if known.row and not set(found) & set(known.row):
        if len(found) == 1:
            return evaluate_rows(scores, found, labels, known, protocols, offset)
        known = cut_labels(known, labels, found, offset)
        notes += known.notes
    if (row := only_row(found, known.labels)) is not None:
        found = _split(row, scores, known, offset)
        notes.append(f"The array of scores was split in the order {order(known.frames)}.")
    found = _of_known_videos(found, known, offset)
    if len(known.frames) < len(found):
        notes.append(
            f"{known.source} does not state the number of frames of the videos, so lengths were "
            "not checked. Frames outside all intervals were assumed to be normal."
        )
    results = evaluate_scored(
        _labelled(found, known, fps),
        build_protocols(Spec(type=name) for name in protocols)
        or [*default_protocols(), build("protocols", "conv-ae", {})],
        build_list("evaluators", [Spec(**spec) for spec in DEFAULTS["evaluators"]]),
    )
    notes += [*unscored_notes(found), *upside_down_notes(results), *_truth_notes(found)]
    return Evaluation(str(scores), None, None, known.source, [], results, notes=notes)


def _check(
    fps: float | None, offset: int, labels: Path, videos: Path | None, unit: Unit | None
) -> None:
    if fps is not None and not 0 < fps < math.inf:
        raise RecipeError(f"--fps {fps:g} is not a frame rate; give frames per second, above 0")
    if offset < 0:
        raise RecipeError(f"--offset {offset} is not a number of frames; give 0 or more")
    if is_recipe(labels):
        if videos is not None:
            raise RecipeError(
                "--videos cannot be used with a recipe, which names its videos itself"
            )
        if unit is not None:
            raise RecipeError("--unit cannot be used with a recipe; set dataset.unit instead")


def _known(
    labels: Path,
    videos: Path | None,
    unit: Unit | None,
    fps: float | None,
    overrides: Sequence[str],
) -> KnownLabels:
    if is_recipe(labels):
        return labels_of_recipe(labels, overrides)
    if videos is not None:
        return labels_of_videos(labels, videos, unit, fps)
    return labels_of_file(labels, unit, fps)


def _labelled(
    found: dict[str, np.ndarray], known: KnownLabels, fps: float | None
) -> LabelledScores:
    return LabelledScores(
        found,
        {video: known.labels[video](len(values)) for video, values in found.items()},
        known.source,
        "unknown",
        rates=known.rates if fps is None else dict.fromkeys(found, fps),
        categories=known.categories,
    )


def _split(row: np.ndarray, scores: Path, known: KnownLabels, offset: int) -> dict[str, np.ndarray]:
    from vadkit.data.frame_scores import split_row

    if len(known.frames) < len(known.labels):
        raise DataError(
            f"{scores} is one array for all videos, and {known.source} does not state their "
            "lengths; add --videos FOLDER, the folder of the videos, or give one file per video, "
            "with the name of the video"
        )
    return split_row(row, known.frames, offset)


def _of_known_videos(
    found: Mapping[str, np.ndarray], known: KnownLabels, offset: int
) -> dict[str, np.ndarray]:
    """Return scores by the videos' names and of their lengths, with NaN for the first frames."""
    from vadkit.data.labels.names import match_endings
    from vadkit.evaluation.frame_counts import check_videos

    names = match_endings(found, known.labels)
    own = {names[name]: values for name, values in found.items()}
    check_videos(own, known.labels)
    nothing = np.full(offset, np.nan)
    # A row was split without the first frames, so all forms lack them here.
    own = {video: np.concatenate([nothing, values]) for video, values in own.items()}
    _check_lengths({video: len(values) for video, values in own.items()}, known, offset)
    return own


def _check_lengths(scores: Mapping[str, int], known: KnownLabels, offset: int) -> None:
    from vadkit.data.frame_scores import offset_question
    from vadkit.data.labels.variants import explain_lengths, missing_first

    frames = [known.frames.get(video, 0) for video in scores]
    if len(known.frames) == len(scores) and frames != list(scores.values()):
        video, count = next(iter(scores.items()))
        example = f"video '{video}': {count} scores of {known.frames[video]} frames"
        if not offset and (missing := missing_first(list(scores.values()), frames)):
            raise DataError(
                f"every video has {missing} more frames than scores ({example}); "
                f"{offset_question(missing)}"
            )
        if reason := explain_lengths(list(scores.values()), frames):
            raise DataError(
                f"the lengths of scores and videos differ ({example}){reason}; give the labels or "
                "the videos that the scores were made for"
            )
    for video, count in scores.items():
        _check_length(video, count, known)


def _check_length(video: str, scores: int, known: KnownLabels) -> None:
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


def _truth_notes(scores: Mapping[str, np.ndarray]) -> list[str]:
    from vadkit.data.labels.variants import truth_note

    note = truth_note(sum(len(values) for values in scores.values()))
    return [note] if note else []
