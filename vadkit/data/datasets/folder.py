"""Any folder of videos."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from vadkit.data.datasets.labelled import read_flags
from vadkit.data.decoding.folders import natural_key
from vadkit.data.decoding.suffixes import ARCHIVE_SUFFIXES, IMAGE_SUFFIXES, VIDEO_SUFFIXES
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError
from vadkit.text import counted, encodable, printable

# Files of disks, backups and downloads. A recycle bin has videos that somebody threw away.
_SYSTEM_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "$recycle.bin", "recycler", "system volume information",
     "lost+found", "__macosx", "@recycle", "@recently-snapshot"}
)  # fmt: skip
_PARTIAL_SUFFIXES = frozenset(
    {".part", ".partial", ".crdownload", ".download", ".tmp", ".filepart"}
)
# Labels, notes and thumbnails that may lie next to videos.
_COMPANIONS = IMAGE_SUFFIXES | {
    ".txt", ".json", ".csv", ".npy", ".npz", ".mat", ".m", ".md", ".xml", ".yaml", ".yml", ".db",
    ".ini", ".log", ".xlsx", ".srt", ".html", ".pdf", ".py", ".lock",
}  # fmt: skip
_log = logging.getLogger("vadkit.data")


class Folder:
    """Any folder of normal videos or image folders for training; needs no labels.

    ``root`` contains the training videos, at any depth. ``test`` is another folder for evaluation,
    which is left out of training if it is inside ``root``. ``labels`` is a file or folder in any
    known format, such as JSON or CSV; its ids are paths below ``test``, with or without the file
    ending. ``unit`` says what a table counts, if its header does not.

    With ``normal``, the subfolders of ``root`` are classes, for learning from video labels: this
    one is normal, each other one is a kind of anomaly. Without ``test``, the share ``holdout`` of
    the videos of each class is for testing. A video of an abnormal folder then counts as abnormal
    from its first to its last frame, unless ``labels`` say more.
    """

    def __init__(
        self,
        *,
        root: Path,
        test: Path | None = None,
        labels: Path | None = None,
        unit: Literal["frames", "seconds"] | None = None,
        normal: str | None = None,
        holdout: Annotated[float, Field(gt=0, lt=1)] = 0.25,
    ) -> None:
        self.root = root
        self.unit = unit
        self.test = test
        self.labels = labels.expanduser() if labels else None
        self.label_source = labels.name if labels else "folders" if normal else "none"
        self.normal, self.holdout = normal, holdout

    def videos(self, split: Split) -> list[Video]:
        """Return the videos of a split, in natural order; none for ``test`` without a folder."""
        if self.normal is not None:
            return self._classes(split, self.normal)
        if split == "train":
            found = find_videos(self.root)
            if self.test is not None:
                # A test folder inside the root must not be used for training.
                kept_out = self.test.expanduser().resolve()
                found = [
                    (name, path)
                    for name, path in found
                    if not path.resolve().is_relative_to(kept_out)
                ]
            return [Video(name, split, path) for name, path in found]
        if self.test is None:
            return []
        found = find_videos(self.test)
        if self.labels is None:
            return [Video(name, split, path) for name, path in found]
        flags = read_flags(self.labels, dict(found), unit=self.unit)
        return [Video(name, split, path, flags[name]) for name, path in found]

    def _classes(self, split: Split, normal: str) -> list[Video]:
        """Return the videos of a split, whose folders are classes."""
        root = self.root if self.test is None or split == "train" else self.test
        by_class: dict[str, list[tuple[str, Path]]] = {}
        for name, path in find_videos(root):
            folder, below, _ = name.partition("/")
            if not below:
                raise DataError(
                    f"{path} is in no folder of a class; with dataset.normal, {root} contains a "
                    f"folder for each class, such as {normal} and fight"
                )
            by_class.setdefault(folder, []).append((name, path))
        if normal not in by_class:
            raise DataError(
                f"{root} has no folder '{printable(normal)}' of normal videos; it has "
                f"{', '.join(map(printable, by_class))}"
            )
        if self.test is None:
            by_class = {
                name: _share(listed, self.holdout, split) for name, listed in by_class.items()
            }
        found = [(kind, *one) for kind, listed in by_class.items() for one in listed]
        labels = {}
        if split == "test" and self.labels is not None:
            paths = {name: path for _, name, path in found}
            calm = [name for kind, name, _ in found if kind == normal]
            labels = read_flags(self.labels, paths, normal=calm, unit=self.unit)
        return [
            Video(
                name,
                split,
                path,
                labels.get(name, _whole(kind != normal)) if split == "test" else None,
                abnormal=kind != normal,
                category=None if kind == normal else kind,
            )
            for kind, name, path in found
        ]


def _share(listed: list[tuple[str, Path]], holdout: float, split: Split) -> list[tuple[str, Path]]:
    """Return the videos of a class in one split; those for testing are evenly spaced."""
    count = min(max(1, round(holdout * len(listed))), len(listed) - 1)
    held = {int((number + 0.5) * len(listed) / count) for number in range(count)}
    return [one for place, one in enumerate(listed) if (place in held) == (split == "test")]


def _whole(abnormal: bool) -> Callable[[int], np.ndarray]:
    return lambda frames: np.full(frames, abnormal)


def find_videos(folder: Path) -> list[tuple[str, Path]]:
    """Return names and paths of all video files and image folders below a folder, in natural order.

    A name is the path below ``folder`` without the file ending; names are unique. A folder that
    contains images and no video files is one video; this includes ``folder`` itself. Links are
    followed, and each folder is read once. Hidden files, partial downloads and the folders of
    recycle bins and snapshots are left out; a warning counts these and files of unknown kinds.
    Raises ``DataError`` if there is nothing.
    """
    folder = folder.expanduser()
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise DataError(f"folder {folder} {what}; give a folder of videos or of image folders")
    found: list[tuple[str, Path]] = []
    read: set[str] = set()
    left_out: Counter[str] = Counter()
    for place, folders, files in os.walk(folder, followlinks=True):
        # A link to one of its parent folders would be followed forever.
        real = os.path.realpath(place)
        if real in read:
            folders.clear()
            continue
        read.add(real)
        left_out.update(f"{name}/" for name in folders if name.lower() in _SYSTEM_FOLDERS)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name.lower() not in _SYSTEM_FOLDERS
        )
        here = Path(place)
        hidden = [Path(name) for name in files if name.startswith(".")]
        left_out["hidden"] += sum(path.suffix.lower() in VIDEO_SUFFIXES for path in hidden)
        visible = [here / name for name in files if not name.startswith(".")]
        for path in visible:
            suffix = path.suffix.lower()
            if suffix in VIDEO_SUFFIXES:
                found.append((_name(path.relative_to(folder).with_suffix("")), path))
            elif suffix not in _COMPANIONS:
                left_out[suffix or "no ending"] += 1
        # An image next to videos is a thumbnail or a poster, not a frame.
        if not any(path.suffix.lower() in VIDEO_SUFFIXES for path in visible) and any(
            path.suffix.lower() in IMAGE_SUFFIXES for path in visible
        ):
            name = _name(here.relative_to(folder))
            found.append((_name(Path(folder.resolve().name)) if name == "." else name, here))
    if not found:
        kinds = ", ".join(sorted(suffix[1:] for suffix in VIDEO_SUFFIXES))
        also = f". It has {_listed(left_out)}" if +left_out else ""
        raise DataError(
            f"folder {folder} contains no videos ({kinds}) and no folders of images; "
            f"put videos there or name another folder{also}"
        )
    if +left_out:
        _warn_once(f"{folder}: left out {_listed(left_out)}")
    found = sorted(found, key=lambda item: (natural_key(item[0]), item[1]))
    return _with_unique_names(found)


def _listed(left_out: Counter[str]) -> str:
    """Describe what is left out, such as "2 files .part (partial downloads), #recycle/"."""
    words = []
    for kind, count in sorted((+left_out).items()):
        if kind == "hidden":
            words.append(counted(count, "hidden video"))
            continue
        if kind.endswith("/"):
            words.append(printable(kind))
            continue
        why = " (partial downloads)" * (kind in _PARTIAL_SUFFIXES)
        why += " (archives; unpack them)" * (kind in ARCHIVE_SUFFIXES)
        words.append(f"{counted(count, 'file')} {printable(kind)}{why}")
    return ", ".join(words)


@functools.cache
def _warn_once(message: str) -> None:
    """Warn once a process, because a folder is listed several times in a run."""
    _log.warning("%s", message)


def _name(path: Path) -> str:
    return encodable(path.as_posix())


def _with_unique_names(found: list[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """Make names unique: if ``a.mp4`` and ``a.avi`` are in one folder, both keep their ending.

    A digest is added to names that are still equal, such as these next to ``a.mp4.mp4``.
    """
    count = Counter(name for name, _ in found)
    named = [
        (name if count[name] == 1 else name + encodable(path.suffix), path) for name, path in found
    ]
    count = Counter(name for name, _ in named)
    return [
        (name if count[name] == 1 else f"{name}-{_digest(path.name)}", path) for name, path in named
    ]


def _digest(name: str) -> str:
    return hashlib.blake2b(os.fsencode(name), digest_size=4).hexdigest()
