"""Layouts of scores that other code writes: given lengths, segments of frames, kinds of anomaly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from vadkit.errors import DataError
from vadkit.workflows.evaluate.protocols import KIND
from vadkit.workflows.outside.labels import KnownLabels


def with_lengths(
    known: KnownLabels, labels: Path, path: Path, found: Mapping[str, np.ndarray]
) -> KnownLabels:
    """Return what is known with the lengths of a file, in the order of the labels.

    One row of labels is cut by them; its videos have the names of the scores, else numbers.
    Raises ``DataError`` for another number of videos, or another length than the labels state.
    """
    from vadkit.data.frame_scores import read_lengths
    from vadkit.data.labels.rows import cut_row, order

    given = read_lengths(path)
    names = list(known.labels)
    if known.row:
        numbers = [f"{number:0{len(str(len(given)))}d}" for number in range(1, len(given) + 1)]
        names = list(found) if len(found) == len(given) else numbers
    if len(names) != len(given):
        raise DataError(
            f"{path} has {len(given)} lengths, but {known.source} labels {len(names)} videos; give "
            "one length for each video, in the order of the labels"
        )
    lengths = dict(zip(names, given, strict=True))
    for video, frames in lengths.items():
        if known.frames.get(video, frames) != frames:
            raise DataError(
                f"{path} gives video '{video}' {frames} frames, but {known.source} has "
                f"{known.frames[video]}; the lengths are in another order, or of other videos"
            )
    note = f"The lengths of the videos were taken in the order {order(lengths)}."
    if not known.row:
        return replace(known, frames=lengths, notes=[*known.notes, note])
    return replace(
        known,
        labels={
            video: one.of(video, labels.name)
            for video, one in cut_row(known.row, lengths, labels).items()
        },
        frames=lengths,
        row={},
        notes=[*known.notes, note],
    )


def spread(
    scores: Mapping[str, np.ndarray], frames: Mapping[str, int], segment: int
) -> tuple[dict[str, np.ndarray], str]:
    """Return frame scores from scores of segments, and a note about what was done."""
    from vadkit.data.score_lists import of_segments

    found, rests = {}, {}
    for video, values in scores.items():
        found[video], rest = of_segments(values, frames.get(video), segment, video)
        if rest:
            rests[video] = rest
    note = f"Each score counts for {segment} frames."
    if rests:
        note += (
            f" {sum(rests.values())} frames after the last whole segment of {len(rests)} videos "
            "have no score."
        )
    return found, note


def parts_of_kinds(
    path: Path,
    kinds: list[str],
    scores: Mapping[str, np.ndarray],
    known: KnownLabels,
    segment: int | None,
) -> dict[str, dict[str, np.ndarray]]:
    """Return scores by kind of anomaly and video, as parts of a method's score.

    Raises ``DataError`` if the videos or their lengths are not those of the scores.
    """
    from vadkit.data.kind_scores import read_kind_scores
    from vadkit.data.labels.names import match_endings
    from vadkit.data.score_lists import in_order
    from vadkit.evaluation.frame_counts import check_videos

    found = read_kind_scores(path, kinds)
    found = in_order(found, known.labels, path) or found
    names = match_endings(found, scores)
    found = {names[name]: values for name, values in found.items()}
    check_videos(found, scores)
    parts: dict[str, dict[str, np.ndarray]] = {f"{KIND}{kind}": {} for kind in kinds}
    for number, kind in enumerate(kinds):
        own = {video: found[video][:, number] for video in scores}
        if segment:
            own, _ = spread(own, known.frames, segment)
        for video, values in own.items():
            if len(values) != len(scores[video]):
                raise DataError(
                    f"{path}: video '{video}' has {len(values)} scores by kind, but "
                    f"{len(scores[video])} frame scores; they are of another version of the video"
                    + (", or of segments: add --segment" if segment is None else "")
                )
        parts[f"{KIND}{kind}"] = own
    return parts
