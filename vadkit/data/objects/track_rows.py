"""What files of tracks and files of poses share: folders, archives and the checks of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from vadkit.arrays import load_archive
from vadkit.data.labels.intervals import MOST_FRAMES
from vadkit.data.objects.poses import Columns
from vadkit.errors import DataError
from vadkit.text import printable

T = TypeVar("T")

# Whole numbers up to here are exact in double precision.
_MOST_TRACKS = 2**53
_LARGEST = float(np.finfo(np.float32).max)
# What trackers and pose estimators append to the name of a video.
_ENDINGS = ("_alphapose_tracked_person", "_alphapose-results", "_tracked", "_tracks")


def read_folder(
    folder: Path,
    suffixes: Sequence[str],
    read: Callable[[Path], dict[str, T]],
    *,
    what: str,
    expected: str,
) -> dict[str, T]:
    """Read all files of a folder and its folders; ``DataError`` for none or a video twice."""
    files = [file for file in sorted(folder.rglob("[!.]*")) if file.suffix in suffixes]
    if not files:
        raise DataError(f"folder {folder} contains no {what}; expected {expected}")
    found: dict[str, T] = {}
    for file in files:
        for video, rows in read(file).items():
            if video in found:
                raise DataError(f"{file} has {what} of video '{video}', as another file does")
            found[video] = rows
    return found


def name_of(path: Path) -> str:
    """Return the video of a file of tracks: its name, or that of the folder of ``gt/gt.txt``."""
    if path.parent.name in ("gt", "det") and path.stem in ("gt", "det"):
        return path.parent.parent.name
    name = path.stem
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def read_archive(
    path: Path, values: str, inner: tuple[int | str, ...], *, what: str
) -> dict[str, Columns]:
    """Return frames, tracks and values by video from a ``.npz``.

    It has ``videos`` (names), and rows ``video`` (number of the name), ``frame``, ``track`` and
    ``values`` (n, *inner); a letter in ``inner`` stands for any number.
    """
    expected = ("videos", "video", "frame", "track", values)
    try:
        arrays = load_archive(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{what} {path} cannot be read as plain NumPy arrays: {error}") from None
    missing = [name for name in expected if name not in arrays]
    if missing:
        raise DataError(
            f"{path} has no array '{missing[0]}'; expected {', '.join(expected)}, and it has "
            f"{', '.join(sorted(arrays)[:12]) or 'none'}"
        )
    n = arrays["video"].size
    for name in expected[1:]:
        array, shape = arrays[name], (n, *(inner if name == values else ()))
        fits = array.ndim == len(shape) and all(
            isinstance(wanted, str) or wanted == size
            for wanted, size in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype.kind not in "iuf":
            shown = str(shape).replace("'", "")
            raise DataError(
                f"{path}: '{name}' is {array.dtype} {array.shape}; expected numbers {shown}"
            )
    names = [str(name) for name in arrays["videos"].ravel().tolist()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{path} names video '{printable(twice[0])}' twice in 'videos'")
    return _by_video(path, names, *(arrays[name] for name in expected[1:]))


def _by_video(
    path: Path,
    names: Sequence[str],
    video: np.ndarray,
    frame: np.ndarray,
    track: np.ndarray,
    values: np.ndarray,
) -> dict[str, Columns]:
    if len(video) and not 0 <= video.min() <= video.max() < len(names):
        raise DataError(f"{path}: 'video' reaches {video.max()}, but it names {len(names)} videos")
    if (wrong := video != np.rint(video)).any():
        raise DataError(f"{path}: 'video' has {video[wrong][0]}, which is not a whole number")
    order = np.argsort(video, kind="stable")
    edges = np.searchsorted(video[order], np.arange(len(names) + 1))
    found = {}
    for number, name in enumerate(names):
        mine = order[edges[number] : edges[number + 1]]
        found[name] = (frame[mine], track[mine], values[mine])
    return found


def fault_of(frame: np.ndarray, track: np.ndarray, values: np.ndarray) -> tuple[int, str] | None:
    """Return the number of the first bad row and what is wrong with it; None if all are good."""
    fits = (np.abs(values) <= _LARGEST).all(axis=tuple(range(1, values.ndim)))
    wrong = ~(fits & np.isfinite(frame) & np.isfinite(track))
    text = "has a value that is not finite, or too large"
    if not wrong.any():
        wrong = (frame != np.rint(frame)) | (track != np.rint(track))
        wrong |= (frame < 0) | (frame >= MOST_FRAMES) | (np.abs(track) > _MOST_TRACKS)
        text = "has a frame or track that is not a whole number or out of range, or a frame below 0"
    return (int(wrong.argmax()), text) if wrong.any() else None


def by_frame(frame: np.ndarray, track: np.ndarray, source: str, what: str) -> np.ndarray:
    """Return the order of rows by frame and track; ``DataError`` for two rows of one track."""
    order: np.ndarray = np.lexsort((track, frame))
    frame, track = frame[order], track[order]
    again = np.flatnonzero((np.diff(frame) == 0) & (np.diff(track) == 0))
    if len(again):
        at = again[0]
        raise DataError(f"{source}: track {track[at]:g} has two {what} in frame {frame[at]:g}")
    return order
