"""One row of values for all videos, which is cut by the lengths of the videos."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.variants import explain_total, missing_in_total
from vadkit.errors import DataError

# Formats whose files have one value per frame and do not say of which video.
_KINDS = ("frame-npy", "frame-npz", "frame-mat", "frame-txt")


def row_of(
    labels: Mapping[str, Labels], kind: str, path: Path, videos: Collection[str] = ()
) -> Labels | None:
    """Return the labels of a file that is one row of 0 and 1 and is named like no video, or None.

    It may be the row of one video or of all videos.
    """
    if kind not in _KINDS or len(labels) != 1 or path.is_dir():
        return None
    ((name, row),) = labels.items()
    return None if name in videos else row


def cut_row(
    labels: Mapping[str, Labels], lengths: Mapping[str, int], path: Path
) -> dict[str, Labels]:
    """Return labels by video from one row, cut by the numbers of frames, in the order of videos.

    A row that has the name and the length of one video belongs to that video alone. Raises
    ``DataError`` that says what the row is if the lengths do not add up to it.
    """
    ((name, row),) = labels.items()
    frames = row.frames or 0
    if lengths.get(name) == frames:
        return dict(labels)
    if sum(lengths.values()) != frames:
        raise DataError(
            f"{path} is one row of {frames} values, and the {count(lengths)} "
            f"{'has' if len(lengths) == 1 else 'have'} {sum(lengths.values())} frames"
            f"{_reason(frames, list(lengths.values()))}; give the labels of these videos, or the "
            "videos that the row was made for"
        )
    found = {}
    start = 0
    for video, length in lengths.items():
        end = start + length
        inside = ((max(a, start) - start, min(b, end) - start) for a, b in row.intervals)
        found[video] = Labels([(a, b) for a, b in inside if a < b], length)
        start = end
    return found


def _reason(values: int, frames: list[int]) -> str:
    reason = explain_total(values, frames)
    if not reason and (missing := missing_in_total(values, frames)):
        return f", {missing} more for each: the row may leave out the first ones"
    return reason


def count(lengths: Mapping[str, int]) -> str:
    """Return "12 videos"."""
    return f"{len(lengths)} video{'' if len(lengths) == 1 else 's'}"


def order(lengths: Mapping[str, int]) -> str:
    """Return videos with their numbers of frames, in order: "01 (180), 02 (180)"."""
    names = [f"{video} ({length})" for video, length in lengths.items()]
    return ", ".join(names if len(names) <= 6 else [*names[:3], "...", *names[-2:]])
