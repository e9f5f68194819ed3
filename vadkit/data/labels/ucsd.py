"""The label files of UCSD, and the ``gt`` cell array in the code of later papers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.data.labels.files import at_line, read_matlab, read_text, whole_number
from vadkit.data.labels.intervals import MOST_FRAMES, MOST_INTERVALS, Intervals, Labels
from vadkit.errors import DataError
from vadkit.reading import MOST_JSON


def read_ucsd_m(path: Path) -> dict[str, Labels]:
    """The official UCSD label script: clips "01", "02", ... in order.

    The file counts from 1 and includes both ends: ``gt_frame = [61:180]`` becomes [60, 180).
    """
    if not path.is_file():
        raise DataError(f"labels {path} cannot be read: there is no such file")
    script = re.sub(r"%.*", "", read_text(path, MOST_JSON, "latin-1"))
    found = re.findall(r"gt_frame\s*=\s*\[([^\]]*)\]", script)
    if not found:
        raise DataError(f"{path} has no line such as 'gt_frame = [61:180]'")
    clips: list[Intervals] = []
    for text in found:
        ranges = re.sub(r"\s*:\s*", ":", text).replace(",", " ").replace(";", " ").split()
        odd = [part for part in ranges if not re.fullmatch(r"\d+(:\d+)?", part)]
        if odd:
            raise DataError(
                f"{path}, clip {len(clips) + 1}: '{odd[0]}' is neither a frame nor a range 61:180"
            )
        ends = [part.partition(":") for part in ranges]
        with at_line(path, len(clips) + 1, "clip"):
            clips.append([(whole_number(a) - 1, whole_number(b or a)) for a, _, b in ends])
    return _numbered(clips)


def read_interval_mat(path: Path) -> dict[str, Labels]:
    """The ``gt`` cell array of files such as ``ped2.mat`` or ``avenue.mat``: "01", "02", ...

    A cell is a 2 x k array of first and last frames, from 1, both inclusive; an empty cell is a
    clip without anomalies.
    """
    cells = read_matlab(path, "gt", "frame intervals").ravel()
    return _numbered([_cell_intervals(path, number, cell) for number, cell in enumerate(cells, 1)])


def _numbered(clips: list[Intervals]) -> dict[str, Labels]:
    return {f"{number:02d}": Labels(intervals) for number, intervals in enumerate(clips, 1)}


def _cell_intervals(path: Path, clip: int, cell: Any) -> Intervals:
    try:
        if np.size(cell) > 2 * MOST_INTERVALS:
            raise ValueError("too many")
        # MATLAB stores numbers as doubles.
        ends = np.atleast_2d(np.asarray(cell, np.float64))
        if ends.size == 0:
            return []
        first, last = (ends if ends.shape[0] == 2 else ends.T).tolist()
        if not (np.isfinite(ends).all() and np.array_equal(ends, np.rint(ends))):
            raise ValueError("not whole numbers")
        if np.abs(ends).max() > MOST_FRAMES:
            raise ValueError("too large")
    except (TypeError, ValueError):
        raise DataError(
            f"{path}, clip {clip}: expected first and last frames as a 2 x k array of whole numbers"
        ) from None
    return [(int(a) - 1, int(b)) for a, b in zip(first, last, strict=True)]
