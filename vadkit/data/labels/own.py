"""vadkit's label format: one JSON file with intervals by video id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from vadkit.data.labels.files import read_text
from vadkit.data.labels.intervals import MOST_FRAMES, Intervals, Labels, check_intervals
from vadkit.errors import DataError
from vadkit.files import write_text
from vadkit.reading import MOST_JSON, parse_json

FORMAT = "vadkit-labels-1"


def write_labels(path: Path, labels: Mapping[str, Labels]) -> None:
    """Write labels by video id, atomically.

    Raises ``DataError`` for a video without a length or with an interval beyond its end.
    """
    videos = {}
    for video, one in labels.items():
        if one.frames is None:
            raise DataError(
                f"the labels of video '{video}' do not state the number of frames, which {path} "
                "needs; give the videos too, so that the lengths are known"
            )
        check_intervals(one.intervals, one.frames, video)
        kinds = {"kinds": list(one.kinds)} if one.kinds else {}
        videos[video] = {"frames": int(one.frames), "abnormal": _plain(one.intervals), **kinds}
    write_text(path, json.dumps({"format": FORMAT, "videos": videos}, indent=1))


def _plain(intervals: Intervals) -> list[list[int]]:
    # JSON does not support NumPy's integers.
    return [[int(start), int(end)] for start, end in intervals]


def read_labels(path: Path) -> dict[str, Labels]:
    """Read labels by video id from vadkit's format; ``DataError`` names the error."""
    text = read_text(path, MOST_JSON)
    try:
        data = parse_json(text)
    except ValueError as error:
        raise DataError(f"labels {path} cannot be read as JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DataError(
            f"{path} is not a label file of vadkit, which looks like "
            f'{{"format": "{FORMAT}", "videos": {{"01": '
            '{"frames": 180, "abnormal": [[60, 180]]}}}'
        )
    videos: Any = data.get("videos")
    if not isinstance(videos, dict):
        raise DataError(f"{path}: 'videos' must map video ids to their labels")
    return {video: _one(path, video, entry) for video, entry in videos.items()}


class _Entry(BaseModel):
    """The labels of one video in the file."""

    frames: Annotated[int, Field(ge=0, strict=True)]
    abnormal: list[tuple[Annotated[int, Field(strict=True)], Annotated[int, Field(strict=True)]]]
    # The kind of anomaly of every interval; it may be missing.
    kinds: list[str] = []


def _one(path: Path, video: str, data: Any) -> Labels:
    try:
        entry = _Entry.model_validate(data)
    except ValidationError:
        raise DataError(
            f"{path}: video '{video}' needs 'frames' (a whole number) and 'abnormal' (a list of "
            "[start, end) pairs of whole numbers counted from 0)"
        ) from None
    if entry.frames > MOST_FRAMES:
        raise DataError(
            f"{path}: video '{video}' cannot have {entry.frames} frames; at most {MOST_FRAMES:,} "
            "are possible"
        )
    check_intervals(entry.abnormal, entry.frames, video)
    if entry.kinds and len(entry.kinds) != len(entry.abnormal):
        raise DataError(
            f"{path}: video '{video}' has {len(entry.abnormal)} intervals but {len(entry.kinds)} "
            "kinds; give one kind for each interval, or none"
        )
    return Labels(entry.abnormal, entry.frames, kinds=tuple(entry.kinds))
