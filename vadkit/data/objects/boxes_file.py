"""Precomputed boxes from an archive."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vadkit.arrays import load_archive
from vadkit.data.objects import Boxes
from vadkit.data.videos import Video
from vadkit.errors import DataError

_TABLE = ("clip", "frame", "xyxy")


class BoxesFile:
    """Precomputed boxes from a ``.npz`` archive for each split; decodes nothing.

    An archive is one table for all videos: ``clip`` (n,) from 1, ``frame`` (n,) from 0, ``xyxy``
    (n, 4) in source pixels and, if known, ``score`` (n,) and ``label`` (n,). The boxes published
    with VEC (Yu et al., "Cloze Test Helps", ACM MM 2020) can be saved in this form. Clip 7 is the
    video with the id 7, 07 or Test007.

    Or it has one array per video, named by its id: (n, 5), (n, 6) or (n, 7) of frame from 0, x1,
    y1, x2, y2 and, if known, score and label. A video without objects has an array without rows.
    ``train`` and ``test`` may be the same archive if no id is in both splits.
    """

    reads_frames = False

    def __init__(self, *, train: Path | None = None, test: Path | None = None) -> None:
        self.train = train
        self.test = test

    def __call__(self, video: Video, length: int, frames: Iterator[np.ndarray]) -> Boxes:
        """Return the video's boxes; ``DataError`` if the archive lacks it or has other frames."""
        path = self.train if video.split == "train" else self.test
        if path is None:
            raise DataError(
                f"boxes-file: no file of boxes for the {video.split} split; set "
                f"objects.{video.split} to a .npz archive"
            )
        path = path.expanduser()
        if not path.is_file():
            raise DataError(f"boxes not found: {path} is not a file")
        stat = path.stat()
        archive = _archive(path, stat.st_size, stat.st_mtime_ns)
        table = set(_TABLE) <= archive.keys()
        rows = _of_table(archive, video, path) if table else _of_video(archive, video, path)
        return _checked(rows, length, f"{path}, video '{video.id}'")


@functools.lru_cache(maxsize=4)
def _archive(path: Path, size: int, changed: int) -> dict[str, np.ndarray]:
    """Read all arrays, once for all videos; size and modification time identify a version."""
    try:
        return load_archive(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"boxes {path} cannot be read as a .npz archive of plain arrays ({error}); pickled "
            "objects are not read, because they can run code"
        ) from None


def _of_table(archive: dict[str, np.ndarray], video: Video, path: Path) -> np.ndarray:
    clips = archive["clip"]
    n = clips.size
    score = archive.get("score", np.ones(n))
    label = archive.get("label", np.full(n, -1))
    table = {**archive, "score": score, "label": label}
    shapes = {"clip": (n,), "frame": (n,), "xyxy": (n, 4), "score": (n,), "label": (n,)}
    for name, shape in shapes.items():
        if table[name].shape != shape or table[name].dtype.kind not in "iuf":
            raise DataError(
                f"{path}: '{name}' is {table[name].dtype} {table[name].shape}; expected numbers "
                f"{shape}, a row for each of {n} clip numbers"
            )
    number = re.fullmatch(r"(?:train|test)?_?0*([1-9]\d*)", video.id, re.IGNORECASE)
    if number is None:
        raise DataError(
            f"{path} numbers its clips, but the id of video '{video.id}' is not a number; save an "
            "array of boxes for each video under its id instead"
        )
    clip = int(number[1])
    mine = clips == clip
    if not mine.any():
        has = np.unique(clips)
        range_ = f", {has[0]:g} to {has[-1]:g}" if n else ""
        raise DataError(
            f"{path} has no boxes for clip {clip} (video '{video.id}'); it has {len(has)} "
            f"clips{range_}. If the video has no objects, save an array for each video under "
            "its id"
        )
    return np.column_stack(
        [archive["frame"][mine], archive["xyxy"][mine], score[mine], label[mine]]
    ).astype(np.float64)


def _of_video(archive: dict[str, np.ndarray], video: Video, path: Path) -> np.ndarray:
    if video.id not in archive:
        raise DataError(
            f"{path} has no boxes for video '{video.id}'; it has {len(archive)} arrays: "
            f"{', '.join(sorted(archive)[:12]) or 'none'}. Expected one for each video, under its "
            f"id, or {', '.join(_TABLE)}"
        )
    rows = archive[video.id]
    if rows.size == 0:
        return np.zeros((0, 7))
    if rows.ndim != 2 or not 5 <= rows.shape[1] <= 7 or rows.dtype.kind not in "iuf":
        raise DataError(
            f"{path}, video '{video.id}': {rows.dtype} {rows.shape}; expected (n, 5), (n, 6) or "
            "(n, 7) of frame, x1, y1, x2, y2, score, label"
        )
    filled = np.tile(np.array([0, 0, 0, 0, 0, 1, -1], np.float64), (len(rows), 1))
    filled[:, : rows.shape[1]] = rows
    return filled


def _checked(rows: np.ndarray, length: int, source: str) -> Boxes:
    """Return boxes from (n, 7) rows, by ascending frame; ``DataError`` names the first bad row."""
    frame, xyxy = rows[:, 0], rows[:, 1:5]
    whole = np.isfinite(rows).all(axis=1) & (frame == np.rint(frame))
    faults = (
        (~whole, "has a frame that is not a whole number, or a value that is not finite"),
        (frame < 0, "is before frame 0; frames count from 0"),
        ((xyxy[:, 2:] <= xyxy[:, :2]).any(axis=1), "is not a box; expected x1 < x2 and y1 < y2"),
    )
    for wrong, text in faults:
        if wrong.any():
            values = ", ".join(f"{value:g}" for value in rows[wrong.argmax(), :5])
            raise DataError(f"{source}: the row {values} (frame, x1, y1, x2, y2) {text}")
    if len(rows) and frame.max() >= length:
        from_1 = frame.min() == 1 and frame.max() == length
        cause = "they seem to count from 1" if from_1 else "they belong to another version of it"
        raise DataError(
            f"{source}: boxes reach frame {frame.max():g}, but the video has {length} frames, 0 to "
            f"{length - 1}; {cause}"
        )
    order = np.argsort(frame, kind="stable")
    return Boxes(
        frame=frame[order].astype(np.int64),
        xyxy=xyxy[order].astype(np.float32),
        score=rows[order, 5].astype(np.float32),
        label=rows[order, 6].astype(np.int64),
    )
