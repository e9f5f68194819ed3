"""UCSD Ped1 and Ped2 in their official layout and the common re-packagings."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vadkit.data.labels import (
    Intervals,
    check_length,
    frames_to_intervals,
    intervals_to_frames,
    read_interval_mat,
    read_labels,
    read_ucsd_m,
)
from vadkit.data.readers import image_files, natural_key
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

_LABEL_FILES = ("UCSDped2.m", "UCSDped1.m", "labels.json", "ped2.mat", "ped1.mat")
_MASKS = "pixel_masks_packbits.npz"


class Ucsd:
    """UCSD Ped1 or Ped2: the official tree, extracted frames, or one video a clip.

    ``root`` holds ``Train/Train001/*.tif`` with ``Test/Test001``, or ``training/frames/01`` with
    ``testing/frames/01``, or ``training/01.mp4`` with ``testing/01.mp4``. Labels are taken from
    ``labels`` if given, else from the official ``.m`` file, ``labels.json``, or ``ped2.mat``, the
    first there is, in ``root`` or its test folder.
    """

    def __init__(self, *, root: Path, labels: Path | None = None) -> None:
        self.root = _find_root(root.expanduser())
        self.labels = labels.expanduser() if labels else None

    @property
    def label_source(self) -> str:
        """The name of the label file in use."""
        path = self._label_file()
        return path.name if path else "none"

    def videos(self, split: Split) -> list[Video]:
        """The clips of a split; test clips carry labels where a label file was found."""
        paths = self._clips(split)
        numbers = _numbers(paths)
        if split == "train":
            return [Video(f"{n:02d}", split, path) for n, path in zip(numbers, paths, strict=True)]
        labels = self._labels(numbers)
        return [
            Video(f"{n:02d}", split, path, labels.get(n), self._masks(n, path))
            for n, path in zip(numbers, paths, strict=True)
        ]

    def _clips(self, split: Split) -> list[Path]:
        official = self.root / split.capitalize()
        short = self.root / f"{split}ing"
        if official.is_dir():
            found = [p for p in official.glob(f"{split.capitalize()}*") if p.is_dir()]
            found = [path for path in found if not path.name.endswith("_gt")]
        elif (short / "frames").is_dir():
            found = [path for path in (short / "frames").iterdir() if path.is_dir()]
        else:
            found = [p for p in short.glob("*") if p.suffix.lower() in (".mp4", ".avi", ".mkv")]
        if not found:
            raise DataError(f"{self.root} has no {split} clips; expected {_LAYOUTS}")
        return sorted(found, key=lambda path: natural_key(path.name))

    def _label_file(self) -> Path | None:
        if self.labels is not None:
            return self.labels
        folders = (self.root, self.root / "Test", self.root / "testing")
        places = [folder / name for name in _LABEL_FILES for folder in folders]
        return next((path for path in places if path.is_file()), None)

    def _labels(self, numbers: list[int]) -> dict[int, Callable[[int], np.ndarray]]:
        """A function from a clip's frame count to its labels, by clip number from 1."""
        file = self._label_file()
        if file is None:
            return {}
        if not file.is_file():
            raise DataError(f"labels not found: {file}")
        if file.suffix == ".json":
            flags = read_labels(file)
            missing = [f"{n:02d}" for n in numbers if f"{n:02d}" not in flags]
            if missing:
                raise DataError(
                    f"{file} has no entry for test clip '{missing[0]}' of {self.root}; "
                    f"it has {', '.join(sorted(flags)[:12]) or 'none'}"
                )
            return {
                n: _labeller(frames_to_intervals(flags[name]), name, file.name, len(flags[name]))
                for n, name in ((n, f"{n:02d}") for n in numbers)
            }
        clips = read_interval_mat(file) if file.suffix == ".mat" else read_ucsd_m(file)
        if len(clips) != len(numbers):
            raise DataError(
                f"{file} labels {len(clips)} clips, but {self.root} has {len(numbers)} test clips; "
                "clips are missing, or the labels are of the other set (Ped1 has 36, Ped2 12)"
            )
        return {
            n: _labeller(intervals, f"{n:02d}", file.name, None)
            for n, intervals in zip(sorted(numbers), clips, strict=True)
        }

    def _masks(self, number: int, path: Path) -> Callable[[], np.ndarray] | None:
        folder = path.with_name(path.name + "_gt")
        if folder.is_dir():
            return lambda: _image_masks(folder)
        packed = self.root / _MASKS
        if packed.is_file():
            return lambda: _packed_masks(packed, number)
        return None


_LAYOUTS = (
    "Train/Train001/*.tif and Test/Test001/*.tif (official), training/frames/01/*.jpg and "
    "testing/frames/01/*.jpg, or training/01.mp4 and testing/01.mp4"
)


def _find_root(root: Path) -> Path:
    for folder in (root, root / "UCSDped2", root / "UCSDped1"):
        if (folder / "Train").is_dir() or (folder / "training").is_dir():
            return folder
    what = "holds neither" if root.is_dir() else "does not exist; expected"
    raise DataError(
        f"dataset ucsd: {root} {what} {_LAYOUTS}. See datasets/ucsd/README.md for where to get it, "
        "and set its place with --set dataset.root=FOLDER"
    )


def _numbers(paths: list[Path]) -> list[int]:
    """The clips' numbers as their names give them, so that a missing clip shifts no labels."""
    numbers = []
    for path in paths:
        digits = re.findall(r"\d+", path.stem)
        if not digits or int(digits[-1]) in numbers:
            what = "has no number in its name" if not digits else f"is a second clip {digits[-1]}"
            raise DataError(f"{path} {what}; expected {_LAYOUTS}")
        numbers.append(int(digits[-1]))
    return numbers


def _labeller(
    intervals: Intervals, video: str, source: str, length: int | None
) -> Callable[[int], np.ndarray]:
    def labels(frames: int) -> np.ndarray:
        flags = intervals_to_frames(intervals, length or frames, video)
        return check_length(flags, frames, video, source)

    return labels


def _image_masks(folder: Path) -> np.ndarray:
    import cv2

    masks = []
    for path in image_files(folder):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise DataError(f"mask {path} is not an image that can be read")
        masks.append(np.asarray(image) > 0)
    if not masks:
        raise DataError(f"mask folder {folder} holds no images; expected one a frame")
    return np.stack(masks)


def _packed_masks(path: Path, number: int) -> np.ndarray:
    """Masks of one clip from an archive of bit-packed rows."""
    name = f"{number:02d}"
    with np.load(path) as archive:
        if name not in archive:
            raise DataError(f"{path} has no masks of clip '{name}'; it has {sorted(archive)[:12]}")
        return np.unpackbits(archive[name], axis=-1)[..., :360].astype(bool)
