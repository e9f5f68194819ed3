"""Frame labels as intervals: vadkit's own JSON, and the files that come with UCSD."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.errors import DataError

FORMAT = "vadkit-labels-1"

# Abnormal frames as 0-based half-open [start, end) pairs.
Intervals = list[tuple[int, int]]


def intervals_to_frames(
    intervals: Sequence[tuple[int, int]], frames: int, video: str
) -> np.ndarray:
    """Bool (frames,), True inside an interval.

    Raises ``DataError`` when an interval does not lie within the video.
    """
    flags = np.zeros(frames, bool)
    for start, end in intervals:
        if not 0 <= start < end:
            raise DataError(f"labels of video '{video}': [{start}, {end}) is not an interval")
        if end > frames:
            raise DataError(
                f"labels of video '{video}' reach frame {end}, but the video has {frames} frames; "
                "the video was cut or re-encoded, or the labels belong to another version of it"
            )
        flags[start:end] = True
    return flags


def frames_to_intervals(flags: np.ndarray) -> Intervals:
    """The inverse of ``intervals_to_frames``: maximal runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, np.int8), [0]])))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def write_labels(path: Path, labels: Mapping[str, np.ndarray]) -> None:
    """Write bool arrays by video id in vadkit's own format."""
    videos = {
        video: {"frames": len(flags), "abnormal": frames_to_intervals(flags)}
        for video, flags in labels.items()
    }
    path.write_text(json.dumps({"format": FORMAT, "videos": videos}, indent=1), encoding="utf-8")


def read_labels(path: Path) -> dict[str, np.ndarray]:
    """Bool arrays by video id from vadkit's own format; ``DataError`` names what is wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"labels not found: {path}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"labels {path} cannot be read as JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DataError(
            f"{path} is not a label file of vadkit, which is written as "
            f'{{"format": "{FORMAT}", "videos": {{"01": '
            '{"frames": 180, "abnormal": [[60, 180]]}}}'
        )
    videos: Any = data.get("videos")
    if not isinstance(videos, dict):
        raise DataError(f"{path}: 'videos' must map video ids to their labels")
    return {video: _one(path, video, entry) for video, entry in videos.items()}


def _one(path: Path, video: str, entry: Any) -> np.ndarray:
    try:
        frames = index(entry["frames"])
        intervals = [(index(start), index(end)) for start, end in entry["abnormal"]]
        if frames < 0:
            raise ValueError(frames)
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{path}: video '{video}' needs 'frames' (a whole number) and 'abnormal' (a list of "
            "[start, end) pairs of whole numbers counted from 0)"
        ) from None
    return intervals_to_frames(intervals, frames, video)


def check_length(flags: np.ndarray, frames: int, video: str, source: str) -> np.ndarray:
    """``flags`` when there is one a frame; ``DataError`` with both numbers otherwise."""
    if len(flags) != frames:
        raise DataError(
            f"video '{video}' has {frames} frames but {source} labels {len(flags)}; the video was "
            "cut or re-encoded, or the labels belong to another version of it"
        )
    return flags


def read_ucsd_m(path: Path) -> list[Intervals]:
    """The official UCSD label script: intervals of each test clip in order.

    The file counts from 1 and includes both ends: ``gt_frame = [61:180]`` becomes [60, 180).
    """
    try:
        script = re.sub(r"%.*", "", path.read_text(encoding="latin-1"))
    except OSError as error:
        raise DataError(f"labels {path} cannot be read: {error.strerror}") from None
    found = re.findall(r"gt_frame\s*=\s*\[([^\]]*)\]", script)
    if not found:
        raise DataError(f"{path} holds no line such as 'gt_frame = [61:180]'")
    clips: list[Intervals] = []
    for text in found:
        ranges = re.sub(r"\s*:\s*", ":", text).replace(",", " ").replace(";", " ").split()
        odd = [part for part in ranges if not re.fullmatch(r"\d+(:\d+)?", part)]
        if odd:
            raise DataError(
                f"{path}, clip {len(clips) + 1}: '{odd[0]}' is neither a frame nor a range 61:180"
            )
        ends = [part.partition(":") for part in ranges]
        clips.append([(int(first) - 1, int(last or first)) for first, _, last in ends])
    return clips


def read_interval_mat(path: Path) -> list[Intervals]:
    """The ``gt`` cell array of files such as ``ped2.mat``: a 2 x k array of 1-based ends a clip.

    The file counts from 1 and includes both ends; an empty cell is a clip without anomalies.
    """
    from scipy.io import loadmat

    try:
        cells = loadmat(path)["gt"].ravel()
    except Exception as error:
        # SciPy documents no errors; broken files give a dozen kinds from as many places in it.
        raise DataError(f"{path} holds no cell array 'gt' of frame intervals ({error})") from None
    return [_cell_intervals(path, number, cell) for number, cell in enumerate(cells, 1)]


def _cell_intervals(path: Path, clip: int, cell: Any) -> Intervals:
    try:
        # MATLAB keeps plain numbers as doubles.
        ends = np.atleast_2d(np.asarray(cell, np.float64))
        if ends.size == 0:
            return []
        first, last = (ends if ends.shape[0] == 2 else ends.T).tolist()
        if not np.array_equal(ends, np.rint(ends)):
            raise ValueError("not whole numbers")
    except (TypeError, ValueError):
        raise DataError(
            f"{path}, clip {clip}: expected first and last frames as a 2 x k array of whole numbers"
        ) from None
    return [(int(a) - 1, int(b)) for a, b in zip(first, last, strict=True)]
