"""vadkit's own label format: one JSON file, intervals by video id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import index
from pathlib import Path
from typing import Any

from vadkit.data.labels.intervals import MOST_FRAMES, Intervals, Labels, intervals_to_frames
from vadkit.errors import DataError
from vadkit.files import write_text

FORMAT = "vadkit-labels-1"


def write_labels(path: Path, labels: Mapping[str, Labels]) -> None:
    """Write labels by video id; the file appears whole or not at all.

    Raises ``DataError`` for a video without a length or with an interval beyond its end.
    """
    videos = {}
    for video, one in labels.items():
        if one.frames is None:
            raise DataError(
                f"the labels of video '{video}' do not say how many frames it has, which {path} "
                "must hold; give the videos too, so that the lengths are known"
            )
        intervals_to_frames(one.intervals, one.frames, video)
        videos[video] = {"frames": int(one.frames), "abnormal": _plain(one.intervals)}
    write_text(path, json.dumps({"format": FORMAT, "videos": videos}, indent=1))


def _plain(intervals: Intervals) -> list[list[int]]:
    # JSON does not know NumPy's integers.
    return [[int(start), int(end)] for start, end in intervals]


def read_labels(path: Path) -> dict[str, Labels]:
    """Labels by video id from vadkit's own format; ``DataError`` names what is wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"labels not found: {path}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"labels {path} cannot be read as JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DataError(
            f"{path} is not a label file of vadkit, which is written as "
            f'{{"format": "{FORMAT}", "videos": {{"01": '
            '{"frames": 180, "abnormal": [[60, 180]]}}}'
        )
    videos: Any = data.get("videos")
    if not isinstance(videos, dict):
        raise DataError(f"{path}: 'videos' must map video ids to their labels")
    return {video: _one(path, video, entry) for video, entry in videos.items()}


def _one(path: Path, video: str, entry: Any) -> Labels:
    try:
        frames = index(entry["frames"])
        intervals = [(index(start), index(end)) for start, end in entry["abnormal"]]
        if frames < 0:
            raise ValueError(frames)
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{path}: video '{video}' needs 'frames' (a whole number) and 'abnormal' (a list of "
            "[start, end) pairs of whole numbers counted from 0)"
        ) from None
    if frames > MOST_FRAMES:
        raise DataError(f"{path}: video '{video}' cannot have {frames} frames")
    intervals_to_frames(intervals, frames, video)
    return Labels(intervals, frames)
