"""Read frame scores from other code: NumPy arrays, CSV and plain text."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from vadkit.arrays import is_archive, load_archive, load_array
from vadkit.data.decoding.readers import natural_key
from vadkit.errors import DataError
from vadkit.reading import read_bytes
from vadkit.text import printable

_MOST_TEXT = 256 << 20
_MOST_LINES = 10_000_000
SUFFIXES = (".npy", ".npz", ".csv", ".txt")
# Names of the scores in an archive or a table of one video.
_NAMES = ("scores", "score")


def read_scores(path: Path) -> dict[str, np.ndarray]:
    """Return scores (N,) float64 by video; a higher score is more abnormal, NaN means no score.

    A folder has one file per video, with the name of the video: ``.npy`` of shape (N,) or (1, N);
    ``.npz`` with ``scores`` or one array; ``.csv`` or ``.txt`` with one number per line, or with a
    column ``score``, sorted by a column ``frame`` if there is one. The path of a file below the
    folder is a part of the video's name. A single ``.npz`` has one array per video; a single
    ``.csv`` has the header ``video,frame,score``. A single ``.npy`` or ``.txt`` has the
    concatenated scores of all videos, under the name "".

    Blank lines at the end of a text file are ignored. Raises ``DataError`` for unreadable files,
    two files of one video, and frames that a table contains twice or not at all. Infinite values
    are reported later by the evaluator, with video and frame.
    """
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        raise DataError(f"scores not found: {path}")
    if path.suffix == ".npz":
        arrays = _load_npz(path)
        return {video: _row(values, f"{path}, '{video}'") for video, values in arrays.items()}
    if path.suffix == ".csv":
        return _read_table(path)
    return {"": _read_one(path)}


def split_row(row: np.ndarray, lengths: dict[str, int]) -> dict[str, np.ndarray]:
    """Split concatenated scores of all videos by the videos' lengths, in their order.

    Raises ``DataError`` if the lengths do not add up to the number of scores.
    """
    total = sum(lengths.values())
    if len(row) != total:
        raise DataError(
            f"the scores are one array of {len(row)} frames, but the {len(lengths)} labelled "
            f"videos have {total}; give one file per video, with the name of the video"
        )
    ends = np.cumsum(list(lengths.values()))[:-1]
    return dict(zip(lengths, np.split(row, ends), strict=True))


def _read_folder(folder: Path) -> dict[str, np.ndarray]:
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*"), key=lambda file: natural_key(str(file))):
        if path.suffix not in SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        video = path.relative_to(folder).with_suffix("").as_posix()
        if video in found:
            raise DataError(f"{path} and {found[video]} both score video '{video}'; remove one")
        found[video] = path
    if not found:
        raise DataError(
            f"folder {folder} contains no scores; expected one file per video, "
            f"{', '.join(SUFFIXES)}"
        )
    return {video: _read_one(path) for video, path in found.items()}


def _read_one(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return _row(_load(path), str(path))
    if path.suffix == ".npz":
        arrays = _load_npz(path)
        named = [name for name in _NAMES if name in arrays] or list(arrays)
        if len(arrays) != 1 and named[0] not in _NAMES:
            raise DataError(
                f"{path} contains {', '.join(arrays) or 'nothing'}; expected an array named "
                "'scores'"
            )
        return _row(arrays[named[0]], str(path))
    if path.suffix in (".csv", ".txt"):
        return _read_lines(path)
    raise DataError(f"{path} is not a score file; expected {', '.join(SUFFIXES)}")


def _read_lines(path: Path) -> np.ndarray:
    """Read one number per line, or the column ``score`` of a table; blank or ``nan``: no score."""
    rows = _rows(path)
    if not rows:
        raise DataError(f"{path} is empty; expected one number per line")
    header = [cell.strip().lower() for cell in rows[0][1]]
    column = next((header.index(name) for name in _NAMES if name in header), None)
    if column is None:
        odd = next((line for line, row in rows if len(row) != 1), None)
        if odd is not None:
            raise DataError(
                f"{path}, line {odd}: several values and no header with 'score'; expected one "
                "number per line"
            )
        return np.array([_number(path, line, row, 0) for line, row in rows])
    if "frame" not in header:
        # A blank line is a frame without a score, for any number of columns.
        blank = [""] * len(header)
        cells = [(line, row if any(row) else blank) for line, row in rows[1:]]
        _check_cells(path, header, cells)
        return np.array([_number(path, line, row, column) for line, row in cells])
    _check_cells(path, header, rows[1:])
    own: dict[int, float] = {}
    for line, row in rows[1:]:
        frame = _frame(path, line, row, header.index("frame"), own)
        own[frame] = _number(path, line, row, column)
    return _in_order(path, own)


def _read_table(path: Path) -> dict[str, np.ndarray]:
    rows = _rows(path)
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    if not {"video", "frame"} <= set(header) or not set(_NAMES) & set(header):
        shown = printable(",".join(header), 200)
        raise DataError(
            f"{path}, line 1: the header is '{shown}'; expected 'video,frame,score', "
            "or give a folder with one file per video"
        )
    _check_cells(path, header, rows[1:])
    column = next(header.index(name) for name in _NAMES if name in header)
    videos: dict[str, dict[int, float]] = {}
    for line, row in rows[1:]:
        video = row[header.index("video")].strip()
        if not video:
            raise DataError(f"{path}, line {line}: the video's name is empty")
        own = videos.setdefault(video, {})
        frame = _frame(path, line, row, header.index("frame"), own)
        own[frame] = _number(path, line, row, column)
    return {video: _in_order(path, own, f"video '{video}'") for video, own in videos.items()}


def _check_cells(path: Path, header: list[str], rows: list[tuple[int, list[str]]]) -> None:
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(row)} cells, but the header has {len(header)}"
            )


def _frame(path: Path, line: int, row: list[str], column: int, known: dict[int, float]) -> int:
    number = _number(path, line, row, column)
    if not number.is_integer() or number < 0 or number in known:
        what = "is given twice" if number in known else "is not a frame number, from 0"
        raise DataError(f"{path}, line {line}: frame {printable(row[column].strip(), 60)} {what}")
    return int(number)


def _in_order(path: Path, scores: dict[int, float], whose: str = "the table") -> np.ndarray:
    last = max(scores, default=-1)
    if len(scores) != last + 1:
        missing = next(frame for frame in range(len(scores)) if frame not in scores)
        raise DataError(
            f"{path}: {whose} reaches frame {last} but lacks frame {missing}; frames count from 0, "
            "and a frame without a score has an empty one"
        )
    return np.array([scores[frame] for frame in range(len(scores))])


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return line numbers and cells of a text file, without blank lines at its end."""
    try:
        text = read_bytes(path, _MOST_TEXT).decode("utf-8-sig").rstrip()
        if text.count("\n") >= _MOST_LINES:
            raise ValueError(f"it has more than {_MOST_LINES:,} lines")
    except (OSError, ValueError) as error:
        raise DataError(f"scores {path} cannot be read as text: {error}") from None
    lines = text.splitlines()
    try:
        return [(number, next(csv.reader([line]), [""])) for number, line in enumerate(lines, 1)]
    except csv.Error as error:
        raise DataError(f"{path} is not a table: {error}") from None


