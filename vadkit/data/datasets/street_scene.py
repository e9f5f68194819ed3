"""Street Scene: one camera over a two-lane street."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from vadkit.data.datasets.labelled import Flags, read_flags
from vadkit.data.datasets.layouts import (
    REPACKAGED,
    REPACKAGED_TEXT,
    Layout,
    find_clips,
    find_file,
    find_root,
)
from vadkit.data.labels.tracks import read_street_scene, street_scene_tracks
from vadkit.data.videos import Split, Track, Video
from vadkit.errors import DataError

_LAYOUT = Layout(
    "street-scene",
    {"train": ("Train", *REPACKAGED["train"]), "test": ("Test", *REPACKAGED["test"])},
    r"((?:Train|Test)\d+)",
    f"Train/Train001/*.jpg and Test/Test001/*.jpg (official), {REPACKAGED_TEXT}, and the same "
    "with testing, where ID is Train001 or Test001",
)


class StreetScene:
    """Street Scene: bounding boxes of anomalies on a busy two-lane street.

    ``root`` contains ``Train/Train001/001.jpg`` and ``Test/Test001/001.jpg``, with the boxes in
    ``Test/Test001/Test001_gt.txt`` or next to that folder. ``labels`` sets other frame labels.
    """

    official: ClassVar[dict[Split, tuple[int, int]]] = {
        "train": (46, 56847),
        "test": (35, 146410),
    }

    def __init__(self, *, root: Path, labels: Path | None = None) -> None:
        self.root = find_root(_LAYOUT, root.expanduser())
        self.labels = labels.expanduser() if labels else None

    @property
    def label_source(self) -> str:
        """The name of the label file in use, or of the box files."""
        if self.labels:
            return self.labels.name
        patterns = ("Test/*_gt.txt", "Test/*/*_gt.txt", "testing/**/*_gt.txt")
        found = (next(self.root.glob(pattern), None) for pattern in patterns)
        return "Test*_gt.txt" if any(found) else "none"

    def expected(self, split: Split) -> tuple[int, int]:
        """Return official numbers of videos and frames."""
        return self.official[split]

    def videos(self, split: Split) -> list[Video]:
        """Return the sequences of a split; test sequences have labels and tracks if available."""
        clips = find_clips(_LAYOUT, self.root, split)
        if split == "train":
            return [Video(name, split, path) for name, path in clips.items()]
        boxes = _box_files(clips)
        if self.labels:
            flags: dict[str, Flags] = read_flags(self.labels, clips)
        else:
            flags = {
                name: read_street_scene(file)[name].of(name, file.name)
                for name, file in boxes.items()
            }
        return [
            Video(
                name,
                split,
                path,
                flags.get(name),
                tracks=_track_reader(boxes[name]) if boxes else None,
            )
            for name, path in clips.items()
        ]


def _track_reader(file: Path) -> Callable[[], list[Track]]:
    return lambda: street_scene_tracks(file)


def _box_files(clips: dict[str, Path]) -> dict[str, Path]:
    """Return the box file of every sequence; empty if there is none at all."""
    places = {name: (path, path.parent) for name, path in clips.items()}
    found = {name: find_file(folders, (f"{name}_gt.txt",)) for name, folders in places.items()}
    files = {name: file for name, file in found.items() if file is not None}
    missing = [name for name in clips if name not in files]
    if files and missing:
        raise DataError(
            f"{missing[0]}_gt.txt is neither in {clips[missing[0]]} nor next to it, but "
            f"{len(files)} of {len(clips)} sequences have theirs; unpack the dataset again"
        )
    return files
