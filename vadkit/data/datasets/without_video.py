"""Videos of which only labels and numbers of frames are here, for methods on features or tracks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from vadkit.data.datasets.video_lists import SplitFile, read_split_file
from vadkit.data.labels.intervals import Labels
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

Entries = Mapping[str, SplitFile.Video]


def find_entries(root: Path) -> Entries | None:
    """Return frames and intervals by video if ``root`` is a JSON file with them, else None.

    ``root`` may also be a folder that contains ``labels.json`` and no folder of videos.
    """
    path = root if root.suffix.lower() == ".json" else root / "labels.json"
    folders = root.is_dir() and any(one.is_dir() for one in root.iterdir())
    if not path.is_file() or folders:
        return None
    return read_split_file(path).videos


def videos_of_entries(
    entries: Entries, split: Split, test: str, train: str, root: Path
) -> list[Video]:
    """Return the videos of a split, whose names match ``test`` or ``train``, in their order.

    Raises ``DataError`` if there are none, or if a video has no number of frames.
    """
    pattern = test if split == "test" else train
    found = {name: one for name, one in entries.items() if re.fullmatch(pattern, name)}
    if not found:
        raise DataError(f"{root} has no {split} videos; their names match {pattern}")
    bare = next((name for name, one in found.items() if one.frames is None), None)
    if bare is not None:
        raise DataError(f"{root}: video '{bare}' has no number of frames, which is needed here")
    return [
        Video(
            name,
            split,
            root / name,
            Labels(list(one.abnormal), one.frames).of(name, root.name) if split == "test" else None,
            abnormal=bool(one.abnormal),
            frames=one.frames,
        )
        for name, one in found.items()
    ]
