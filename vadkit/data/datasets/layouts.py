"""The folder layouts of datasets, as published and as re-packaged by others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vadkit.data.datasets.folder import find_videos
from vadkit.data.decoding.folders import natural_key
from vadkit.data.decoding.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from vadkit.data.videos import Split
from vadkit.errors import DataError

# The layout in the code of prediction methods, for any dataset.
REPACKAGED: Mapping[Split, tuple[str, ...]] = {
    "train": ("training/frames", "training/videos", "training"),
    "test": ("testing/frames", "testing/videos", "testing"),
}
REPACKAGED_TEXT = "training/frames/ID/*.jpg, training/videos/ID.avi or training/ID.mp4"


@dataclass(frozen=True)
class Layout:
    """The folder layout of a dataset's splits.

    ``places`` are folders that may contain a split's videos; the first one with videos is used.
    ``pattern`` matches a video's name without its ending; its group is the id, and ids that are
    numbers get at least two digits. ``text`` describes the layout in errors.
    """

    dataset: str
    places: Mapping[Split, tuple[str, ...]]
    pattern: str
    text: str


def find_root(layout: Layout, root: Path) -> Path:
    """Return the folder of a dataset: ``root``, or the single folder in it that has the layout.

    Raises ``DataError``, with the known layouts, for none and for more than one.
    """

    def holding(split: Split) -> Callable[[Path], bool]:
        return lambda folder: any((folder / place).is_dir() for place in layout.places[split])

    return find_folder(layout.dataset, root, layout.text, holding("train"), holding("test"))


def find_folder(dataset: str, root: Path, text: str, *holds: Callable[[Path], bool]) -> Path:
    """Return ``root``, or the single folder in it, for which one of ``holds`` is true, in order."""
    if any(test(root) for test in holds):
        return root
    inside = [one for one in visible(root) if one.is_dir()] if root.is_dir() else []
    found = next(filter(None, ([one for one in inside if test(one)] for test in holds)), [])
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found)
        raise DataError(
            f"dataset {dataset}: {root} contains {names}; choose one with --set dataset.root=FOLDER"
        )
    if not found:
        raise not_there(dataset, root, text)
    return found[0]


def not_there(dataset: str, root: Path, text: str) -> DataError:
    """Return the error for a root that does not contain the dataset."""
    what = "is a file" if root.exists() else "does not exist"
    if root.is_dir():
        what = "has no known layout"
    return DataError(
        f"dataset {dataset}: {root} {what}; expected {text}. See datasets/{dataset}/README.md for "
        "where to get it, and set its location with --set dataset.root=FOLDER"
    )


def find_clips(layout: Layout, root: Path, split: Split) -> dict[str, Path]:
    """Return the videos of a split by id, in natural order of their names.

    Files and folders of images count; folders of masks, whose names end in ``_gt``, do not. Raises
    ``DataError`` if there are none, and for a name without an id or with a duplicate one.
    """
    for place in layout.places[split]:
        clips: dict[str, Path] = {}
        folder = root / place
        for path in visible(folder) if folder.is_dir() else ():
            match = re.fullmatch(layout.pattern, video_name(path), re.IGNORECASE)
            if path.name.endswith("_gt") or not (_is_video(path) or (match and path.is_dir())):
                continue
            if match is None:
                raise DataError(
                    f"{path} is not named as a video of {layout.dataset}; expected {layout.text}"
                )
            name = f"{int(match[1]):02d}" if match[1].isdecimal() else match[1]
            if name in clips:
                raise DataError(f"{path} and {clips[name]} are both video '{name}'; remove one")
            clips[name] = path
        if clips:
            return clips
    raise DataError(
        f"dataset {layout.dataset}: {root} has no {split} videos; expected {layout.text}"
    )


def find_below(dataset: str, root: Path, text: str) -> list[Path]:
    """Return every video file and folder of images at any depth, in natural order of paths."""
    if not root.is_dir():
        raise not_there(dataset, root, text)
    try:
        return [path for _, path in find_videos(root)]
    except DataError:
        raise not_there(dataset, root, text) from None


def find_file(folders: Iterable[Path], names: Sequence[str]) -> Path | None:
    """Return the first name that exists in any of the folders; a name may contain wildcards."""
    places = list(folders)
    for name in names:
        for folder in places:
            found = sorted(folder.glob(name))
            if found:
                return found[0]
    return None


def video_name(path: Path) -> str:
    """Return the name of a video file without its ending, or of a folder of images."""
    return path.name if path.is_dir() else path.stem


def visible(folder: Path) -> list[Path]:
    """Return the content of a folder, in natural order, without hidden files."""
    found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return sorted(found, key=lambda path: natural_key(path.name))


def _is_video(path: Path) -> bool:
    if path.is_dir():
        return any(one.suffix.lower() in IMAGE_SUFFIXES for one in path.iterdir())
    return path.suffix.lower() in VIDEO_SUFFIXES
