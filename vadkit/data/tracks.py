"""Tracks of people or things: boxes with a number that stays the same over time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vadkit.arrays import load_archive
from vadkit.errors import DataError
from vadkit.files import open_regular
from vadkit.text import printable

_TABLE = ("videos", "video", "frame", "track", "xyxy")
# The limit for a text file of one video.
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class TrackRows:
    """The tracks of a video, by ascending frame.

    ``frames`` (n,) int64 count from 0, ``tracks`` (n,) int64 are numbers of tracks, ``boxes`` (n,
    4) float32 are x1, y1, x2, y2 in pixels.
    """

    frames: np.ndarray
    tracks: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        """The number of boxes."""
        return len(self.frames)


def read_tracks(path: Path) -> dict[str, TrackRows]:
    """Return the tracks of all videos of a file or folder by name; ``DataError`` if unusable.

    A ``.npz`` archive is one table: ``videos`` (V,) names, and for each box ``video`` (n,), the
    place of its video in them, ``frame`` (n,) from 0, ``track`` (n,) and ``xyxy`` (n, 4). A folder
    has such archives, or a text file ``NAME.txt`` for each video in the form of MOTChallenge: frame
    from 1, track, left, top, width, height, separated by commas; further columns are not read.
    """
    path = path.expanduser()
    try:
        found = _folder(path) if path.is_dir() else _archive(path)
    except (OSError, ValueError) as error:
        raise DataError(f"tracks {path} cannot be read: {error}") from None
    if not found:
        raise DataError(f"tracks {path} have no videos; expected NAME.txt files or a .npz archive")
    return found


def _archive(path: Path) -> dict[str, TrackRows]:
    arrays = load_archive(path)
    missing = [name for name in _TABLE if name not in arrays]
    if missing:
        raise ValueError(f"it has no array '{missing[0]}'; expected {', '.join(_TABLE)}")
    names, video = arrays["videos"], arrays["video"]
    n = video.size
    for name, shape in (("video", (n,)), ("frame", (n,)), ("track", (n,)), ("xyxy", (n, 4))):
        if arrays[name].shape != shape or arrays[name].dtype.kind not in "iuf":
            raise ValueError(f"'{name}' is {arrays[name].dtype} {arrays[name].shape}, not {shape}")
    if names.ndim != 1 or names.dtype.kind != "U":
        raise ValueError(f"'videos' is {names.dtype} {names.shape}; expected names")
    if n and not 0 <= video.min() <= video.max() < len(names):
        raise ValueError(f"'video' reaches {video.max()}, but there are {len(names)} names")
    rows = np.column_stack([arrays["frame"], arrays["track"], arrays["xyxy"]]).astype(np.float64)
    order = np.argsort(video, kind="stable")
    edges = np.searchsorted(video[order], np.arange(len(names) + 1))
    return {
        str(name): _checked(rows[order[edges[place] : edges[place + 1]]], str(name))
        for place, name in enumerate(names)
    }


def _folder(path: Path) -> dict[str, TrackRows]:
    found: dict[str, TrackRows] = {}
    for file in sorted(path.glob("*.npz")):
        tracks = _archive(file)
        if twice := found.keys() & tracks.keys():
            raise ValueError(f"several archives have the video '{printable(min(twice))}'")
        found |= tracks
    for file in sorted(path.glob("*.txt")):
        with open_regular(file) as opened:
            text = opened.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError(f"{file.name} has more than {_MOST_BYTES >> 20} MB")
        try:
            lines = [line.split(b",")[:6] for line in text.splitlines() if line.strip()]
            rows = np.array(lines, dtype=np.float64).reshape(-1, 6)
        except ValueError:
            raise ValueError(
                f"{file.name} has a line without six numbers; expected frame, track, left, top, "
                "width, height"
            ) from None
        rows[:, 0] -= 1
        rows[:, 4:] += rows[:, 2:4]
        found[file.stem] = _checked(rows, file.stem)
    return found


def _checked(rows: np.ndarray, video: str) -> TrackRows:
    """Return tracks of rows (n, 6) of frame, track, box."""
    whole = np.isfinite(rows).all(axis=1) & (rows[:, :2] == np.rint(rows[:, :2])).all(axis=1)
    wrong = ~whole | (rows[:, 0] < 0) | (rows[:, 4:] < rows[:, 2:4]).any(axis=1)
    if wrong.any():
        values = ", ".join(f"{value:g}" for value in rows[wrong.argmax()])
        raise ValueError(
            f"video '{printable(video)}' has the row {values} (frame, track, x1, y1, x2, y2); "
            "expected whole frames and tracks, and x1 <= x2, y1 <= y2"
        )
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    frames, tracks = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
    return TrackRows(frames, tracks, rows[:, 2:].astype(np.float32))
