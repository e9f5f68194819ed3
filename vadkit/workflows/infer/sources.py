"""Find the videos that a command line names, and the result folder of each."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vadkit.addresses import mask_address
from vadkit.errors import DataError, RecipeError
from vadkit.registry import components
from vadkit.text import encodable, printable, same_on_disk, shortened

# File name endings of results.
_WRITTEN = {".json", ".jsonl", ".npz", ".csv", ".png", ".jpg", ".mp4", ".sqlite", ".lock"}


@dataclass(frozen=True)
class InputVideo:
    """A video to score: its file or image folder, and a name such as ``gate/monday``."""

    name: str
    path: Path


def expand_sources(sources: Sequence[str], out: Path | None = None) -> list[InputVideo]:
    """Return all videos of the sources, in order, without duplicates.

    The name depends only on the source: the path below a folder or below the fixed part of a
    pattern, or the stem of a file; bytes that are not UTF-8 are written as ``\\xff``. Two videos
    may have the same name; ``result_folders`` then separates them. Files below ``out`` are results,
    not videos, unless they are named explicitly. Raises ``DataError`` for a source that matches
    nothing, and ``RecipeError`` for cameras and streams.
    """
    from vadkit.data.datasets.folder import find_videos

    results = out.resolve() if out is not None else None
    found: dict[Path, InputVideo] = {}
    for text in sources:
        path = Path(text).expanduser()
        if not path.exists() and _is_stream(text):
            raise RecipeError(
                f"'{mask_address(text)}' is not a file: it may have no end, and it cannot be read "
                "again; use `vadkit watch` instead"
            )
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise DataError(
                f"{printable(text)} is a pipe or a device, not a video file; use `vadkit watch` "
                "for a stream without an end"
            )
        if path.is_file():
            matches = [(encodable(path.stem), path)]
        else:
            matches = find_videos(path) if path.is_dir() else _matches(path, text)
            if results is not None:
                matches = [one for one in matches if not one[1].resolve().is_relative_to(results)]
        for name, video in matches:
            found.setdefault(video.absolute(), InputVideo(name, video))
    if not found:
        raise DataError(f"no video to score: all of {', '.join(sources)} are results in {out}")
    return list(found.values())


def _is_stream(text: str) -> bool:
    """Whether it is a camera, an address or another source that is not a file."""
    head, colon, rest = text.partition(":")
    return (
        text == "-"
        or text.isdecimal()
        or rest.startswith("//")
        or bool(colon and head in components("sources"))
    )


def _matches(pattern: Path, text: str) -> list[tuple[str, Path]]:
    """Return videos that a pattern matches, even in folders, by the path below its fixed part."""
    from vadkit.data.datasets.folder import find_videos
    from vadkit.data.decoding.suffixes import VIDEO_SUFFIXES

    fixed = Path(*_until_magic(pattern))
    matches: list[tuple[str, Path]] = []
    for match in sorted(glob.glob(str(pattern), recursive=True)):
        path = Path(match)
        below = path.relative_to(fixed)
        if path.is_dir():
            with contextlib.suppress(DataError):
                matches += [
                    (encodable((below / name).as_posix()), one) for name, one in find_videos(path)
                ]
        # `archive/*` selects only videos; `archive/*.dat` selects exactly what it says.
        elif path.suffix.lower() in VIDEO_SUFFIXES or not pattern.name.endswith("*"):
            matches.append((encodable(below.with_suffix("").as_posix()), path))
    if not matches:
        raise DataError(
            f"no video at '{mask_address(text)}': it is not a file or folder, and as a pattern it "
            "matches nothing"
        )
    return matches


def _until_magic(pattern: Path) -> list[str]:
    parts: list[str] = []
    for part in pattern.parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return parts


def result_folders(
    videos: Sequence[InputVideo], out: Path, owner: Callable[[Path], Path | None]
) -> list[Path]:
    """Return the folder below ``out`` for the results of each video, independent of their order.

    It is the name of the video. A digest of the path is appended if another video of the call would
    have the same folder, or if ``owner`` says that the folder has results of another video.
    ``owner`` returns the video whose results a folder contains, None if there is none.
    """
    plain = [out.joinpath(*map(_folder_name, video.name.split("/"))) for video in videos]
    count = Counter(same_on_disk(str(folder)) for folder in plain)
    folders = []
    for video, folder in zip(videos, plain, strict=True):
        path = video.path.absolute()
        held = owner(folder)
        if held == path or (held is None and count[same_on_disk(str(folder))] == 1):
            folders.append(folder)
        else:
            digest = hashlib.blake2b(os.fsencode(path), digest_size=4).hexdigest()
            folders.append(folder.with_name(f"{folder.name}-{digest}"))
    return folders


def event_source(video: InputVideo, folder: Path) -> str:
    """Return the name of a video in events: its name, and the digest of its folder if there is one.

    So two videos never share a source name.
    """
    plain = _folder_name(video.name.rpartition("/")[2])
    digest = folder.name[len(plain) :] if folder.name.startswith(plain) else ""
    return video.name + digest


def _folder_name(name: str) -> str:
    """Return one part of a video's name as a safe folder name.

    The folder is never outside of the results (".."), and never has the name of a file of vadkit.
    """
    if not name.strip("."):
        return "_" * len(name) or "_"
    taken = Path(name).suffix.lower() in _WRITTEN or name.startswith(".") or name == "events"
    return shortened(f"_{name}_" if taken else name)