def _number(path: Path, line: int, row: list[str], column: int) -> float:
    text = row[column].strip()
    try:
        # Python would read 1_000 as a thousand, and digits of other scripts.
        if "_" in text or not text.isascii():
            raise ValueError
        return float(text) if text else float("nan")
    except ValueError:
        raise DataError(f"{path}, line {line}: '{printable(text, 60)}' is not a number") from None


def _row(values: np.ndarray, source: str) -> np.ndarray:
    if values.dtype.kind not in "biuf":
        raise DataError(f"{source} has values of type {values.dtype}; expected numbers")
    if values.ndim != 1 and not (values.ndim == 2 and 1 in values.shape):
        raise DataError(f"{source} has shape {values.shape}; expected one score per frame, (N,)")
    return values.ravel().astype(np.float64)


def _load(path: Path) -> np.ndarray:
    try:
        if is_archive(path):
            raise DataError(f"{path} is an archive of arrays, not one array; name it .npz")
        return load_array(path)
    except (OSError, ValueError) as error:
        raise DataError(_unreadable(path, error)) from None


def _load_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_archive(path)
    except (OSError, ValueError) as error:
        raise DataError(_unreadable(path, error)) from None


def _unreadable(path: Path, error: Exception) -> str:
    if "pickle" in str(error).lower():
        return (
            f"{path} contains pickled objects, which are not read, because they can run code; save "
            "the scores again as plain numbers"
        )
    return f"scores {path} cannot be read as a NumPy file: {error}"
