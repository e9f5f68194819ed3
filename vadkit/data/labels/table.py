"""Labels in a CSV table: one row per frame, or one row per interval."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from vadkit.data.labels.files import at_line, read_text, whole_number
from vadkit.data.labels.intervals import Labels
from vadkit.errors import DataError

# The line in the file and the cells by column.
_Row = tuple[int, dict[str, str]]
_FLAGS = {"0": False, "false": False, "1": True, "true": True}


def read_csv(path: Path) -> dict[str, Labels]:
    """A table with the header ``video,frame,abnormal`` or ``video,start,end[,frames]``.

    The first has a row for every frame, from 0, with 0, 1, true or false. The second has a row for
    every half-open interval, from 0, or a row with both cells empty for a video without any;
    ``frames`` is the video's length. The separator is a comma, semicolon or tab.
    """
    columns, rows = _read_rows(path)
    if columns == {"video", "frame", "abnormal"}:
        return _from_frames(path, rows)
    if columns in ({"video", "start", "end"}, {"video", "start", "end", "frames"}):
        return _from_intervals(path, rows)
    raise DataError(
        f"{path}, line 1: the header is '{','.join(sorted(columns))}'; expected "
        "'video,frame,abnormal' or 'video,start,end,frames'"
    )


def _read_rows(path: Path) -> tuple[set[str], list[_Row]]:
    text = read_text(path)
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[_Row] = []
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            with at_line(path, reader.line_num):
                if len(cells) != len(columns):
                    raise ValueError(f"{len(cells)} cells, but the header has {len(columns)}")
                if not (named := dict(zip(columns, cells, strict=True))).get("video", "-"):
                    raise ValueError("the video's name is empty")
            rows.append((reader.line_num, named))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}") from None
    return set(columns), rows


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


def _from_intervals(path: Path, rows: list[_Row]) -> dict[str, Labels]:
    intervals: dict[str, list[tuple[int, int, int]]] = {}
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
            if row["start"] or row["end"]:
                start, end = whole_number(row["start"]), whole_number(row["end"])
                if not 0 <= start < end:
                    raise ValueError(f"[{start}, {end}) is not an interval")
                found.append((start, end, line))
    for video, length in lengths.items():
        for _, end, line in intervals[video]:
            with at_line(path, line):
                if end > length:
                    raise ValueError(f"end {end} of video '{video}', which has {length} frames")
    return {
        video: Labels([(start, end) for start, end, _ in found], lengths.get(video))
        for video, found in intervals.items()
    }
