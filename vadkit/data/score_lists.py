"""Scores without names of videos: lists of arrays and JSON; and scores of segments of frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.data.decoding.folders import natural_key
from vadkit.errors import DataError
from vadkit.reading import MOST_JSON, parse_json, read_bytes
from vadkit.text import printable

# The names that numpy.savez gives to arrays without names.
_LISTED = "arr_"


def read_score_json(path: Path) -> dict[str, np.ndarray]:
    """Read a JSON list of numbers, a list of lists, or an object of a list by video.

    null is a frame without a score. A list of lists gets the names that ``numpy.savez`` gives.
    """
    try:
        data = parse_json(read_bytes(path, MOST_JSON).decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"scores {path} cannot be read as JSON: {error}") from None
    if isinstance(data, dict):
        return {video: _numbers(path, one, f"video '{video}'") for video, one in data.items()}
    if isinstance(data, list) and data and all(isinstance(one, list) for one in data):
        named = {f"{_LISTED}{place}": one for place, one in enumerate(data)}
        return {name: _numbers(path, one, f"list {name[4:]}") for name, one in named.items()}
    return {"": _numbers(path, data, "the list")}


def _numbers(path: Path, data: Any, whose: str) -> np.ndarray:
    if not isinstance(data, list) or not all(
        one is None or (isinstance(one, int | float) and not isinstance(one, bool)) for one in data
    ):
        raise DataError(
            f"{path}: {printable(whose, 200)} is not a list of numbers; expected a list of scores, "
            "one list for each video, or an object with a list by video"
        )
    try:
        return np.array([np.nan if one is None else one for one in data], np.float64)
    except OverflowError:
        raise DataError(f"{path}: {printable(whose, 200)} has a number that is too large") from None


def in_order(
    found: Mapping[str, np.ndarray], videos: Collection[str], path: Path
) -> dict[str, np.ndarray] | None:
    """Return a list of arrays by the names of the videos, in their order; None if it is no list.

    Raises ``DataError`` for another number of arrays than of videos.
    """
    if not is_list(found) or set(found) & set(videos):
        return None
    if len(found) != len(videos):
        raise DataError(
            f"{path} is a list of {len(found)} arrays, but there are {len(videos)} videos; give "
            "one array for each video, in the order of the labels, or name them by video"
        )
    arrays = (found[name] for name in sorted(found, key=natural_key))
    return dict(zip(videos, arrays, strict=True))


def is_list(found: Mapping[str, np.ndarray]) -> bool:
    """Whether these are several arrays without names of videos, as ``numpy.savez`` writes them."""
    return len(found) > 1 and set(found) == {f"{_LISTED}{n}" for n in range(len(found))}


def of_segments(
    values: np.ndarray, frames: int | None, segment: int, video: str
) -> tuple[np.ndarray, int]:
    """Return frame scores (frames,) from scores of segments, and how many frames have none.

    There is a score for each whole segment, or also one for a shorter one at the end. Without it,
    the frames after the last whole segment have no score. Raises ``DataError`` for other numbers.
    """
    repeated = np.repeat(values, segment)
    if frames is None:
        return repeated, 0
    whole, all_ = frames // segment, -(-frames // segment)
    if len(values) not in (whole, all_):
        raise DataError(
            f"video '{video}' has {len(values)} scores of {segment} frames each, for "
            f"{len(values) * segment} frames, but it has {frames} frames, which are "
            f"{' or '.join(map(str, sorted({whole, all_})))} segments; "
            f"{_segment_cause(len(values), frames, segment)}"
        )
    rest = max(frames - len(repeated), 0)
    return np.concatenate([repeated[:frames], np.full(rest, np.nan)]), rest


def segments_of(lengths: Sequence[int], total: int, segment: int) -> list[int] | None:
    """Return how many scores of segments each video has in one row of ``total``, if that fits."""
    for counts in ([-(-n // segment) for n in lengths], [n // segment for n in lengths]):
        if sum(counts) == total:
            return counts
    return None


def _segment_cause(scores: int, frames: int, segment: int) -> str:
    if scores == frames:
        return "the scores are of single frames: leave out --segment"
    if scores == 32:
        return (
            "32 scores may be of the 32 equal parts of a video that MIL methods use: repeat each "
            "over its part first"
        )
    if scores and abs(round(frames / scores) - frames / scores) < 1 / 8 and scores * 2 <= frames:
        near = round(frames / scores)
        if near != segment:
            return f"they fit segments of {near} frames: --segment {near}"
    return "the scores are probably of another version of the video"
