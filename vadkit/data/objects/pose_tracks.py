"""Poses of tracked people of many videos, from the files of pose estimators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vadkit.arrays import load_archive
from vadkit.data.objects.poses import read_key_points
from vadkit.data.objects.skeleton import JOINTS, with_neck
from vadkit.data.objects.tracks import name_of
from vadkit.errors import DataError
from vadkit.text import printable

_ARRAYS = ("videos", "video", "frame", "track", "points")


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
        files = sorted(path.rglob("[!.]*.json"))
        if not files:
            raise DataError(f"folder {path} contains no poses; expected .json of AlphaPose or COCO")
        found: dict[str, PoseRows] = {}
        for file in files:
            for video, rows in read_pose_tracks(file).items():
                if video in found:
                    raise DataError(f"{file} has poses of video '{video}', as another file does")
                found[video] = rows
        return found
    if not path.is_file():
        raise DataError(f"poses not found: {path}")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _read_npz(path)
    if suffix == ".json":
        return {
            video: _checked(*columns, f"{path}, video '{video}'")
            for video, columns in read_key_points(path, name_of(path)).items()
        }
    raise DataError(f"{path} is no file of poses; expected .json of AlphaPose or COCO, or .npz")


def _read_npz(path: Path) -> dict[str, PoseRows]:
    try:
        arrays = load_archive(path)
    except (OSError, ValueError) as error:
        raise DataError(f"poses {path} cannot be read as plain NumPy arrays: {error}") from None
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise DataError(f"{path} has no array '{missing[0]}'; expected {', '.join(_ARRAYS)}")
    names = [str(name) for name in arrays["videos"].tolist()]
    n = arrays["video"].size
    for name in _ARRAYS[1:]:
        array, shape = arrays[name], "(n, J, 3)" if name == "points" else "(n,)"
        fits = array.shape[1:] == () if name != "points" else array.shape[2:] == (3,)
        if not fits or len(array) != n or array.dtype.kind not in "iuf":
            raise DataError(
                f"{path}: '{name}' is {array.dtype} {array.shape}; expected numbers {shape}, n = "
                f"{n}"
            )
    video = arrays["video"]
    if n and not 0 <= video.min() <= video.max() < len(names):
        raise DataError(f"{path}: 'video' reaches {video.max()}, but it names {len(names)} videos")
    return {
        name: _checked(
            arrays["frame"][video == number],
            arrays["track"][video == number],
            arrays["points"][video == number],
            f"{path}, video '{name}'",
        )
        for number, name in enumerate(names)
    }


def _checked(frame: np.ndarray, track: np.ndarray, points: np.ndarray, source: str) -> PoseRows:
    """Return rows by ascending frame, with 18 joints; ``DataError`` names the first bad row."""
    source = printable(source)
    if points.shape[1] not in (17, JOINTS):
        raise DataError(
            f"{source}: poses have {points.shape[1]} key points; expected 17 (COCO) or 18 "
            "(OpenPose)"
        )
    frame, track, points = (one.astype(np.float64) for one in (frame, track, points))
    table = np.column_stack([frame, track])
    wrong = ~(np.isfinite(table).all(axis=1) & np.isfinite(points).all(axis=(1, 2)))
    text = "has a value that is not finite"
    if not wrong.any():
        wrong = (frame < 0) | (table != np.rint(table)).any(axis=1)
        text = "has a frame or track that is not a whole number, or a frame below 0"
    if wrong.any():
        first = wrong.argmax()
        raise DataError(f"{source}: frame {frame[first]:g} of track {track[first]:g} {text}")
    seen = (points[:, :, 2] > 0).any(axis=1)
    order = np.flatnonzero(seen)[np.lexsort((track[seen], frame[seen]))]
    table = table[order]
    again = (np.diff(table, axis=0) == 0).all(axis=1)
    if again.any():
        at = table[:-1][again][0]
        raise DataError(f"{source}: track {at[1]:g} has two poses in frame {at[0]:g}")
    points = _whole(points[order])
    points = with_neck(points) if points.shape[1] != JOINTS else points
    return PoseRows(
        table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), points.astype(np.float32)
    )


def _whole(points: np.ndarray) -> np.ndarray:
    """Return points with those of no confidence at the middle of the others."""
    known = points[:, :, 2:] > 0
    middle = (points[:, :, :2] * known).sum(axis=1) / known.sum(axis=1)
    placed = np.where(known, points[:, :, :2], middle[:, None])
    return np.concatenate([placed, np.maximum(points[:, :, 2:], 0)], axis=2)
