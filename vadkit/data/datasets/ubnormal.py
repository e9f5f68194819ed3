"""UBnormal: virtual people in 29 virtual scenes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from vadkit.data.datasets.labelled import Flags, read_flags, read_tracks
from vadkit.data.datasets.layouts import find_file, find_folder, visible
from vadkit.data.decoding.folders import natural_key
from vadkit.data.labels.files import read_lines
from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.masks import mask_image
from vadkit.data.labels.tracks import read_ubnormal_tracks
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

_TEXT = (
    "Scene1/normal_scene_1_scenario_1.mp4 and "
    "Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1_tracks.txt"
)


class UBnormal:
    """UBnormal: 29 virtual scenes, with anomalies also in its training and validation videos.

    ``root`` contains ``Scene1`` to ``Scene29``, and the lists of the splits such as
    ``normal_test_video_names.txt``, there or in ``scripts``. ``train: normal`` uses the normal
    training videos, ``all`` also the abnormal ones. ``part`` is the evaluated part. Labels come
    from ``labels`` if given, else from the annotations next to the videos. ``tracks`` is a folder
    of RBDC/TBDC files ``<video>.txt``.
    """

    official: ClassVar[dict[str, int]] = {"normal": 186, "all": 268, "validation": 64, "test": 211}

    def __init__(
        self,
        *,
        root: Path,
        labels: Path | None = None,
        tracks: Path | None = None,
        train: Literal["normal", "all"] = "normal",
        part: Literal["test", "validation"] = "test",
    ) -> None:
        given = root.expanduser()
        self.root = find_folder("ubnormal", given, _TEXT, _holds_scenes)
        self.folders = tuple(dict.fromkeys((self.root, given)))
        self.labels = labels.expanduser() if labels else None
        self.tracks = tracks.expanduser() if tracks else None
        self.train = train
        self.part = part

    @property
    def label_source(self) -> str:
        """The name of the label file in use, or of the annotations."""
        if self.labels:
            return self.labels.name
        return "*_tracks.txt" if any(self.root.glob("Scene*/*_annotations")) else "none"

    def expected(self, split: Split) -> tuple[int, None]:
        """Return the official number of videos; publications disagree about the frames."""
        return self.official[self.train if split == "train" else self.part], None

    def videos(self, split: Split) -> list[Video]:
        """Return the videos of a split; ``abnormal`` depends on the list of a video."""
        part = "training" if split == "train" else self.part
        normal, abnormal = self._listed("normal", part), []
        if split == "test" or self.train == "all":
            abnormal = self._listed("abnormal", part)
        if split == "train":
            return [
                Video(name, split, self._file(name), abnormal=name in abnormal)
                for name in normal + abnormal
            ]
        annotated = self._annotations(abnormal)
        flags = self._flags(normal, abnormal, annotated)
        tracks = read_tracks(self.tracks, normal + abnormal, normal)
        return [
            Video(
                name,
                split,
                self._file(name),
                flags.get(name),
                _mask_reader(annotated[name]) if name in annotated else None,
                tracks.get(name),
                abnormal=name in abnormal,
            )
            for name in normal + abnormal
        ]

    def _listed(self, kind: str, part: str) -> list[str]:
        name = f"{kind}_{part}_video_names.txt"
        path = find_file(self.folders, (name, f"scripts/{name}"))
        if path is None:
            raise DataError(
                f"dataset ubnormal: {self.root} has no list {name}, neither directly nor in "
                "scripts/; get it from the folder scripts of github.com/lilygeorgescu/UBnormal"
            )
        names = [line.removesuffix(".mp4") for _, line in read_lines(path)]
        for video in names:
            if not re.fullmatch(r"(ab)?normal_scene_\d+_.+", video):
                raise DataError(
                    f"{path} lists '{video}'; expected names such as normal_scene_1_scenario_1"
                )
            if not self._file(video).is_file():
                raise DataError(
                    f"{path} lists '{video}', but {self._file(video)} does not exist; unpack the "
                    "dataset again"
                )
        return sorted(set(names), key=natural_key)

    def _file(self, name: str) -> Path:
        return self.root / f"Scene{name.split('_')[2]}" / f"{name}.mp4"

    def _annotations(self, abnormal: list[str]) -> dict[str, Path]:
        """Return the tracks of every abnormal video; empty if there are none at all."""
        files = {
            name: self._file(name).with_name(f"{name}_annotations") / f"{name}_tracks.txt"
            for name in abnormal
        }
        existing = {name: file for name, file in files.items() if file.is_file()}
        missing = [name for name in abnormal if name not in existing]
        if existing and missing:
            raise DataError(
                f"{files[missing[0]]} does not exist, but {len(existing)} of {len(files)} abnormal "
                "videos have theirs; unpack the dataset again"
            )
        return existing

    def _flags(
        self, normal: list[str], abnormal: list[str], annotated: dict[str, Path]
    ) -> dict[str, Flags]:
        if self.labels:
            return read_flags(
                self.labels, {name: self._file(name) for name in normal + abnormal}, normal=normal
            )
        if not annotated:
            return {}
        labels = {name: read_ubnormal_tracks(file) for name, file in annotated.items()}
        return {
            name: labels.get(name, Labels([])).of(name, f"{name}_tracks.txt")
            for name in normal + abnormal
        }


def _holds_scenes(folder: Path) -> bool:
    return folder.is_dir() and any(
        re.fullmatch(r"Scene\d+", one.name) and one.is_dir() for one in visible(folder)
    )


def _mask_reader(tracks: Path) -> Callable[[], np.ndarray]:
    return lambda: object_masks(tracks)


def object_masks(tracks: Path) -> np.ndarray:
    """Return bool (N, H, W) of one video's abnormal objects from the images next to its tracks.

    A pixel of ``<video>_0012_gt.png`` is the number of its object, 0 for the background. An object
    is abnormal in the frames in its rows of the tracks, by the number in the image's name.
    """
    import cv2

    name = tracks.stem.removesuffix("_tracks")
    corrected = tracks.with_name(f"{name}_new_tracks.txt")
    rows = [line.split(",") for _, line in read_lines(corrected if corrected.is_file() else tracks)]
    spans = [tuple(int(float(value)) for value in row) for row in rows]
    numbers = {}
    for path in visible(tracks.parent):
        if found := re.fullmatch(rf"{re.escape(name)}_(\d+)_gt\.png", path.name):
            numbers[int(found[1])] = path
    first = min(numbers, default=0)
    gaps = [number for number in range(first, first + len(numbers)) if number not in numbers]
    if gaps or not numbers:
        lost = f"lacks image {gaps[0]:04d}" if gaps else f"has no {name}_0000_gt.png"
        raise DataError(f"mask folder {tracks.parent} {lost}; unpack the dataset again")
    masks = []
    for number, path in sorted(numbers.items()):
        image = mask_image(path, cv2.IMREAD_GRAYSCALE)
        objects = [track for track, start, end in spans if start <= number <= end]
        masks.append(np.isin(image, objects))
    return np.stack(masks)
