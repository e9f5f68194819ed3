"""Read frame scores from tables and plain text."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

import numpy as np

from vadkit.data.tables import SHEETS, columns_of, decimal_point, read_sheet, separator_of
from vadkit.errors import DataError
from vadkit.reading import read_bytes
from vadkit.text import printable

_MOST_TEXT = 256 << 20
_MOST_LINES = 10_000_000
# Names of the scores in an archive or a table of one video.
NAMES = ("scores", "score")
_KNOWN = ("video", "frame", "score")


def read_score_lines(path: Path) -> np.ndarray:
    """Read one number per line, or the column ``score`` of a table; blank or ``nan``: no score.

    All numbers may also be in one line, with spaces, as ``numpy.savetxt`` writes a row.
    """
    rows = _rows(path)
    if not rows:
        raise DataError(f"{path} is empty; expected one number per line")
    header = _columns(rows[0][1])
    column = header.index("score") if "score" in header else None
    if len(rows) == 1 and len(words := rows[0][1][0].split()) > 1 and len(header) == 1:
        return np.array([_number(path, 1, words, place) for place in range(len(words))])
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


def read_score_table(path: Path) -> dict[str, np.ndarray]:
    """Read the scores of all videos from a table with the header ``video,frame,score``."""
    rows = _rows(path)
    header = _columns(rows[0][1]) if rows else []
    if not {"video", "frame", "score"} <= set(header):
        shown = printable(",".join(header), 200)
        raise DataError(
            f"{path}, line 1: the header is '{shown}'; expected 'video,frame,score', "
            "or give a folder with one file per video"
        )
    _check_cells(path, header, rows[1:])
    column = header.index("score")
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
    """Return line numbers and cells of a table, without blank lines at its end."""
    if path.suffix.lower() in SHEETS:
        return read_sheet(path)
    try:
        content = read_bytes(path, _MOST_TEXT)
        marked = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = content.decode("utf-16" if marked else "utf-8-sig").rstrip()
        if text.count("\n") >= _MOST_LINES:
            raise ValueError(f"it has more than {_MOST_LINES:,} lines")
    except (OSError, ValueError) as error:
        raise DataError(f"scores {path} cannot be read as text: {error}") from None
    lines = text.splitlines()
    mark = separator_of(lines[0]) if lines else ","
    try:
        return [
            (number, next(csv.reader([line], delimiter=mark), [""]))
            for number, line in enumerate(lines, 1)
        ]
    except csv.Error as error:
        raise DataError(f"{path} is not a table: {error}") from None


def _number(path: Path, line: int, row: list[str], column: int) -> float:
    text = decimal_point(row[column].strip())
    try:
        # Python would read 1_000 as a thousand, and digits of other scripts.
        if "_" in text or not text.isascii():
            raise ValueError
        return float(text) if text else float("nan")
    except ValueError:
        raise DataError(f"{path}, line {line}: '{printable(text, 60)}' is not a number") from None


def _columns(cells: list[str]) -> list[str]:
    """Return the names of columns; an exact name takes precedence over other spellings."""
    exact = [cell.strip().lower() for cell in cells]
    if "scores" in exact:
        renamed = {"scores": "score", "score": "other score"}
        exact = [renamed.get(name, name) for name in exact]
    spelled = columns_of(cells, _KNOWN)
    return [
        one if one in _KNOWN or name in exact else name
        for one, name in zip(exact, spelled, strict=True)
    ]
