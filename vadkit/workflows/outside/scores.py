"""Evaluate frame scores that other code has written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
)
from vadkit.workflows.outside.labels import (
    KnownLabels,
    is_recipe,
    labels_of_file,
    labels_of_recipe,
    labels_of_videos,
)
from vadkit.workflows.outside.layouts import parts_of_kinds, spread, with_lengths
from vadkit.workflows.outside.rows import cut_labels, evaluate_rows
from vadkit.workflows.score_notes import score_notes

if TYPE_CHECKING:
    from vadkit.data.labels.table import Unit


def evaluate_scores(
    scores: Path,
    labels: Path,
    *,
    videos: Path | None = None,
    lengths: Path | None = None,
    offset: int = 0,
    segment: int | None = None,
    unit: Unit | None = None,
    protocols: Sequence[str] = (),
    fps: float | None = None,
    overrides: Sequence[str] = (),
    kind_scores: Path | None = None,
    kinds: Sequence[str] = (),
) -> Evaluation:
    """Evaluate a folder or file of scores against labels.

    ``labels`` is a label file or folder in any known format, or a recipe; then the test labels of
    its dataset are used (``overrides`` change the recipe, such as ``dataset.root``). ``videos`` is
    a folder with the videos of a label file, which gives their lengths; ``lengths`` is a file with
    them, in the order of the videos. ``unit`` is that of a table of labels.
    ``vadkit.data.frame_scores`` describes the formats of scores. One array for all videos is split
    by the lengths of the videos; the same is true for labels. If the lengths are unknown, only
    metrics over all frames are computed. The first ``offset`` frames of every video have no score.
    With ``segment``, each score is of that many frames. ``kind_scores`` has an array (N, K) for
    each video, with a column for each of the ``kinds`` of anomaly. There is no threshold, because
    training scores are unknown.

    Raises ``DataError`` if videos or lengths differ, for infinite scores, and for labels of one
    class; ``RecipeError`` for an invalid frame rate and for options that exclude each other.
    """
    from vadkit.data.frame_scores import read_scores

    _check(fps, offset, segment, labels, videos, unit)
    _check_kinds(kind_scores, kinds)
    known = _known(labels, videos, unit, fps, overrides)
    found = read_scores(scores)
    if lengths is not None:
        known = with_lengths(known, labels, lengths, found)
    if known.row and not set(found) & set(known.row):
        if segment:
            found = {video: np.repeat(values, segment) for video, values in found.items()}
            segment = None
        if len(found) == 1:
            return evaluate_rows(scores, found, labels, known, protocols, offset)
        known = cut_labels(known, labels, found, offset)
    notes = list(known.notes)
    found = _of_known_videos(found, scores, known, offset, segment, notes)
    labelled = _labelled(found, known, fps)
    if kind_scores is not None:
        parts = parts_of_kinds(kind_scores, list(kinds), found, known, segment)
        labelled = replace(labelled, parts=parts)
    results = evaluate_scored(
        labelled,
        build_protocols(Spec(type=name) for name in protocols)
        or [*default_protocols(), build("protocols", "conv-ae", {})],
        build_list("evaluators", [Spec(**spec) for spec in DEFAULTS["evaluators"]]),
    )
    notes += score_notes(found, results[0].metrics)
    return Evaluation(str(scores), None, None, known.source, [], results, notes=notes)


def are_scores(path: Path) -> bool:
    """Whether a path is a file or folder of frame scores, and not a run folder."""
    if path.is_file():
        return True
    scores = any(path.glob("*.np[yz]")) or any(path.glob("*.txt")) or any(path.glob("*.csv"))
    return scores and not (path / "recipe.yaml").is_file()


def labelled_scores(
    scores: Path,
    truth: Path | LabelledScores,
    *,
    videos: Path | None = None,
    offset: int = 0,
    segment: int | None = None,
    overrides: Sequence[str] = (),
) -> LabelledScores:
    """Read scores of other code with labels, as ``evaluate_scores`` does, without metrics.

    ``truth`` are labels as there, or the labelled scores of another side, whose labels are used.
    """
    from vadkit.data.frame_scores import read_scores

    if isinstance(truth, LabelledScores):
        if videos is not None:
            raise RecipeError("--videos needs --labels; a run knows the lengths of its videos")
        _check(None, offset, segment, None, videos, None)
        known = _labels_of(truth)
    else:
        _check(None, offset, segment, truth, videos, None)
        known = _known(truth, videos, None, None, overrides)
    if known.row:
        raise DataError(
            f"{truth} has one row of labels for videos that nothing is known about; add --videos "
            "FOLDER, the folder of the videos"
        )
    found = _of_known_videos(read_scores(scores), scores, known, offset, segment, [])
    return _labelled(found, known, None)


def _labels_of(truth: LabelledScores) -> KnownLabels:
    def flags_of(flags: np.ndarray) -> Callable[[int], np.ndarray]:
        return lambda frames: flags[:frames]

    return KnownLabels(
        truth.label_source,
        {video: flags_of(flags) for video, flags in truth.labels.items()},
        {video: len(flags) for video, flags in truth.labels.items()},
        True,
        truth.rates,
        truth.categories,
        {video: list(events) for video, events in truth.events.items()},
    )


def _check(
    fps: float | None,
    offset: int,
    segment: int | None,
    labels: Path | None,
    videos: Path | None,
    unit: Unit | None,
) -> None:
    if fps is not None and not 0 < fps < math.inf:
        raise RecipeError(f"--fps {fps:g} is not a frame rate; give frames per second, above 0")
    if offset < 0:
        raise RecipeError(f"--offset {offset} is not a number of frames; give 0 or more")
    if segment is not None and (segment < 1 or offset):
        raise RecipeError(
            "--segment and --offset exclude each other; fill up the scores first"
            if offset
            else f"--segment {segment} is not a number of frames; give 1 or more"
        )
    if labels is not None and is_recipe(labels):
        if videos is not None:
            raise RecipeError(
                "--videos cannot be used with a recipe, which names its videos itself"
            )
        if unit is not None:
            raise RecipeError("--unit cannot be used with a recipe; set dataset.unit instead")


def _check_kinds(scores: Path | None, kinds: Sequence[str]) -> None:
    if (scores is None) != (not kinds):
        raise RecipeError("--kind-scores and --kinds belong together; give both or neither")
    if not all(kinds) or len(set(kinds)) < len(kinds):
        raise RecipeError(f"--kinds {','.join(kinds)} has an empty name, or a name twice")


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
        events=known.events,
    )


def _split(
    row: np.ndarray, scores: Path, known: KnownLabels, offset: int, segment: int | None
) -> dict[str, np.ndarray]:
    from vadkit.data.frame_scores import split_row
    from vadkit.data.score_lists import segments_of

    if len(known.frames) < len(known.labels):
        raise DataError(
            f"{scores} is one array for all videos, and {known.source} does not state their "
            "lengths; add --videos FOLDER, the folder of the videos, or --lengths FILE, or give "
            "one file per video, with the name of the video"
        )
    lengths = known.frames
    if segment:
        counts = segments_of(list(lengths.values()), len(row), segment)
        if counts is None:
            total = sum(-(-frames // segment) for frames in lengths.values())
            raise DataError(
                f"{scores} is one array of {len(row)} scores of {segment} frames each, but the "
                f"{len(lengths)} videos have {sum(lengths.values())} frames, {total} segments; the "
                "scores are probably of other videos, or of segments of another length"
            )
        lengths = dict(zip(lengths, counts, strict=True))
    return split_row(row, lengths, offset)


def _of_known_videos(
    found: Mapping[str, np.ndarray],
    scores: Path,
    known: KnownLabels,
    offset: int,
    segment: int | None,
    notes: list[str],
) -> dict[str, np.ndarray]:
    """Return scores by the videos' names and of their lengths, with NaN for the first frames.

    Adds notes on the order of videos, where it was used, and on frames after the last segment.
    """
    from vadkit.data.frame_scores import only_row
    from vadkit.data.labels.names import match_endings
    from vadkit.data.labels.rows import order
    from vadkit.data.score_lists import in_order
    from vadkit.evaluation.frame_counts import check_videos

    if (row := only_row(dict(found), known.labels)) is not None:
        found = _split(row, scores, known, offset, segment)
        notes.append(f"The array of scores was split in the order {order(known.frames)}.")
    elif (named := in_order(found, known.labels, scores)) is not None:
        found = named
        lengths = {video: len(values) for video, values in found.items()}
        _check_order(lengths, scores, known)
        notes.append(f"The list of scores was taken in the order {order(lengths)}.")
    names = match_endings(found, known.labels)
    own = {names[name]: values for name, values in found.items()}
    check_videos(own, known.labels)
    if segment:
        own, note = spread(own, known.frames, segment)
        notes.append(note)
    nothing = np.full(offset, np.nan)
    # A row was split without the first frames, so all forms lack them here.
    own = {video: np.concatenate([nothing, values]) for video, values in own.items()}
    _check_lengths({video: len(values) for video, values in own.items()}, known, offset)
    if len(known.frames) < len(own):
        notes.append(
            f"{known.source} does not state the number of frames of the videos, so lengths were "
            "not checked. Frames outside all intervals were assumed to be normal."
        )
    return own


def _check_order(lengths: Mapping[str, int], scores: Path, known: KnownLabels) -> None:
    """Raise ``DataError`` if a list of scores has the lengths of the videos in another order."""
    frames = {video: known.frames.get(video, 0) for video in lengths}
    wrong = [video for video in lengths if lengths[video] != frames[video]]
    if wrong and sorted(lengths.values()) == sorted(frames.values()):
        raise DataError(
            f"{scores} is a list in another order than the videos: for video '{wrong[0]}' it has "
            f"{lengths[wrong[0]]} scores of {frames[wrong[0]]} frames; name the arrays by video "
            "(np.savez('scores.npz', **scores))"
        )


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
