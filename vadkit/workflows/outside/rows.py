"""Scores or labels of all videos in one row, where nothing tells the lengths of the videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vadkit.errors import DataError
from vadkit.recipe import Spec
from vadkit.registry import build
from vadkit.workflows.evaluate.evaluation import Evaluation
from vadkit.workflows.evaluate.protocols import (
    LabelledScores,
    Result,
    build_protocols,
    evaluate_scored,
)
from vadkit.workflows.outside.labels import KnownLabels
from vadkit.workflows.score_notes import unscored_notes, upside_down_notes

# Metrics over all frames, which do not depend on where a video ends.
_OF_ALL_FRAMES = frozenset(
    ["micro-auc", "ap", "ap-trapezoid", "eer", "frames", "abnormal", "unscored"]
)


def cut_labels(
    known: KnownLabels, path: Path, found: Mapping[str, np.ndarray], offset: int
) -> KnownLabels:
    """Cut one row of labels by the lengths of the scores of each video, in their order.

    Raises ``DataError`` if the lengths do not add up to the row.
    """
    from vadkit.data.frame_scores import offset_question
    from vadkit.data.labels.rows import cut_row, order
    from vadkit.data.labels.variants import MOST_OFFSET

    lengths = {video: len(values) + offset for video, values in found.items()}
    (row,) = known.row.values()
    missing, rest = divmod((row.frames or 0) - sum(lengths.values()), len(lengths))
    if not offset and not rest and 0 < missing <= MOST_OFFSET:
        raise DataError(
            f"{path} is one row of {row.frames} values, and the {len(lengths)} videos have "
            f"{sum(lengths.values())} scores, {missing} fewer for each; {offset_question(missing)}"
        )
    labels = cut_row(known.row, lengths, path)
    return replace(
        known,
        labels={video: one.of(video, path.name) for video, one in labels.items()},
        frames=lengths,
        row={},
        notes=[
            f"The row of labels was cut by the lengths of the scores, in the order "
            f"{order(lengths)}."
        ],
    )


def evaluate_rows(
    scores: Path,
    found: Mapping[str, np.ndarray],
    labels: Path,
    known: KnownLabels,
    protocols: Sequence[str],
    offset: int,
) -> Evaluation:
    """Evaluate one row of scores against one row of labels, over all frames.

    The borders between the videos are unknown, so nothing is smoothed or scaled, and there are no
    metrics by video. Raises ``DataError`` for different lengths and for protocols that need videos.
    """
    from vadkit.data.labels.variants import explain_total, truth_note

    (values,), (row,) = found.values(), known.row.values()
    frames = row.frames or 0
    advice = "add --videos FOLDER, the folder of the videos, or give a recipe as --labels"
    rows = f"{scores} and {labels} are one row each, and nothing tells where a video ends"
    if len(values) != frames or offset:
        what = "--offset needs that" if offset else "the lengths differ"
        raise DataError(
            f"{rows}; {what} ({len(values)} scores, {frames} labels"
            f"{explain_total(len(values), [frames])}); {advice}"
        )
    chosen = build_protocols(Spec(type=name) for name in protocols or ("raw",))
    for one in chosen:
        if one.scorers() or one.unscored != "drop" or one.averaging != "micro":
            raise DataError(f"{rows}, which protocol '{one.name}' needs; {advice}")
    scored = LabelledScores(
        {labels.stem: values},
        {labels.stem: row.flags(frames, labels.stem, known.source)},
        known.source,
        "unknown",
    )
    results = evaluate_scored(
        scored, chosen, [build("evaluators", "frame-auc", {})], intervals=False
    )
    results = [
        Result(one.protocol, [m for m in one.metrics if m.name in _OF_ALL_FRAMES], one.published)
        for one in results
    ]
    notes = [
        f"Scores and labels are one row each, and nothing tells where a video ends. Therefore "
        f"nothing was smoothed or scaled, and there are no metrics by video and no intervals. For "
        f"these, {advice}. If this is one video, give a folder with its scores in a file that is "
        f"named like {labels.name}.",
        *(["No frame has a score."] if unscored_notes(scored.scores) else []),
        *upside_down_notes(results[0].metrics),
    ]
    if note := truth_note(frames):
        notes.append(note)
    return Evaluation(str(scores), None, None, known.source, [], results, notes=notes)
