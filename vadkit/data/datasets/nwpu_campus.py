"""NWPU Campus: 43 scenes of a university."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from vadkit.data.datasets.labelled import read_flags
from vadkit.data.datasets.layouts import (
    REPACKAGED,
    REPACKAGED_TEXT,
    Layout,
    find_clips,
    find_file,
    find_root,
)
from vadkit.data.videos import Split, Video

_LAYOUT = Layout(
    "nwpu-campus",
    {
        "train": ("videos/Train", "Train", *REPACKAGED["train"]),
        "test": ("videos/Test", "Test", *REPACKAGED["test"]),
    },
    r"(D\d+_\d+)",
    f"videos/Train/D001_01.avi (official), Train/D001_01.avi, {REPACKAGED_TEXT}, and the same "
    "with Test or testing",
)
_LABELS = ("groundtruth/NWPU_Campus_gt.npz", "NWPU_Campus_gt.npz", "gt.npz", "labels.json")


class NwpuCampus:
    """NWPU Campus: 43 scenes; some anomalies are abnormal only in their scene.

    ``root`` contains ``videos/Train`` and ``videos/Test``, or ``Train`` and ``Test``. Labels come
    from ``labels`` if given, else from ``groundtruth/NWPU_Campus_gt.npz`` or ``gt.npz``.
    """

    official: ClassVar[dict[Split, tuple[int, int]]] = {
        "train": (305, 1082014),
        "test": (242, 384059),
    }

    def __init__(self, *, root: Path, labels: Path | None = None) -> None:
        self.root = find_root(_LAYOUT, root.expanduser())
        self.labels = labels.expanduser() if labels else None

    @property
    def label_source(self) -> str:
        """The name of the label file in use."""
        path = self._label_path()
        return path.name if path else "none"

    def expected(self, split: Split) -> tuple[int, int]:
        """Return official numbers of videos and frames."""
        return self.official[split]

    def videos(self, split: Split) -> list[Video]:
        """Return the videos of a split; test videos have labels if there is a label file."""
        clips = find_clips(_LAYOUT, self.root, split)
        path = self._label_path() if split == "test" else None
        flags = read_flags(path, clips) if path else {}
        return [Video(name, split, clip, flags.get(name)) for name, clip in clips.items()]

    def _label_path(self) -> Path | None:
        return self.labels or find_file((self.root,), _LABELS)
