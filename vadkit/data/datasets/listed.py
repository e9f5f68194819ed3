"""Videos that lists name, with a label for each; the videos themselves may be elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from vadkit.data.datasets.folder import find_videos
from vadkit.data.datasets.video_lists import Listed, SplitFile, read_split_file, read_video_list
from vadkit.data.labels import guess_format, read_any
from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.names import match_videos
from vadkit.data.labels.rows import cut_row, row_of
from vadkit.data.segments.feature_set import FeatureSet
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError, RecipeError
from vadkit.text import printable


class ListedVideos:
    """Videos that are named by lists, for learning from video labels on features from files.

    ``train`` and ``test`` are text files with a path a line, of any machine, and perhaps a label: 0
    or 1, or the kind of anomaly. ``split`` is a JSON file with the names of both, and may have the
    labels. ``labels`` are frame labels in any known format; a row for all test videos is cut by the
    lengths of ``features``, a set of features with ``every`` frames a segment. ``normal`` and
    ``abnormal`` are what the names of videos begin with, for lists without labels. ``root`` has the
    videos at any depth, if they are needed. ``fps`` is their frame rate.
    """

    def __init__(
        self,
        *,
        train: Path | None = None,
        test: Path | None = None,
        split: Path | None = None,
        labels: Path | None = None,
        root: Path | None = None,
        features: Path | None = None,
        every: Annotated[int, Field(ge=1)] = 16,
        normal: str | None = None,
        abnormal: str | None = None,
        fps: Annotated[float, Field(gt=0)] | None = None,
    ) -> None:
        if (split is None) == (train is None):
            raise RecipeError("dataset listed: give 'train' and 'test', or 'split'")
        self.lists: dict[Split, Path | None] = {"train": train, "test": test}
        self.split, self.labels, self.root = split, labels, root
        self.features, self.every = features, every
        self.normal, self.abnormal = normal, abnormal
        if fps is not None:
            self.fps = fps

    @property
    def label_source(self) -> str:
        """The name of the label file in use."""
        path = self.labels or self.split
        return path.name if path else "none"

    def videos(self, split: Split) -> list[Video]:
        """Return the videos of a split in the order of its list."""
        file = read_split_file(self.split.expanduser()) if self.split else None
        listed = self._listed(split, file)
        frames = self._frames(split, listed, file)
        paths = self._paths(listed)
        found = []
        for name, one in listed.items():
            labels = frames.get(name)
            abnormal = self._abnormal(one, labels, split)
            found.append(
                Video(
                    name,
                    split,
                    paths.get(name, Path(one.entry)),
                    _flags(labels, name, self.label_source) if split == "test" else None,
                    abnormal=abnormal,
                    category=one.category if abnormal else None,
                    frames=labels.frames if labels else None,
                )
            )
        return found

    def _listed(self, split: Split, file: SplitFile | None) -> dict[str, Listed]:
        if file is not None:
            return {name: Listed(name, name) for name in file.names(split)}
        path = self.lists[split]
        return read_video_list(path.expanduser()) if path else {}

    def _frames(
        self, split: Split, listed: Mapping[str, Any], file: SplitFile | None
    ) -> dict[str, Labels]:
        """Return frame labels by video, as far as they are known."""
        found = {
            name: Labels([(start, end) for start, end in one.abnormal], one.frames)
            for name, one in (file.videos if file else {}).items()
        }
        if self.labels is None or split == "train":
            return found
        path = self.labels.expanduser()
        kind = guess_format(path)
        labels = read_any(path, kind)
        if row_of(labels, kind, path, listed) is not None:
            return cut_row(labels, self._lengths(listed), path)
        names, _ = match_videos(list(labels), list(listed))
        return {names[name]: one for name, one in labels.items()}

    def _lengths(self, listed: Mapping[str, Any]) -> dict[str, int]:
        if self.features is None:
            raise DataError(
                f"{self.labels} is one row of labels for all test videos; give dataset.features, "
                "the set of features whose lengths cut it"
            )
        videos = [Video(name, "test", Path(name)) for name in listed]
        return {
            one.id: len(one) for one in FeatureSet(self.features, self.every).videos(videos, {})
        }

    def _abnormal(self, one: Listed, labels: Labels | None, split: Split) -> bool | None:
        if one.abnormal is not None:
            return one.abnormal
        for start, kind in ((self.normal, False), (self.abnormal, True)):
            if start is not None and one.name.lower().startswith(start.lower()):
                return kind
        if self.normal is not None or self.abnormal is not None:
            return self.normal is not None
        if labels is not None:
            return bool(labels.intervals)
        if split == "train":
            raise DataError(
                f"dataset listed: nothing says whether '{printable(one.name)}' is abnormal; add 0 "
                "or 1 to the lines of the list, or set dataset.abnormal to what the names of "
                "abnormal videos begin with"
            )
        return None

    def _paths(self, listed: Mapping[str, Any]) -> dict[str, Path]:
        if self.root is None:
            return {}
        known = {Path(name).name.lower(): path for name, path in find_videos(self.root)}
        return {name: known[name.lower()] for name in listed if name.lower() in known}


def _flags(labels: Labels | None, name: str, source: str) -> Callable[[int], np.ndarray] | None:
    return labels.of(name, source) if labels is not None else None
