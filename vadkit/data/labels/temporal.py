"""Lists of abnormal intervals by video name: UCF-Crime and XD-Violence."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from vadkit.data.labels.files import at_line, read_lines, whole_number
from vadkit.data.labels.intervals import Intervals, Labels
from vadkit.errors import DataError


def read_ucf_crime(path: Path) -> dict[str, Labels]:
    """UCF-Crime's temporal annotations, by video name without ``.mp4``.

    A line is ``Abuse028_x264.mp4  Abuse  165  240  -1  -1``: name, class, and pairs of first and
    last frame, from 1, both inclusive; ``-1 -1`` is a missing pair. A normal video has the class
    Normal and no pair. The line above becomes [164, 240), of the kind Abuse.
    """
    return _read(path, _ucf_labels)


def read_xd_violence(path: Path) -> dict[str, Labels]:
    """XD-Violence's annotations, by video name without ``.mp4``.

    A line is ``name start end [start end]...`` in frames from 0, half-open. Normal videos, whose
    names end in ``label_A``, are not in the file.
    """
    return _read(path, lambda words: Labels(_xd_intervals(words)))


def _read(path: Path, parse: Callable[[list[str]], Labels]) -> dict[str, Labels]:
    labels: dict[str, Labels] = {}
    for line, text in read_lines(path):
        name, *words = text.split()
        video = re.sub(r"\.(mp4|avi|mkv)$", "", name, flags=re.IGNORECASE)
        with at_line(path, line):
            if video in labels:
                raise ValueError(f"video '{video}' is in the file twice")
            labels[video] = parse(words)
    if not labels:
        raise DataError(f"{path} has no lines; expected a video and its frames on each")
    return labels


def _ucf_labels(words: list[str]) -> Labels:
    if not words:
        raise ValueError("expected 'name class first last first last'")
    kind, *numbers = words
    pairs = [pair for pair in _pairs(numbers) if pair != (-1, -1)]
    for first, last in pairs:
        if not 1 <= first <= last:
            raise ValueError(
                f"{first} to {last} is not a range of frames that count from 1; "
                "a missing pair is -1 -1"
            )
    if (kind == "Normal") == bool(pairs):
        has = f"frames {pairs[0][0]} to {pairs[0][1]}" if pairs else "no abnormal frames"
        raise ValueError(
            f"class '{kind}' has {has}; only normal videos, of class Normal, have none"
        )
    return Labels([(first - 1, last) for first, last in pairs], kinds=(kind,) * len(pairs))


def _xd_intervals(words: list[str]) -> Intervals:
    pairs = _pairs(words)
    for start, end in pairs:
        if not 0 <= start < end:
            raise ValueError(f"[{start}, {end}) is not an interval of frames that count from 0")
    return pairs


def _pairs(words: list[str]) -> Intervals:
    numbers = [whole_number(word) for word in words]
    if not numbers or len(numbers) % 2:
        raise ValueError(f"{len(numbers)} frame numbers; expected pairs of start and end")
    return list(zip(numbers[::2], numbers[1::2], strict=True))
