"""Tracked people and objects of many videos, from the files of trackers and pose estimators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vadkit.arrays import load_archive
from vadkit.data.labels.files import at_line, number, read_lines, whole_number
from vadkit.data.labels.intervals import MOST_FRAMES
from vadkit.data.objects.poses import read_poses
from vadkit.errors import DataError
from vadkit.text import printable

_ARRAYS = ("videos", "video", "frame", "track", "xyxy")
# Whole numbers up to here are exact in double precision.
_MOST_TRACKS = 2**53
# What trackers and pose estimators append to the name of a video.
_ENDINGS = ("_alphapose_tracked_person", "_alphapose-results", "_tracked", "_tracks")


@dataclass(frozen=True)
class TrackRows:
    """The boxes of tracked objects of one video.

    ``frame`` (n,) int64 counts from 0, ascending; ``track`` (n,) int64 is the object's number;
    ``xyxy`` (n, 4) float32 is x1, y1, x2, y2 in pixels.
    """

    frame: np.ndarray
    track: np.ndarray
    xyxy: np.ndarray

    def __len__(self) -> int:
        """The number of boxes in all frames."""
        return len(self.frame)


def read_tracks(path: Path) -> dict[str, TrackRows]:
    """Return the tracks of all videos in a file or folder.

    - ``.npz``: ``videos`` (names), and rows ``video`` (number of the name), ``frame`` from 0,
      ``track`` and ``xyxy``;
    - ``.txt`` of MOT: rows ``frame, id, x, y, w, h, ...`` with frames from 1, for the video named
      like the file, or like the folder above ``gt/gt.txt``;
    - ``.json`` of AlphaPose or COCO keypoints, see ``poses``;
    - a folder of text or JSON files.

    Raises ``DataError`` that names the file and the row.
    """
    if path.is_dir():
        files = [file for file in sorted(path.rglob("[!.]*")) if file.suffix in (".txt", ".json")]
        if not files:
            raise DataError(f"folder {path} contains no tracks; expected .txt of MOT or .json")
        found: dict[str, TrackRows] = {}
        for file in files:
            for video, rows in read_tracks(file).items():
                if video in found:
                    raise DataError(f"{file} has tracks of video '{video}', as another file does")
                found[video] = rows
        return found
    if not path.is_file():
        raise DataError(f"tracks not found: {path}")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _read_npz(path)
    if suffix == ".txt":
        return {name_of(path): _checked(*_mot_columns(path), str(path))}
    if suffix == ".json":
        return {
            video: _checked(*columns, f"{path}, video '{video}'")
            for video, columns in read_poses(path, name_of(path)).items()
        }
    raise DataError(f"{path} is no file of tracks; expected .npz, .txt of MOT, or .json of poses")


def name_of(path: Path) -> str:
    """Return the video of a file of tracks: its name, or that of the folder of ``gt/gt.txt``."""
    if path.parent.name in ("gt", "det") and path.stem in ("gt", "det"):
        return path.parent.parent.name
    name = path.stem
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def _read_npz(path: Path) -> dict[str, TrackRows]:
    try:
        arrays = load_archive(path)
    except (OSError, ValueError) as error:
        raise DataError(f"tracks {path} cannot be read as plain NumPy arrays: {error}") from None
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise DataError(
            f"{path} has no array '{missing[0]}'; expected {', '.join(_ARRAYS)}, and it has "
            f"{', '.join(sorted(arrays)[:12]) or 'none'}"
        )
    names = [str(name) for name in arrays["videos"].tolist()]
    video, frame, track, xyxy = (arrays[name] for name in _ARRAYS[1:])
    n = video.size
    for name, shape in (("video", (n,)), ("frame", (n,)), ("track", (n,)), ("xyxy", (n, 4))):
        if arrays[name].shape != shape or arrays[name].dtype.kind not in "iuf":
            raise DataError(
                f"{path}: '{name}' is {arrays[name].dtype} {arrays[name].shape}; expected numbers "
                f"{shape}"
            )
    if n and not 0 <= video.min() <= video.max() < len(names):
        raise DataError(f"{path}: 'video' reaches {video.max()}, but it names {len(names)} videos")
    order = np.argsort(video, kind="stable")
    edges = np.searchsorted(video[order], np.arange(len(names) + 1))
    return {
        name: _checked(frame[mine], track[mine], xyxy[mine], f"{path}, video '{name}'")
        for number_, name in enumerate(names)
        for mine in [order[edges[number_] : edges[number_ + 1]]]
    }


def _mot_columns(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = []
    for line, text in read_lines(path):
        with at_line(path, line):
            values = text.replace(",", " ").split()
            if len(values) < 6:
                raise ValueError(f"{len(values)} values; expected frame, id, x, y, w, h")
            frame, track = whole_number(values[0]), whole_number(values[1])
            if track < 0:
                raise ValueError(f"id {track}: these are detections without tracks; track first")
            if frame < 1:
                raise ValueError(f"frame {frame}: MOT counts frames from 1")
            x, y, width, height = map(number, values[2:6])
            rows.append((frame - 1, track, x, y, x + width, y + height))
    table = np.array(rows, np.float64).reshape(-1, 6)
    return table[:, 0], table[:, 1], table[:, 2:]


def _checked(frame: np.ndarray, track: np.ndarray, xyxy: np.ndarray, source: str) -> TrackRows:
    """Return rows by ascending frame; ``DataError`` names the first bad row."""
    table = np.column_stack([frame, track, xyxy]).astype(np.float64)
    wrong = ~np.isfinite(table).all(axis=1)
    text = "has a value that is not finite"
    if not wrong.any():
        whole = (table[:, :2] == np.rint(table[:, :2])).all(axis=1)
        wrong = ~whole | (table[:, 0] < 0) | (table[:, 0] >= MOST_FRAMES)
        wrong |= np.abs(table[:, 1]) > _MOST_TRACKS
        text = "has a frame or a track that is not a whole number, or out of range"
    if not wrong.any():
        wrong = (table[:, 4:6] < table[:, 2:4]).any(axis=1)
        text = "is not a box; expected x1 <= x2 and y1 <= y2"
    if wrong.any():
        shown = ", ".join(f"{value:g}" for value in table[wrong.argmax()])
        raise DataError(f"{printable(source)}: the row {shown} (frame, track, box) {text}")
    order = np.lexsort((table[:, 1], table[:, 0]))
    table = table[order]
    again = (np.diff(table[:, :2], axis=0) == 0).all(axis=1)
    if again.any():
        first = table[:-1][again][0]
        raise DataError(
            f"{printable(source)}: track {first[1]:g} has two boxes in frame {first[0]:g}"
        )
    return TrackRows(
        table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:].astype(np.float32)
    )
