"""UCF-Crime: surveillance videos of thirteen kinds of crimes and accidents, and normal ones."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import ClassVar, Literal

from vadkit.data.datasets.labelled import read_flags
from vadkit.data.datasets.layouts import find_below, find_file, not_there, video_name
from vadkit.data.labels.files import read_lines
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

_TEXT = (
    "videos at any depth, such as Videos/Abuse/Abuse001_x264.mp4 or "
    "Anomaly-Videos-Part-1/Abuse/Abuse001_x264.mp4, with the lists Anomaly_Train.txt and "
    "Anomaly_Test.txt"
)
_LABELS = ("Temporal_Anomaly_Annotation_for_Testing_Videos.txt", "Temporal_Anomaly_Annotation.txt")
# Copies of fifty videos for another task.
_COPIES = "Normal_Videos_for_Event_Recognition"


class UcfCrime:
    """UCF-Crime: long surveillance videos; training has video labels, testing has frame labels.

    ``root`` contains the videos at any depth, with ``Anomaly_Train.txt``, ``Anomaly_Test.txt`` and
    ``Temporal_Anomaly_Annotation_for_Testing_Videos.txt`` up to three folders deep. ``train:
    normal`` uses the normal training videos, ``all`` also the anomalous ones.
    """

    official: ClassVar[dict[str, int]] = {"normal": 800, "all": 1610, "test": 290}

    def __init__(
        self, *, root: Path, labels: Path | None = None, train: Literal["normal", "all"] = "normal"
    ) -> None:
        self.root = root.expanduser()
        if not self.root.is_dir():
            raise not_there("ucf-crime", self.root, _TEXT)
        self.labels = labels.expanduser() if labels else None
        self.train = train

    @property
    def label_source(self) -> str:
        """The name of the label file in use."""
        path = self.labels or self._official_labels()
        return path.name if path else "none"

    def expected(self, split: Split) -> tuple[int, None]:
        """Return the official number of videos; decoders disagree about the frames."""
        return self.official[self.train if split == "train" else "test"], None

    def videos(self, split: Split) -> list[Video]:
        """Return the videos of a split in the order of its list; folders name the anomalies."""
        listed = self._listed(split)
        if split == "train" and self.train == "normal":
            listed = {name: entry for name, entry in listed.items() if not _abnormal(entry)}
        paths = self._paths(split, listed)
        official = None if self.labels else self._official_labels()
        if split == "train":
            flags = {}
        elif self.labels:
            flags = read_flags(self.labels, paths)
        else:
            flags = read_flags(official, paths, "ucf-crime") if official else {}
        return [
            Video(
                name,
                split,
                paths[name],
                flags.get(name),
                abnormal=_abnormal(entry),
                category=Path(entry).parent.name if _abnormal(entry) else None,
            )
            for name, entry in listed.items()
        ]

    def _listed(self, split: Split) -> dict[str, str]:
        """Return lines such as ``Abuse/Abuse001_x264.mp4`` by the video's name."""
        name = f"Anomaly_{split.capitalize()}.txt"
        path = _file_below(self.root, (name,))
        if path is None:
            raise DataError(
                f"dataset ucf-crime: {self.root} has no list {name}; it comes with the videos in "
                "Anomaly_Detection_splits. See datasets/ucf-crime/README.md"
            )
        listed: dict[str, str] = {}
        for line, entry in read_lines(path):
            video = Path(entry).stem
            if "/" not in entry or video in listed:
                what = "is given twice" if video in listed else "is not FOLDER/VIDEO.mp4"
                raise DataError(f"{path}, line {line}: '{entry}' {what}")
            listed[video] = entry
        return listed

    def _paths(self, split: Split, listed: dict[str, str]) -> dict[str, Path]:
        known: dict[str, list[Path]] = defaultdict(list)
        for path in find_below("ucf-crime", self.root, _TEXT):
            known[video_name(path)].append(path)
        missing = [name for name in listed if name not in known]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise DataError(
                f"dataset ucf-crime: Anomaly_{split.capitalize()}.txt lists "
                f"{listed[missing[0]]}{more}, which {self.root} does not contain; get the missing "
                "parts, or delete the lines to use fewer videos"
            )
        return {name: _choose(known[name], entry) for name, entry in listed.items()}

    def _official_labels(self) -> Path | None:
        return _file_below(self.root, _LABELS)


def _choose(paths: list[Path], entry: str) -> Path:
    """Return the video that a list means, among several with the same name."""
    if len(paths) > 1:
        same = [path for path in paths if path.parent.name == Path(entry).parent.name]
        paths = same or [path for path in paths if path.parent.name != _COPIES] or paths
    if len(paths) > 1:
        raise DataError(f"{paths[0]} and {paths[1]} are both video '{entry}'; remove one")
    return paths[0]


def _abnormal(entry: str) -> bool:
    return not re.search(r"(?<!ab)normal", Path(entry).parent.name.lower())


def _file_below(root: Path, names: tuple[str, ...]) -> Path | None:
    return find_file((root,), [f"{'*/' * depth}{name}" for name in names for depth in range(4)])
