"""Weak splits: training videos with and without anomalies, from both folders of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vadkit.data.datasets.video_lists import Listed, read_split_file, read_video_list
from vadkit.data.labels.names import match_videos
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError
from vadkit.text import printable


def weak_videos(
    path: Path, split: Split, train: Sequence[Video], test: Sequence[Video]
) -> list[Video]:
    """Return the videos of one side of a weak split, in its order, with their video labels.

    ``path`` is a JSON file with the names of both sides, or a folder with a list ``*train*`` and
    one ``*test*``. ``train`` and ``test`` are the videos of the one-class split under their names
    in the weak one: those for training are normal. Raises ``DataError`` for a name that is not a
    video.
    """
    known = {video.id: video for video in [*train, *test]}
    normal = {video.id for video in train}
    listed = _listed(path, split)
    try:
        names, _ = match_videos(list(listed), [*known])
    except DataError:
        names = {name: name for name in listed}
    missing = [name for name in listed if names[name] not in known]
    if missing:
        raise DataError(
            f"{path} lists '{printable(missing[0])}', which is no video of the data set; it has "
            f"{', '.join(list(known)[:6])}"
        )
    found = []
    for name, entry in listed.items():
        video = known[names[name]]
        labels = _none if video.id in normal else video.labels
        abnormal = video.id not in normal if entry.abnormal is None else entry.abnormal
        found.append(
            replace(
                video,
                split=split,
                labels=labels if split == "test" else None,
                abnormal=abnormal,
                category=entry.category,
            )
        )
    return found


def _listed(path: Path, split: Split) -> dict[str, Listed]:
    path = path.expanduser()
    if path.is_dir():
        lists = sorted(one for one in path.iterdir() if split in one.name.lower())
        if len(lists) != 1:
            raise DataError(f"{path} has {len(lists)} lists with '{split}' in their name; keep one")
        return read_video_list(lists[0])
    file = read_split_file(path)
    return {
        name: Listed(name, name, bool(file.videos[name].abnormal) if name in file.videos else None)
        for name in file.names(split)
    }


def _none(frames: int) -> np.ndarray:
    return np.zeros(frames, bool)
