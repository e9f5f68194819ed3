"""Poses of tracked people of many videos, from the files of pose estimators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vadkit.data.objects.poses import read_key_points
from vadkit.data.objects.skeleton import JOINTS, with_neck
from vadkit.data.objects.track_rows import by_frame, fault_of, name_of, read_archive, read_folder
from vadkit.errors import DataError
from vadkit.text import printable


@dataclass(frozen=True)
class PoseRows:
    """The poses of tracked people of one video.

    ``frame`` (n,) int64 counts from 0, ascending; ``track`` (n,) int64 is the person's number;
    ``points`` (n, 18, 3) float32 is x, y in pixels and confidence of each joint, in the order of
    ``skeleton``.
    """

    frame: np.ndarray
    track: np.ndarray
    points: np.ndarray

    def __len__(self) -> int:
        """The number of poses in all frames."""
        return len(self.frame)


def read_pose_tracks(path: Path) -> dict[str, PoseRows]:
    """Return the poses of all videos in a file or folder.

    - ``.json`` of AlphaPose or COCO key points with tracks, see ``poses``;
    - ``.npz``: ``videos`` (names), and rows ``video`` (number of the name), ``frame`` from 0,
      ``track`` and ``points`` (n, J, 3);
    - a folder of JSON files.

    17 joints are those of COCO; the neck is added. 18 joints are in the order of OpenPose. Poses
    without any joint of a confidence above 0 are left out, and a joint without confidence is at the
    middle of the others. Raises ``DataError`` that names the file and the row.
    """
    if path.is_dir():
        return read_folder(
            path, (".json",), read_pose_tracks, what="poses", expected=".json of AlphaPose or COCO"
        )
    if not path.is_file():
        raise DataError(f"poses not found: {path}")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return {
            video: _checked(*columns, f"{path}, video '{video}'")
            for video, columns in read_archive(path, "points", ("J", 3), what="poses").items()
        }
    if suffix == ".json":
        return {
            video: _checked(*columns, f"{path}, video '{video}'")
            for video, columns in read_key_points(path, name_of(path)).items()
        }
    raise DataError(f"{path} is no file of poses; expected .json of AlphaPose or COCO, or .npz")


def _checked(frame: np.ndarray, track: np.ndarray, points: np.ndarray, source: str) -> PoseRows:
    """Return rows by ascending frame, with 18 joints; ``DataError`` names the first bad row."""
    source = printable(source)
    if points.shape[1] not in (17, JOINTS):
        raise DataError(
            f"{source}: poses have {points.shape[1]} key points; expected 17 (COCO) or 18 "
            "(OpenPose)"
        )
    frame, track, points = (one.astype(np.float64) for one in (frame, track, points))
    if (fault := fault_of(frame, track, points)) is not None:
        row, text = fault
        raise DataError(f"{source}: frame {frame[row]:g} of track {track[row]:g} {text}")
    seen = np.flatnonzero((points[:, :, 2] > 0).any(axis=1))
    order = seen[by_frame(frame[seen], track[seen], source, "poses")]
    points = _whole(points[order])
    points = with_neck(points) if points.shape[1] != JOINTS else points
    return PoseRows(
        frame[order].astype(np.int64), track[order].astype(np.int64), points.astype(np.float32)
    )


def _whole(points: np.ndarray) -> np.ndarray:
    """Return points with those of no confidence at the middle of the others."""
    known = points[:, :, 2:] > 0
    middle = (points[:, :, :2] * known).sum(axis=1) / known.sum(axis=1)
    placed = np.where(known, points[:, :, :2], middle[:, None])
    return np.concatenate([placed, np.maximum(points[:, :, 2:], 0)], axis=2)
