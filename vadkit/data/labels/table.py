"""Labels in a table: one row per frame, or one row per interval in frames or seconds."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Literal

import numpy as np

from vadkit.data.labels.files import at_line, number, read_text, whole_number
from vadkit.data.labels.intervals import Labels
from vadkit.data.tables import SHEETS, columns_of, decimal_point, read_sheet, text_rows
from vadkit.errors import DataError

Unit = Literal["frames", "seconds"]

# The line in the file and the cells by column.
_Row = tuple[int, dict[str, str]]
_FLAGS = {"0": False, "false": False, "1": True, "true": True, "0.0": False, "1.0": True}
_KNOWN = ("video", "frame", "abnormal", "frames")
_ENDS: dict[Unit | None, tuple[str, str]] = {
    None: ("start", "end"),
    "frames": ("start_frame", "end_frame"),
    "seconds": ("start_s", "end_s"),
}
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d*)?)")


def read_csv(path: Path, unit: Unit | None = None) -> dict[str, Labels]:
    """A table with the header ``video,frame,abnormal`` or ``video,start,end[,frames]``.

    The first has a row for every frame, from 0, with 0, 1, true or false. The second has a row for
    every half-open interval, from 0, or a row with both cells empty for a video without any;
    ``frames`` is the video's length. Columns are in any order; other spellings such as
    ``video_name`` are known. ``start_s`` and ``end_s`` are seconds, ``start_frame`` and
    ``end_frame`` frames. Without these words, whole numbers are frames and ``0:01:02.5`` is a time;
    decimals are an error unless ``unit`` says what they are. The separator is a comma, semicolon or
    tab; ``.xlsx`` files need openpyxl.
    """
    columns, rows = _read_rows(path)
    if columns == {"video", "frame", "abnormal"}:
        return _from_frames(path, rows)
    for stated, (start, end) in _ENDS.items():
        if columns - {"frames"} == {"video", start, end}:
            return _from_intervals(path, rows, _resolve(path, rows, stated, unit), (start, end))
    raise DataError(
        f"{path}, line 1: the header is '{','.join(sorted(columns))}'; expected "
        "'video,frame,abnormal' or 'video,start,end,frames'"
    )


def _read_rows(path: Path) -> tuple[set[str], list[_Row]]:
    known = [*_KNOWN, *(name for pair in _ENDS.values() for name in pair)]
    rows: list[_Row] = []
    columns: list[str] | None = None
    try:
        for line, cells in read_sheet(path) if _is_sheet(path) else text_rows(read_text(path)):
            if columns is None:
                columns = columns_of(cells, known)
                if twice := next((name for name in columns if columns.count(name) > 1), None):
                    raise DataError(f"{path}, line 1: two columns are '{twice}'; delete one")
                continue
            if not any(cells):
                continue
            with at_line(path, line):
                if len(cells) != len(columns):
                    raise ValueError(f"{len(cells)} cells, but the header has {len(columns)}")
                if not (named := dict(zip(columns, cells, strict=True))).get("video", "-"):
                    raise ValueError("the video's name is empty")
            rows.append((line, named))
    except csv.Error as error:
        raise DataError(f"{path}, {error}") from None
    return set(columns or [""]), rows


def _is_sheet(path: Path) -> bool:
    return path.suffix.lower() in SHEETS


def _resolve(path: Path, rows: list[_Row], stated: Unit | None, wanted: Unit | None) -> Unit:
    """Return the unit of intervals from the header, the caller and the values."""
    if stated is not None:
        if wanted not in (None, stated):
            start, end = _ENDS[stated]
            raise DataError(
                f"{path}, line 1: the columns {start} and {end} are in {stated}, but the unit "
                f"'{wanted}' was asked for; remove one of both"
            )
        return stated
    if wanted is not None:
        return wanted
    cells = [(line, name, row[name]) for line, row in rows for name in ("start", "end")]
    if any(_CLOCK.fullmatch(text) for _, _, text in cells):
        return "seconds"
    for line, name, text in cells:
        if re.fullmatch(r"[-+]?\d*[.,]\d*", text):
            raise DataError(
                f"{path}, line {line}: {name} is '{text}', which may be frames or seconds; say "
                "which with `--unit frames` or `--unit seconds` (dataset.unit in a recipe), or "
                "name the columns start_s and end_s, or start_frame and end_frame"
            )
    return "frames"


def _from_frames(path: Path, rows: list[_Row]) -> dict[str, Labels]:
    videos: dict[str, dict[int, bool]] = {}
    for line, row in rows:
        flags = videos.setdefault(row["video"], {})
        with at_line(path, line):
            frame = whole_number(row["frame"])
            if frame < 0:
                raise ValueError(f"frame {frame}; frames count from 0")
            if frame in flags:
                raise ValueError(f"a second row for frame {frame} of video '{row['video']}'")
            if row["abnormal"].lower() not in _FLAGS:
                raise ValueError(f"abnormal is '{row['abnormal']}'; expected 0, 1, true or false")
            flags[frame] = _FLAGS[row["abnormal"].lower()]
    labels = {}
    for video, flags in videos.items():
        last = max(flags)
        if len(flags) <= last:
            missing = next(frame for frame in range(last) if frame not in flags)
            raise DataError(
                f"{path}: video '{video}' has no row for frame {missing}, but its rows reach "
                f"frame {last}; every frame needs a row, counted from 0"
            )
        labels[video] = Labels.from_flags(np.array([flags[frame] for frame in range(last + 1)]))
    return labels


def _from_intervals(
    path: Path, rows: list[_Row], unit: Unit, ends: tuple[str, str]
) -> dict[str, Labels]:
    parse = seconds if unit == "seconds" else whole_number
    intervals: dict[str, list[tuple[float, float, int]]] = {}
    lengths: dict[str, int] = {}
    for line, row in rows:
        video = row["video"]
        found = intervals.setdefault(video, [])
        with at_line(path, line):
            if frames := row.get("frames"):
                length = whole_number(frames)
                if lengths.setdefault(video, length) != length:
                    raise ValueError(
                        f"video '{video}' has {length} frames, but {lengths[video]} in an earlier "
                        "row"
                    )
            if row[ends[0]] or row[ends[1]]:
                start, end = (parse(row[name]) for name in ends)
                if not 0 <= start < end:
                    raise ValueError(f"[{start}, {end}) is not an interval")
                found.append((start, end, line))
    if unit == "seconds":
        return {
            video: Labels([], lengths.get(video), tuple((start, end) for start, end, _ in found))
            for video, found in intervals.items()
        }
    for video, length in lengths.items():
        for _, end, line in intervals[video]:
            with at_line(path, line):
                if end > length:
                    raise ValueError(f"end {end} of video '{video}', which has {length} frames")
    return {
        video: Labels([(int(start), int(end)) for start, end, _ in found], lengths.get(video))
        for video, found in intervals.items()
    }


def seconds(text: str) -> float:
    """Parse seconds: ``62.5``, ``62,5`` or ``0:01:02.5``; ``ValueError`` for other text."""
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return number(decimal_point(text))
    hours, minutes, rest = clock.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)
