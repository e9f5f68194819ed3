"""From label files to the labels of a dataset's videos; missing labels are an error."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from vadkit.data.labels import guess_format, read_any
from vadkit.data.labels.intervals import Labels, intervals_to_frames
from vadkit.data.labels.tracks import tracks_of
from vadkit.data.videos import Track
from vadkit.errors import DataError

# The type of ``Video.labels``: from the frame count to bool (frames,).
Flags = Callable[[int], np.ndarray]

# Formats without video names: the first entry belongs to the first video, and so on.
_BY_ORDER = ("ucsd-m", "interval-mat")


def read_flags(
    path: Path, videos: Sequence[str], kind: str | None = None, normal: Collection[str] = ()
) -> dict[str, Flags]:
    """Return ``Video.labels`` of every video, from a file or folder; ``kind`` is the format.

    Videos in ``normal`` may be missing in the file and then have no abnormal frame. Raises
    ``DataError`` if another one is missing, and if a file without names has another number of
    videos.
    """
    kind = kind or guess_format(path)
    labels = read_any(path, kind)
    if kind in _BY_ORDER:
        if len(labels) != len(videos):
            raise DataError(
                f"{path} labels {len(labels)} videos by their order, but there are {len(videos)} "
                "test videos; videos are missing, or the labels belong to another dataset"
            )
        labels = dict(zip(videos, labels.values(), strict=True))
    missing = [video for video in videos if video not in labels and video not in normal]
    if missing:
        raise DataError(
            f"{path} has no entry for video '{missing[0]}'{_and_more(missing)}; "
            f"it has {_some(labels)}"
        )
    return {video: labels.get(video, Labels([])).of(video, path.name) for video in videos}


def read_part_flags(
    path: Path, whole: str, parts: Mapping[str, tuple[int, int | None]]
) -> dict[str, Flags]:
    """Return ``Video.labels`` of parts of one file, by their ids.

    An entry with a part's id counts frames from the start of the part. The entry ``whole`` counts
    them from the start of the file, and applies to all parts without their own entry.
    """
    labels = read_any(path)
    missing = [part for part in parts if part not in labels]
    if missing and whole not in labels:
        raise DataError(
            f"{path} has no entry '{whole}' with frames counted in the whole file, and none for "
            f"its part '{missing[0]}'{_and_more(missing)}; it has {_some(labels)}"
        )
    return {
        name: labels[name].of(name, path.name)
        if name in labels
        else _cut(labels[whole], whole, path.name, part)
        for name, part in parts.items()
    }


def _cut(labels: Labels, video: str, source: str, part: tuple[int, int | None]) -> Flags:
    start, end = part

    def flags(frames: int) -> np.ndarray:
        if end is None:
            return labels.flags(start + frames, video, source)[start:]
        stop = start + frames
        if labels.frames is not None and labels.frames < stop:
            raise DataError(
                f"{source} labels {labels.frames} frames of video '{video}', but a part of it "
                f"reaches frame {stop}; the labels belong to another version of it"
            )
        inside = [(max(a, start), min(b, stop)) for a, b in labels.intervals]
        kept = [(a - start, b - start) for a, b in inside if a < b]
        return intervals_to_frames(kept, frames, video)

    return flags


def read_tracks(
    folder: Path | None, videos: Sequence[str], normal: Collection[str] = ()
) -> dict[str, Callable[[], list[Track]]]:
    """Return ``Video.tracks`` from a folder of RBDC/TBDC files ``<id>.txt``, if there is one.

    Videos in ``normal`` need no file.
    """
    if folder is None:
        return {}
    if not folder.is_dir():
        raise DataError(f"tracks not found: {folder} is not a folder")
    files = {video: folder / f"{video}.txt" for video in videos}
    missing = [v for v, file in files.items() if not file.is_file() and v not in normal]
    if missing:
        raise DataError(
            f"{folder} has no tracks {missing[0]}.txt{_and_more(missing)}; a video without "
            "abnormal objects needs an empty file"
        )
    return {video: _track_reader(file) for video, file in files.items()}


def _track_reader(file: Path) -> Callable[[], list[Track]]:
    return lambda: tracks_of(file) if file.is_file() else []


def _and_more(names: Collection[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:12]) or "none"
