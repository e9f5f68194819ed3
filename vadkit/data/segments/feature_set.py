"""Sets of features on disk: vadkit's own format, and the layouts of published features."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from vadkit.arrays import Head, open_archive, read_head
from vadkit.data.segments.video import SegmentVideo, check_length
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError
from vadkit.files import open_regular
from vadkit.reading import read_json
from vadkit.text import printable

FORMAT = "vadkit-features-1"
RECORD = "features.json"
# What authors append to the name of a video: `Abuse001_x264_i3d.npy`, and `__3` for crop 3.
_ENDING = re.compile(r"((?:_[a-z][a-z0-9]*)*)(?:__(\d+))?", re.IGNORECASE)
# The bytes of a file that identify it.
_SAMPLE = 1 << 16
# The memory limit for the arrays of one archive.
_MOST = 16 << 30


class VideoEntry(BaseModel):
    """A video in the record of a set: its file, number of frames, and frames per second."""

    file: str
    frames: int = Field(ge=1)
    fps: float | None = Field(default=None, gt=0)


class SetRecord(BaseModel):
    """The record ``features.json`` of a set of features.

    ``every`` is the number of frames a segment; None means that segments are spread evenly over the
    video. ``extractor`` is the component that made the features, ``weights`` the digest of its
    weights, and ``fingerprint`` that of the videos. ``videos`` are by split and id.
    """

    format: Literal["vadkit-features-1"] = "vadkit-features-1"
    extractor: dict[str, Any]
    weights: str | None = None
    every: int | None = Field(default=None, ge=1)
    fingerprint: str | None = None
    videos: dict[Split, dict[str, VideoEntry]]


@dataclass(frozen=True)
class _Array:
    """An array of features in a file; ``member`` is its name in an archive."""

    path: Path
    head: Head
    member: str | None = None

    def load(self) -> np.ndarray:
        """Return the array, mapped to memory if it is a file of its own."""
        try:
            if self.member is None:
                return np.asarray(np.lib.format.open_memmap(self.path, mode="r"))
            with open_archive(self.path, _MOST) as archive:
                return archive[self.member]
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"features {self.path} cannot be read: {error}") from None


class FeatureSet:
    """A set of features: a folder with a ``.npy`` file for each video, or a ``.npz`` archive.

    An array is (T, D), (T, crops, D) or (crops, T, D); which of the last two is found by comparing
    videos, because all have the same crops. A file has the name of its video, perhaps with endings
    such as ``_i3d``; ``__0`` to ``__9`` are crops in files of their own. Folders above the file do
    not count, except where names are equal. ``features.json`` is read if there is one.

    ``every`` is the number of frames a segment, if there is no record that says it, and None for
    segments that are spread evenly. Raises ``DataError`` if nothing can be read.
    """

    def __init__(self, root: Path, every: int | None = 16) -> None:
        self.root = root.expanduser()
        self.record = _record(self.root)
        self.every = self.record.every if self.record else every
        if self.record is not None:
            self._files: dict[str, list[Path] | _Array] = {}
        elif self.root.is_dir():
            self._files = {**_in_folder(self.root)}
        else:
            self._files = {**_in_archive(self.root)}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for name in self._files:
            self._by_name[_plain(name)].append(name)

    def videos(self, videos: Sequence[Video], frames: Mapping[str, int]) -> list[SegmentVideo]:
        """Return the features of videos; ``frames`` are numbers of frames where they are known.

        Raises ``DataError`` if a video has none, or if they belong to a video of another length.
        """
        arrays = {video.id: self._of(video) for video in videos}
        crops_first = _crops_first([one.head.shape for each in arrays.values() for one in each])
        return [
            self._video(video, arrays[video.id], crops_first, frames.get(video.id))
            for video in videos
        ]

    def _video(
        self, video: Video, arrays: list[_Array], crops_first: bool, known: int | None
    ) -> SegmentVideo:
        first = arrays[0].head.shape
        if len(first) == 2:
            segments, crops, dim = first[0], len(arrays), first[1]
        elif crops_first:
            crops, segments, dim = first
        else:
            segments, crops, dim = first
        if not segments * crops * dim or any(one.head.shape != first for one in arrays):
            shapes = ", ".join(str(one.head.shape) for one in arrays)
            raise DataError(f"features of video '{video.id}' have the shapes {shapes}")
        entry = self.record.videos[video.split][video.id] if self.record else None
        frames = entry.frames if entry else known
        if frames is None:
            frames = segments * (self.every or 1)
        check_length(video.id, segments, frames, self.every)
        return SegmentVideo(
            video.id,
            _key(arrays),
            (segments, crops, dim),
            partial(_load_crop, arrays, crops_first),
            frames,
            self.every,
            video.abnormal,
            video.category,
            entry.fps if entry else None,
        )

    def _of(self, video: Video) -> list[_Array]:
        """Return the arrays of a video: one, or one for each crop."""
        if self.record is not None:
            entry = self.record.videos.get(video.split, {}).get(video.id)
            if entry is None:
                raise DataError(
                    f"{self.root / RECORD} has no {video.split} video '{video.id}'; extract the "
                    "features again with `vadkit features extract`"
                )
            path = self.root / entry.file
            if not path.resolve().is_relative_to(self.root.resolve()):
                raise DataError(f"{self.root / RECORD}: {printable(entry.file)} is outside of it")
            return [_array(path)]
        wanted = _plain(Path(video.id).name)
        names = self._by_name.get(wanted) or [
            name for plain, names in self._by_name.items() for name in names if _is(plain, wanted)
        ]
        if len(names) > 1:
            # Equal names in several folders, such as those of two splits.
            near = [name for name in names if {video.split, *_parents(video.id)} & _parents(name)]
            names = near if len(near) == 1 else names
        if len(names) == 1:
            found = self._files[names[0]]
            return [found] if isinstance(found, _Array) else [_array(path) for path in found]
        if names:
            raise DataError(
                f"{self.root} has several features of video '{video.id}': "
                f"{', '.join(map(printable, names[:4]))}; keep one"
            )
        have = ", ".join(printable(name) for name in list(self._files)[:6])
        raise DataError(f"{self.root} has no features of video '{video.id}'; it has {have}")


def _load_crop(arrays: list[_Array], crops_first: bool, number: int) -> np.ndarray:
    if len(arrays[0].head.shape) == 2:
        return arrays[number].load()
    whole = arrays[0].load()
    found: np.ndarray = whole[number] if crops_first else whole[:, number]
    return found


def _crops_first(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether arrays are (crops, T, D): all videos have the same crops, but not the same length."""
    of_three = [shape for shape in shapes if len(shape) == 3]
    if not of_three:
        return False
    first, second = ({shape[axis] for shape in of_three} for axis in (0, 1))
    if len(first) == len(second) == 1:
        # Every video has the same number of segments, which is more than that of crops.
        return min(first) < min(second)
    return len(first) == 1


