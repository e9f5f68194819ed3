"""Poses of people from the JSON files of AlphaPose and COCO, as boxes with tracks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.errors import DataError
from vadkit.reading import parse_json, read_bytes
from vadkit.text import printable

# Frames and tracks of a video, (n,), and boxes (n, 4) or key points (n, J, 3).
Columns = tuple[np.ndarray, np.ndarray, np.ndarray]
_MOST = 256 << 20
_EXPECTED = (
    "expected a list of people with 'image_id' and 'keypoints' (AlphaPose, COCO results), 'images' "
    "and 'annotations' (COCO), or people by track and frame (AlphaPose, tracked)"
)


def read_poses(path: Path, video: str) -> dict[str, Columns]:
    """Return frames, tracks and boxes by video from a JSON file of poses.

    ``video`` is the name for files of one video. A person's box is ``box`` or ``bbox`` (x, y, w,
    h), else that of the key points with a confidence above 0. Frames are the numbers in the names
    of images, from 0. Raises ``DataError`` for other content, and for people without tracks.
    """
    tables = _tables(path, video, _box)
    return {name: (one[:, 0], one[:, 1], one[:, 2:]) for name, one in tables.items()}


def read_key_points(path: Path, video: str) -> dict[str, Columns]:
    """Like ``read_poses``, with key points (n, J, 3) in place of boxes: x, y and confidence."""
    tables = _tables(path, video, _points)
    return {
        name: (one[:, 0], one[:, 1], one[:, 2:].reshape(len(one), -1, 3))
        for name, one in tables.items()
    }


def _tables(
    path: Path, video: str, values: Callable[[Mapping[str, Any]], list[float]]
) -> dict[str, np.ndarray]:
    """Return rows by video: frame, track and the values of each person."""
    try:
        data = parse_json(read_bytes(path, _MOST).decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"poses {path} cannot be read as JSON: {error}") from None
    rows: dict[str, list[tuple[float, ...]]] = {}
    try:
        for name, frame, track, person in _people(data, video):
            rows.setdefault(name, []).append((frame, track, *values(person)))
        return {name: np.array(own, np.float64) for name, own in rows.items()}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path}: {printable(reason, 200)}; {_EXPECTED}") from None


def _people(data: Any, video: str) -> Iterator[tuple[str, float, float, Mapping[str, Any]]]:
    """Yield video, frame, track and entry of each person."""
    if isinstance(data, list):
        for person in data:
            yield video, _frame(person["image_id"]), _track(person), person
    elif "annotations" in data:
        images = {
            one["id"]: (Path(one["file_name"]).parent.name or video, _frame(one["file_name"]))
            for one in data["images"]
        }
        for person in data["annotations"]:
            name, frame = images[person["image_id"]]
            yield name, frame, _track(person), person
    else:
        for track, frames in data.items():
            for frame, person in frames.items():
                yield video, int(frame), int(track), person


def _frame(image: Any) -> int:
    """Return the frame of an image: its number, or the last number in its name."""
    if isinstance(image, int):
        return image
    numbers = re.findall(r"\d+", Path(image).stem)
    if not numbers:
        raise ValueError(f"image '{image}' has no number")
    return int(numbers[-1])


def _track(person: Mapping[str, Any]) -> float:
    for key in ("track_id", "idx", "id_track"):
        if key in person:
            value = person[key]
            # AlphaPose writes a list for people that it merged.
            while isinstance(value, list):
                value = value[0]
            return float(value)
    raise ValueError("a person has no 'track_id' or 'idx'; track people first")


def _box(person: Mapping[str, Any]) -> list[float]:
    for key in ("box", "bbox"):
        if key in person:
            x, y, width, height = map(float, person[key])
            return [x, y, x + width, y + height]
    points = np.array(_points(person)).reshape(-1, 3)
    known = points[points[:, 2] > 0, :2]
    if not len(known):
        raise ValueError("a person has no box and no key point with a confidence above 0")
    return [*known.min(axis=0).tolist(), *known.max(axis=0).tolist()]


def _points(person: Mapping[str, Any]) -> list[float]:
    points = [float(value) for value in person["keypoints"]]
    if not points or len(points) % 3:
        raise ValueError(f"{len(points)} numbers of key points; expected x, y, confidence of each")
    return points
