"""Tracked people and objects of many videos, from the files of trackers and pose estimators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vadkit.data.labels.files import at_line, number, read_lines, whole_number
from vadkit.data.objects.poses import read_poses
from vadkit.data.objects.track_rows import by_frame, fault_of, name_of, read_archive, read_folder
from vadkit.errors import DataError
from vadkit.text import printable


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
        return read_folder(
            path, (".txt", ".json"), read_tracks, what="tracks", expected=".txt of MOT or .json"
        )
    if not path.is_file():
        raise DataError(f"tracks not found: {path}")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return {
            video: _checked(*columns, f"{path}, video '{video}'")
            for video, columns in read_archive(path, "xyxy", (4,), what="tracks").items()
        }
    if suffix == ".txt":
        return {name_of(path): _checked(*_mot_columns(path), str(path))}
    if suffix == ".json":
        return {
            video: _checked(*columns, f"{path}, video '{video}'")
            for video, columns in read_poses(path, name_of(path)).items()
        }
    raise DataError(f"{path} is no file of tracks; expected .npz, .txt of MOT, or .json of poses")


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
    source = printable(source)
    frame, track, xyxy = (one.astype(np.float64) for one in (frame, track, xyxy))
    fault = fault_of(frame, track, xyxy)
    wrong = (xyxy[:, 2:] < xyxy[:, :2]).any(axis=1)
    if fault is None and wrong.any():
        fault = int(wrong.argmax()), "is not a box; expected x1 <= x2 and y1 <= y2"
    if fault is not None:
        row, text = fault
        shown = ", ".join(f"{value:g}" for value in (frame[row], track[row], *xyxy[row]))
        raise DataError(f"{source}: the row {shown} (frame, track, box) {text}")
    order = by_frame(frame, track, source, "boxes")
    return TrackRows(
        frame[order].astype(np.int64), track[order].astype(np.int64), xyxy[order].astype(np.float32)
    )
