"""From label files to the labels of a dataset's videos; missing labels are an error."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from vadkit.data.decoding.counting import decoded_counts, frame_times, stated_counts
from vadkit.data.labels import guess_format, read_any
from vadkit.data.labels.intervals import Labels, intervals_to_frames
from vadkit.data.labels.names import match_endings
from vadkit.data.labels.rows import cut_row, order, row_of
from vadkit.data.labels.table import Unit
from vadkit.data.labels.tracks import tracks_of
from vadkit.data.videos import Track
from vadkit.errors import DataError

# The type of ``Video.labels``: from the frame count to bool (frames,).
Flags = Callable[[int], np.ndarray]

# Formats without video names: the first entry belongs to the first video, and so on.
_BY_ORDER = ("ucsd-m", "interval-mat")

_log = logging.getLogger("vadkit.data")


def read_flags(
    path: Path,
    videos: Sequence[str] | Mapping[str, Path],
    kind: str | None = None,
    normal: Collection[str] = (),
    unit: Unit | None = None,
) -> dict[str, Flags]:
    """Return ``Video.labels`` of every video, from a file or folder; ``kind`` is the format.

    Names in the file may have the ending of the video file. Videos in ``normal`` may be missing in
    the file and then have no abnormal frame. ``unit`` is that of a table. If ``videos`` has the
    paths of the videos, the file may be one row of 0 and 1 for all of them, or in seconds. Raises
    ``DataError`` if another video is missing, and if a file without names has another number of
    videos.
    """
    kind = kind or guess_format(path)
    labels = read_any(path, kind, unit)
    if kind in _BY_ORDER:
        if len(labels) != len(videos):
            raise DataError(
                f"{path} labels {len(labels)} videos by their order, but there are {len(videos)} "
                "test videos; videos are missing, or the labels belong to another dataset"
            )
        labels = dict(zip(videos, labels.values(), strict=True))
    if isinstance(videos, Mapping) and row_of(labels, kind, path, videos) is not None:
        return _cut_when_asked(labels, videos, path)
    names = match_endings(labels, videos)
    labels = {names[name]: one for name, one in labels.items()}
    missing = [video for video in videos if video not in labels and video not in normal]
    if missing:
        raise DataError(
            f"{path} has no entry for video '{missing[0]}'{_and_more(missing)}; "
            f"it has {_some(labels)}"
        )
    paths = videos if isinstance(videos, Mapping) else {}
    return {
        video: _flags(labels.get(video, Labels([])), video, path.name, paths.get(video))
        for video in videos
    }


def _flags(labels: Labels, video: str, source: str, path: Path | None) -> Flags:
    if not labels.seconds or path is None:
        return labels.of(video, source)
    return lambda frames: labels.in_frames(frame_times(path, frames), video, source).flags(
        frames, video, source
    )


def _cut_when_asked(
    labels: Mapping[str, Labels], videos: Mapping[str, Path], path: Path
) -> dict[str, Flags]:
    """Cut a row by the videos' lengths as soon as the labels of one of them are needed.

    Lengths are those that the files state, if they add up to the row, else they are counted.
    """

    @functools.cache
    def parts() -> dict[str, Labels]:
        lengths = row_lengths(labels, videos)
        found = cut_row(labels, lengths, path)
        _log.warning(
            "%s is one row for all videos; it was cut in the order %s", path.name, order(lengths)
        )
        return found

    def flags(video: str) -> Flags:
        return lambda frames: parts()[video].flags(frames, video, path.name)

    return {video: flags(video) for video in videos}


def row_lengths(labels: Mapping[str, Labels], videos: Mapping[str, Path]) -> dict[str, int]:
    """Return the lengths of videos that a row is cut by: stated if they add up to it, else counted.

    ``labels`` has the row.
    """
    stated = stated_counts(videos)
    known = {video: length for video, length in stated.items() if length is not None}
    (row,) = labels.values()
    fits = len(known) == len(videos) and sum(known.values()) == row.frames
    return known if fits else decoded_counts(videos)


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
