"""XD-Violence: violent and other scenes from films and the web."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Literal

from vadkit.data.datasets.labelled import read_flags
from vadkit.data.datasets.layouts import find_below, find_file, not_there, video_name
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

_TEXT = (
    "training videos in folders 1-1004 to 3320-3954 or train*, test videos in test* or videos, "
    "and annotations.txt"
)
_CATEGORIES = {
    "B1": "fighting",
    "B2": "shooting",
    "B4": "riot",
    "B5": "abuse",
    "B6": "car accident",
    "G": "explosion",
}


class XdViolence:
    """XD-Violence: violence in films, news and web videos, with cuts and moving cameras.

    ``root`` contains training videos in folders named ``1-1004`` to ``3320-3954`` or ``train*``,
    test videos in one named ``test*`` or ``videos``, and ``annotations.txt``. Names of videos
    without violence end in ``label_A``. ``train: normal`` uses those, ``all`` uses every video.
    """

    official: ClassVar[dict[str, int]] = {"normal": 2049, "all": 3954, "test": 800}

    def __init__(
        self, *, root: Path, labels: Path | None = None, train: Literal["normal", "all"] = "normal"
    ) -> None:
        self.root = root.expanduser()
        if not self.root.is_dir():
            raise not_there("xd-violence", self.root, _TEXT)
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
        """Return the videos of a split; their names give ``abnormal`` and ``category``."""
        paths = self._paths(split)
        normal = {name for name in paths if name.lower().endswith("label_a")}
        if split == "train" and self.train == "normal":
            paths = {name: path for name, path in paths.items() if name in normal}
        official = None if self.labels else self._official_labels()
        if split == "train":
            flags = {}
        elif self.labels:
            flags = read_flags(self.labels, paths, normal=normal)
        else:
            flags = read_flags(official, paths, "xd-violence", normal) if official else {}
        return [
            Video(
                name,
                split,
                path,
                flags.get(name),
                abnormal=name not in normal,
                category=None if name in normal else xd_category(name),
            )
            for name, path in paths.items()
        ]

    def _paths(self, split: Split) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for path in find_below("xd-violence", self.root, _TEXT):
            if _split_of(self.root, path) != split:
                continue
            name = video_name(path)
            if name in found:
                raise DataError(f"{path} and {found[name]} are both video '{name}'; remove one")
            found[name] = path
        if not found:
            raise DataError(
                f"dataset xd-violence: {self.root} has no {split} videos; expected {_TEXT}"
            )
        return found

    def _official_labels(self) -> Path | None:
        return find_file((self.root,), ("annotations.txt", "*/annotations.txt"))


def xd_category(name: str) -> str | None:
    """Return the first label in ``..._label_B2-G-0``, the anomaly that is shown first."""
    first = re.search(r"label_([A-Z]\d?)", name, re.IGNORECASE)
    return _CATEGORIES.get(first[1].upper()) if first else None


def _split_of(root: Path, path: Path) -> Split:
    """Return the split of a video, from the folders above it."""
    folders = [part.lower() for part in path.relative_to(root).parts[:-1]]
    if any(re.fullmatch(r"\d+-\d+|train.*", folder) for folder in folders):
        return "train"
    if any(folder.startswith("test") or folder == "videos" for folder in folders):
        return "test"
    raise DataError(
        f"dataset xd-violence: {path} is in no known split, move it away; expected {_TEXT}"
    )
