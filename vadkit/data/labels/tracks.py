"""Abnormal objects over time: UBnormal, the RBDC/TBDC files and Street Scene."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vadkit.data.labels.files import at_line, label_files, number, read_lines, whole_number
from vadkit.data.labels.intervals import Intervals, Labels, join_intervals
from vadkit.data.videos import Track
from vadkit.errors import DataError

# One line: the object, the frame from 0, and x1, y1, x2, y2 in pixels.
_Row = tuple[int, int, tuple[float, float, float, float]]


def read_ubnormal(path: Path) -> dict[str, Labels]:
    """Every ``<video>_annotations/<video>_tracks.txt`` below a folder, or one such file.

    The ids are ``<video>``; normal videos have no file of tracks and are not included.
    """
    if path.is_file():
        return {_ubnormal_id(path): read_ubnormal_tracks(path)}
    if not path.is_dir():
        raise DataError(f"labels not found: {path}")
    found: dict[str, Path] = {}
    for file in sorted(path.rglob("*_tracks.txt")):
        video = _ubnormal_id(file)
        if not file.parent.name.endswith("_annotations") or file.name.startswith("."):
            continue
        if video in found and found[video].parent != file.parent:
            raise DataError(f"{file} and {found[video]} both label video '{video}'; remove one")
        found[video] = file
    if not found:
        raise DataError(f"folder {path} contains no <video>_annotations/<video>_tracks.txt")
    return {video: read_ubnormal_tracks(file) for video, file in found.items()}


def read_ubnormal_tracks(path: Path) -> Labels:
    """Read a file of ``object, start, end`` rows, frames from 0, both ends inclusive.

    If ``<video>_new_tracks.txt``, which corrects ``<video>_tracks.txt``, exists next to it, it is
    read instead.
    """
    corrected = path.with_name(f"{_ubnormal_id(path)}_new_tracks.txt")
    if corrected.is_file():
        path = corrected
    spans: Intervals = []
    for line, text in read_lines(path):
        with at_line(path, line):
            _, start, end = (whole_number(value) for value in _values(text, "object, start, end"))
            if not 0 <= start <= end:
                raise ValueError(f"{start} to {end} is not a range of frames that count from 0")
            spans.append((start, end + 1))
    return Labels(join_intervals(spans))


def read_track_files(path: Path) -> dict[str, Labels]:
    """One RBDC/TBDC file ``<video>.txt`` or a folder of them: the frames with any object."""
    files = label_files(path, "*.txt", lambda file: file.stem)
    return {video: _frames_of(tracks_of(file)) for video, file in files.items()}


def tracks_of(path: Path) -> list[Track]:
    """Return the objects of one RBDC/TBDC file, by ascending number; an empty file has none.

    Rows are ``track, frame, x_min, y_min, x_max, y_max``, frames from 0, as published with
    Georgescu et al., "A Background-Agnostic Framework with Adversarial Training for Abnormal Event
    Detection in Video" (2021).
    """
    return _read_tracks(path, _rbdc_row)


def read_street_scene(path: Path) -> dict[str, Labels]:
    """Street Scene's ``Test001_gt.txt``, or every such file below a folder: "Test001"."""
    files = label_files(path, "**/*_gt.txt", lambda file: file.stem.removesuffix("_gt"))
    return {video: _frames_of(street_scene_tracks(file)) for video, file in files.items()}


def street_scene_tracks(path: Path) -> list[Track]:
    """Return the objects of one ``Test001_gt.txt``, by ascending number.

    Rows are ``.../001.jpg track x y w h`` separated by spaces; image 001 is frame 0.
    """
    return _read_tracks(path, _street_scene_row)


def _read_tracks(path: Path, parse: Callable[[str], _Row]) -> list[Track]:
    objects: dict[int, dict[int, tuple[float, float, float, float]]] = {}
    for line, text in read_lines(path):
        with at_line(path, line):
            track, frame, box = parse(text)
            if frame < 0:
                raise ValueError(f"frame {frame} is below the first one")
            if box[2] < box[0] or box[3] < box[1]:
                raise ValueError("the end of the box is before its start")
            boxes = objects.setdefault(track, {})
            if frame in boxes:
                raise ValueError(f"track {track} has a second box in frame {frame}")
            boxes[frame] = box
    return [
        Track(
            np.array(sorted(boxes), np.int64), np.array([boxes[frame] for frame in sorted(boxes)])
        )
        for _, boxes in sorted(objects.items())
    ]


def _rbdc_row(text: str) -> _Row:
    values = _values(text, "track, frame, x_min, y_min, x_max, y_max")
    x1, y1, x2, y2 = map(number, values[2:])
    return whole_number(values[0]), whole_number(values[1]), (x1, y1, x2, y2)


def _street_scene_row(text: str) -> _Row:
    words = text.rsplit(maxsplit=5)
    image = re.search(r"(\d+)\.\w+$", words[0])
    if len(words) != 6 or image is None:
        raise ValueError("expected '001.jpg track x y w h'")
    if int(image[1]) < 1:
        raise ValueError(f"image {image[0]}: images count from 1")
    x, y, width, height = map(number, words[2:])
    frame = whole_number(image[1]) - 1
    return whole_number(words[1]), frame, (x, y, x + width, y + height)


def _values(text: str, columns: str) -> list[str]:
    values = text.split(",")
    wanted = columns.count(",") + 1
    if len(values) != wanted:
        raise ValueError(f"{len(values)} comma-separated values; expected {wanted}: {columns}")
    return values


def _frames_of(tracks: list[Track]) -> Labels:
    frames = (int(frame) for track in tracks for frame in track.frames)
    return Labels(join_intervals((frame, frame + 1) for frame in frames))


def _ubnormal_id(path: Path) -> str:
    return path.stem.removesuffix("_tracks").removesuffix("_new")
