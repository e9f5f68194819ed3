"""UCSD Ped1 and Ped2 in their official layout and the common re-packagings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from vadkit.data.datasets.labelled import read_flags
from vadkit.data.datasets.layouts import (
    REPACKAGED,
    REPACKAGED_TEXT,
    Layout,
    find_clips,
    find_file,
    find_root,
)
from vadkit.data.datasets.weak_splits import weak_videos
from vadkit.data.decoding.folders import image_files
from vadkit.data.images import image_size
from vadkit.data.labels.arrays import load_member, open_npz
from vadkit.data.labels.masks import image_masks, packed_masks
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

_LABEL_FILES = ("UCSDped2.m", "UCSDped1.m", "labels.json", "ped2.mat", "ped1.mat")
_MASKS = "pixel_masks_packbits.npz"
# The widths of Ped1 and Ped2 in pixels, by the bytes of a packed row.
_WIDTHS = {30: 238, 45: 360}

# The names of clips in a weak split begin with the folder that they are in.
_SIDES: tuple[tuple[str, Split], ...] = (("Train", "train"), ("Test", "test"))
_LAYOUT = Layout(
    "ucsd",
    {"train": ("Train", *REPACKAGED["train"]), "test": ("Test", *REPACKAGED["test"])},
    r".*?(\d+)",
    f"Train/Train001/*.tif (official), {REPACKAGED_TEXT} such as training/01.mp4, and the same "
    "with Test or testing",
)


class Ucsd:
    """UCSD Ped1 or Ped2: the official layout, extracted frames, or one video per clip.

    ``root`` contains ``Train/Train001/*.tif`` with ``Test/Test001``, or ``training/frames/01`` with
    ``testing/frames/01``, or ``training/01.mp4`` with ``testing/01.mp4``. Labels come from
    ``labels`` if given, else from the first existing one of the official ``.m`` file,
    ``labels.json`` and ``ped2.mat``, in ``root`` or its test folder.

    ``split`` is a weak split, for learning from video labels: a JSON file ``{"train": [names],
    "test": [names]}`` with names such as Train001 and Test001, or a folder with a list for each.
    """

    # Frames per second, which folders of images do not state.
    fps: ClassVar[float] = 10.0
    official: ClassVar[dict[str, dict[Split, tuple[int, int]]]] = {
        "1": {"train": (34, 6800), "test": (36, 7200)},
        "2": {"train": (16, 2550), "test": (12, 2010)},
    }

    def __init__(
        self, *, root: Path, labels: Path | None = None, split: Path | None = None
    ) -> None:
        self.split = split
        self.root = find_root(_LAYOUT, root.expanduser())
        self.labels = labels.expanduser() if labels else None

    @property
    def label_source(self) -> str:
        """The name of the label file in use."""
        path = self._label_file()
        return path.name if path else "none"

    def expected(self, split: Split) -> tuple[int, int] | None:
        """Return official numbers of clips and frames, if a name tells Ped1 from Ped2."""
        if self.split is not None:
            return None
        for name in (self.label_source, self.root.name):
            if found := re.search(r"ped([12])", name, re.IGNORECASE):
                return self.official[found[1]][split]
        return None

    def videos(self, split: Split) -> list[Video]:
        """Return the clips of a split; test clips have labels if there is a label file."""
        if self.split is None:
            return self._one_class(split)
        train, test = (
            [replace(one, id=f"{side}{int(one.id):03d}") for one in self._one_class(which)]
            for side, which in _SIDES
        )
        return weak_videos(self.split, split, train, test)

    def _one_class(self, split: Split) -> list[Video]:
        clips = find_clips(_LAYOUT, self.root, split)
        if split == "train":
            return [Video(name, split, path) for name, path in clips.items()]
        file = self._label_file()
        flags = read_flags(file, clips) if file else {}
        return [
            Video(name, split, path, flags.get(name), self._masks(name, path))
            for name, path in clips.items()
        ]

    def _label_file(self) -> Path | None:
        folders = (self.root, self.root / "Test", self.root / "testing")
        return self.labels or find_file(folders, _LABEL_FILES)

    def _masks(self, name: str, path: Path) -> Callable[[], np.ndarray] | None:
        folder = path.with_name(path.name + "_gt")
        if folder.is_dir():
            return lambda: image_masks(folder)
        packed = self.root / _MASKS
        if packed.is_file():
            return lambda: packed_masks(packed, name, _width(packed, name, path))
        return None


def _width(packed: Path, name: str, path: Path) -> int:
    """Return the pixels of a row, which its packed bytes do not tell."""
    with open_npz(packed) as archive:
        shape = load_member(archive, name, packed).shape
        row = shape[-1] if shape else 0
        if "width" in archive.files:
            width = load_member(archive, "width", packed)
            if width.size != 1 or width.dtype.kind not in "iu" or width < 1:
                raise DataError(f"{packed}: 'width' must be one whole number of pixels")
            return int(width.item())
    images = image_files(path) if path.is_dir() else []
    if images and (size := image_size(images[0])):
        return size[0]
    if row not in _WIDTHS:
        raise DataError(
            f"{packed}, video '{name}': rows of {row} bytes match neither Ped1 nor Ped2; add the "
            "width in pixels to the archive under the name 'width'"
        )
    return _WIDTHS[row]
