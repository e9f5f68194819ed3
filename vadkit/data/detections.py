"""Detections of videos, boxes with scores, as data: read and written as text, tables and archives.

The detections of a video are rows (n, 6) float64: the frame from 0, then x1, y1, x2, y2 in source
pixels, then the score. Both corners of a box are inside it; a box that ends before its start is
empty. A higher score is more abnormal.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vadkit.arrays import load_archive
from vadkit.data.decoding.folders import natural_key
from vadkit.data.labels.files import read_lines
from vadkit.data.tables import Row, decimal_point, separator_of
from vadkit.errors import DataError
from vadkit.files import write_whole
from vadkit.text import printable

_COLUMNS = ("frame", "x1", "y1", "x2", "y2", "score")
_TABLES = (".csv", ".tsv", ".txt")
_NEEDED = "frame,x1,y1,x2,y2,score"


def read_detections(path: Path) -> dict[str, np.ndarray]:
    """Return the detections (n, 6) of each video, see above.

    A folder has one file per video, ``<video>.txt``, ``.csv`` or ``.tsv``, with rows of
    ``frame,x1,y1,x2,y2,score`` and with or without a header. One table for all videos has the
    header ``video,frame,x1,y1,x2,y2,score``, in any order. A ``.npz`` archive has one array (n, 6)
    per video, or the arrays ``video``, ``frame``, ``box`` (n, 4) and ``score`` for all videos.

    Raises ``DataError`` for files of other forms, and for values that are not numbers.
    """
    if path.is_dir():
        return {
            video: _checked(_read_one(file), str(file)) for video, file in _tables_in(path).items()
        }
    if not path.is_file():
        raise DataError(f"detections not found: {path}")
    if path.suffix.lower() == ".npz":
        return _read_archive(path)
    if path.suffix.lower() in _TABLES:
        return _read_table(path)
    raise DataError(
        f"{path} is not a file of detections; expected a table ({', '.join(_TABLES)}), a .npz "
        "archive, or a folder with one table per video"
    )


def write_detections(path: Path, found: Mapping[str, np.ndarray]) -> None:
    """Write the detections (n, 6) of videos to an archive that ``read_detections`` reads."""
    rows = np.concatenate([np.empty((0, 6)), *found.values()])
    names = np.array(list(found), dtype=np.str_)
    counts = [len(one) for one in found.values()]
    with write_whole(path) as partial:
        np.savez_compressed(
            partial,
            video=np.repeat(names, counts),
            frame=rows[:, 0].astype(np.int64),
            box=rows[:, 1:5].astype(np.float32),
            score=rows[:, 5],
        )


def empty_boxes(rows: np.ndarray) -> int:
    """Return how many of detections (n, 6) have a box that ends before its start."""
    return int((rows[:, 3:5] < rows[:, 1:3]).any(axis=1).sum())


def _tables_in(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir(), key=lambda file: natural_key(file.name)):
        if file.suffix.lower() not in _TABLES or file.name.startswith("."):
            continue
        if file.stem in found:
            raise DataError(f"{file} and {found[file.stem]} are both of one video; remove one")
        found[file.stem] = file
    if not found:
        raise DataError(
            f"folder {folder} contains no detections; expected <video>.txt or <video>.csv with "
            f"rows of {_NEEDED}"
        )
    return found


def _read_archive(path: Path) -> dict[str, np.ndarray]:
    try:
        arrays = load_archive(path)
    except (OSError, ValueError) as error:
        raise DataError(f"detections {path} cannot be read: {error}") from None
    if not {"video", "frame", "score"} <= arrays.keys():
        return {video: _checked(rows, f"{path}, '{video}'") for video, rows in arrays.items()}
    box = arrays.get("box", arrays.get("xyxy"))
    video, frame, score = (arrays[name] for name in ("video", "frame", "score"))
    n = frame.size
    shapes = frame.shape == score.shape == video.shape == (n,)
    if box is None or box.shape != (n, 4) or not shapes or video.dtype.kind not in "Uiu":
        raise DataError(
            f"{path}: expected the arrays video (n,), frame (n,), box (n, 4) and score (n,) of one "
            "length"
        )
    return _by_video(video.astype(np.str_), np.column_stack([frame, box, score]), path)


def _read_one(path: Path) -> np.ndarray:
    """Read the rows of one video; a first line with names of columns is optional."""
    rows = _read_rows(path)
    if rows and not _is_number(decimal_point(rows[0][1][0])):
        return _of_columns(path, rows, _COLUMNS)[1]
    return _numbers(path, rows, range(len(_COLUMNS)))


def _read_table(path: Path) -> dict[str, np.ndarray]:
    rows = _read_rows(path)
    if not rows:
        raise DataError(f"{path} is empty; expected a table with the header video,{_NEEDED}")
    videos, numbers = _of_columns(path, rows, ("video", *_COLUMNS))
    return _by_video(np.array(videos, dtype=np.str_), numbers, path)


def _read_rows(path: Path) -> list[Row]:
    """Return the rows of a table that are not blank, with the number of the line of each."""
    lines = read_lines(path)
    mark = separator_of(lines[0][1]) if lines else ","
    try:
        return [(line, next(csv.reader([text], delimiter=mark))) for line, text in lines]
    except csv.Error as error:
        raise DataError(f"{path} is not a table: {error}") from None


def _by_video(videos: np.ndarray, rows: np.ndarray, path: Path) -> dict[str, np.ndarray]:
    """Split rows (n, 6) by their videos (n,)."""
    order = np.argsort(videos, kind="stable")
    names, starts = np.unique(videos[order], return_index=True)
    return {
        str(name): _checked(mine, f"{path}, video '{printable(str(name))}'")
        for name, mine in zip(names, np.split(rows[order], starts[1:]), strict=False)
    }


def _of_columns(
    path: Path, rows: Sequence[Row], wanted: Sequence[str]
) -> tuple[list[str], np.ndarray]:
    """Return the names of the videos, if wanted, and the rows (n, 6) of a table with a header."""
    header = [cell.strip().lower() for cell in rows[0][1]]
    if missing := [name for name in wanted if name not in header]:
        raise DataError(
            f"{path}, line {rows[0][0]}: the header lacks {', '.join(missing)}; expected "
            f"{','.join(wanted)}"
        )
    numbers = _numbers(path, rows[1:], [header.index(name) for name in _COLUMNS], len(header))
    if "video" not in wanted:
        return [], numbers
    return [row[header.index("video")].strip() for _, row in rows[1:]], numbers


def _numbers(
    path: Path,
    rows: Sequence[Row],
    columns: Sequence[int],
    width: int = len(_COLUMNS),
) -> np.ndarray:
    numbers = np.empty((len(rows), len(_COLUMNS)))
    for place, (line, row) in enumerate(rows):
        texts = [decimal_point(cell) for cell in row]
        if len(row) != width or not all(_is_number(texts[column]) for column in columns):
            raise DataError(
                f"{path}, line {line}: '{printable(','.join(row), 80)}' is not a detection; "
                f"expected numbers {_NEEDED}"
            )
        numbers[place] = [float(texts[column]) for column in columns]
    return numbers


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text


def _checked(rows: np.ndarray, source: str) -> np.ndarray:
    """Return rows as float64; raise ``DataError`` unless they are detections."""
    if rows.ndim != 2 or rows.shape[1] != len(_COLUMNS) or rows.dtype.kind not in "iuf":
        raise DataError(
            f"{source}: {rows.dtype} {rows.shape}; expected numbers (n, {len(_COLUMNS)}), a row of "
            f"{_NEEDED} for each detection"
        )
    rows = rows.astype(np.float64)
    faults = {
        "is not finite": ~np.isfinite(rows).all(axis=1),
        "has a frame that is not a whole number from 0": (rows[:, 0] < 0) | (rows[:, 0] % 1 != 0),
    }
    for what, wrong in faults.items():
        if wrong.any():
            shown = ", ".join(f"{value:g}" for value in rows[wrong.argmax()])
            raise DataError(f"{source}: the detection ({shown}) {what}")
    return rows
