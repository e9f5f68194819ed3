"""CUHK Avenue in its official layout and the common re-packagings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np

from vadkit.data.datasets.labelled import Flags, read_flags, read_tracks
from vadkit.data.datasets.layouts import (
    REPACKAGED,
    REPACKAGED_TEXT,
    Layout,
    find_clips,
    find_file,
    find_root,
)
from vadkit.data.labels.masks import avenue_mask, read_avenue_masks
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

_LAYOUT = Layout(
    "avenue",
    {
        "train": ("training_videos", *REPACKAGED["train"]),
        "test": ("testing_videos", *REPACKAGED["test"]),
    },
    r".*?(\d+)",
    f"training_videos/01.avi (official), {REPACKAGED_TEXT}, and the same with testing",
)
_MASKS = ("testing_label_mask", "ground_truth_demo/testing_label_mask")


class Avenue:
    """CUHK Avenue: the official videos, or frames or videos from re-packagings.

    ``root`` contains ``training_videos`` and ``testing_videos``, or ``training`` and ``testing``.
    Labels come from ``labels`` if given, else from the first existing one of the official masks
    ``testing_label_mask/1_label.mat``, ``labels.json`` and ``avenue.mat``. ``tracks`` is a folder
    of RBDC/TBDC files ``01.txt``.
    """

    official: ClassVar[dict[Split, tuple[int, int]]] = {"train": (16, 15328), "test": (21, 15324)}

    def __init__(
        self, *, root: Path, labels: Path | None = None, tracks: Path | None = None
    ) -> None:
        given = root.expanduser()
        self.root = find_root(_LAYOUT, given)
        # The archive of the masks unpacks next to the folder of the videos.
        self.folders = tuple(dict.fromkeys((self.root, given)))
        self.labels = labels.expanduser() if labels else None
        self.tracks = tracks.expanduser() if tracks else None

    @property
    def label_source(self) -> str:
        """The name of the label file or folder in use."""
        path = self._label_path()
        return path.name if path else "none"

    def expected(self, split: Split) -> tuple[int, int]:
        """Return official numbers of videos and frames."""
        return self.official[split]

    def videos(self, split: Split) -> list[Video]:
        """Return the videos of a split; test videos have labels and masks if there are any."""
        clips = find_clips(_LAYOUT, self.root, split)
        if split == "train":
            return [Video(name, split, path) for name, path in clips.items()]
        path, masks = self._label_path(), self._mask_files(list(clips))
        tracks = read_tracks(self.tracks, list(clips))
        if path is None:
            flags: dict[str, Flags] = {}
        elif self.labels is None and masks:
            flags = {name: _flags_of(file, name) for name, file in masks.items()}
        else:
            flags = read_flags(path, clips)
        return [
            Video(
                name,
                split,
                clip,
                flags.get(name),
                _mask_reader(masks[name]) if masks else None,
                tracks.get(name),
            )
            for name, clip in clips.items()
        ]

    def _label_path(self) -> Path | None:
        return self.labels or find_file(self.folders, (*_MASKS, "labels.json", "avenue.mat"))

    def _mask_files(self, names: list[str]) -> dict[str, Path]:
        folder = find_file(self.folders, _MASKS)
        if folder is None:
            return {}
        files = {name: folder / f"{int(name)}_label.mat" for name in names}
        missing = [name for name, file in files.items() if not file.is_file()]
        if missing:
            raise DataError(
                f"{folder} has no {files[missing[0]].name} for test video '{missing[0]}'; unpack "
                "the ground truth again, or move the folder away to continue without masks"
            )
        return files


def _flags_of(file: Path, name: str) -> Flags:
    # The masks of all videos take gigabytes, so each file is read only when needed.
    read = functools.cache(lambda: next(iter(read_avenue_masks(file).values())))
    return lambda frames: read().flags(frames, name, f"{file.parent.name}/{file.name}")


def _mask_reader(file: Path) -> Callable[[], np.ndarray]:
    return lambda: avenue_mask(file)