def _record(root: Path) -> SetRecord | None:
    path = root / RECORD
    if not path.is_file():
        return None
    advice = "extract the features again with `vadkit features extract`"
    return SetRecord.model_validate(read_json(path, SetRecord, advice, error=DataError))


def _in_folder(root: Path) -> dict[str, list[Path]]:
    """Return the files below a folder by name; crops in files of their own are in order."""
    found: dict[str, dict[int, Path]] = defaultdict(dict)
    for path in sorted(root.rglob("*.npy")):
        if path.name.startswith("."):
            continue
        name = path.relative_to(root).with_suffix("").as_posix()
        stem, _, crop = name.rpartition("__")
        stem, crop = (stem, crop) if stem and crop.isdigit() else (name, "0")
        found[stem][int(crop)] = path
    if not found:
        raise DataError(f"{root} contains no features; expected a .npy file for each video")
    for name, crops in found.items():
        if sorted(crops) != list(range(len(crops))):
            raise DataError(
                f"{root}: '{printable(name)}' has the crops {', '.join(map(str, sorted(crops)))}; "
                f"expected __0 to __{max(crops)}"
            )
    return {name: [crops[number] for number in sorted(crops)] for name, crops in found.items()}


def _in_archive(path: Path) -> dict[str, _Array]:
    if not path.is_file():
        raise DataError(f"features not found: {path} is neither a folder nor a file")
    try:
        with open_archive(path, _MOST) as archive:
            return {name: _Array(path, head, name) for name, head in archive.heads.items()}
    except (OSError, ValueError) as error:
        raise DataError(f"features {path} cannot be read: {error}") from None


def _array(path: Path) -> _Array:
    try:
        with open_regular(path) as file:
            head = read_head(file)
            file.seek(0, 2)
            if file.tell() < head.bytes:
                raise ValueError("it is truncated")
    except (OSError, ValueError) as error:
        raise DataError(f"features {path} cannot be read: {error}") from None
    if head.dtype.kind not in "fiu" or len(head.shape) not in (2, 3):
        raise DataError(
            f"features {path} are {head.dtype} {head.shape}; expected numbers (segments, D), "
            "(segments, crops, D) or (crops, segments, D)"
        )
    return _Array(path, head)


def _plain(name: str) -> str:
    return Path(name).name.lower()


def _parents(name: str) -> set[str]:
    return {part.lower() for part in Path(name).parts[:-1]}


def _is(file: str, video: str) -> bool:
    """Whether a file's name is that of a video with endings of an author."""
    found = file.startswith(video) and _ENDING.fullmatch(file[len(video) :])
    return bool(found)


def _key(arrays: Sequence[_Array]) -> str:
    """Return a digest of names, shapes and the first values; whole sets are too large to read."""
    found = hashlib.blake2b(digest_size=12)
    for one in arrays:
        found.update(f"{one.path.name} {one.member} {one.head.shape}\n".encode("utf-8", "replace"))
        if one.member is None:
            with open_regular(one.path) as file:
                found.update(file.read(_SAMPLE))
    return found.hexdigest()


def read_array(path: Path) -> tuple[tuple[int, int, int], Callable[[int], np.ndarray]]:
    """Return shape and loader of a file of features (segments, crops, D); ``DataError`` for others.

    The loader returns one crop.
    """
    array = _array(path)
    if len(array.head.shape) != 3:
        raise DataError(f"features {path} are {array.head.shape}; expected (segments, crops, D)")
    segments, crops, dim = array.head.shape
    return (segments, crops, dim), partial(_load_crop, [array], False)


def common_dim(videos: Sequence[SegmentVideo]) -> int:
    """Return the number of features of a segment; ``DataError`` if videos differ."""
    dims = Counter(video.shape[2] for video in videos)
    if len(dims) > 1:
        (usual, _), *_ = dims.most_common()
        odd = next(video for video in videos if video.shape[2] != usual)
        raise DataError(
            f"video '{odd.id}' has {odd.shape[2]} features a segment, others have {usual}; all "
            "features must come from the same extractor"
        )
    return next(iter(dims))
