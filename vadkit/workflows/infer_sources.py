"""Which videos a command line means, and the folder that each one's results go to."""

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
from vadkit.text import encodable, printable, shortened

# Endings of files that results consist of.
_WRITTEN = {".json", ".jsonl", ".npz", ".csv", ".png", ".jpg", ".mp4", ".sqlite", ".lock"}


@dataclass(frozen=True)
class Source:
    """A video to score: its file or image folder, and a name such as ``gate/monday``."""

    name: str
    path: Path


def expand_sources(sources: Sequence[str], out: Path | None = None) -> list[Source]:
    """All videos behind the sources, in order, each once.

    A name depends on its source alone: the path below a folder or below the fixed part of a
    pattern, the stem of a file, with bytes that are not UTF-8 as ``\\xff``. Two videos may have the
    same; ``result_folders`` tells them apart. What lies below ``out`` are results, not videos,
    unless it is named as a file. Raises ``DataError`` for a source that matches nothing,
    ``RecipeError`` for cameras and streams.
    """
    from vadkit.data.datasets.folder import find_videos

    results = out.resolve() if out is not None else None
    found: dict[Path, Source] = {}
    for text in sources:
        path = Path(text).expanduser()
        if not path.exists() and _is_stream(text):
            raise RecipeError(
                f"'{mask_address(text)}' is no file: it may have no end, and it cannot be "
                "read again; use `vadkit watch` for it"
            )
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise DataError(
                f"{printable(text)} is a pipe or a device, not a video file; use `vadkit watch` "
                "for what has no end"
            )
        if path.is_file():
            matches = [(encodable(path.stem), path)]
        else:
            matches = find_videos(path) if path.is_dir() else _matches(path, text)
            if results is not None:
                matches = [one for one in matches if not one[1].resolve().is_relative_to(results)]
        for name, video in matches:
            found.setdefault(video.absolute(), Source(name, video))
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
    """Videos that a pattern matches, also in folders, named by the path below its fixed part."""
    from vadkit.data.datasets.folder import VIDEO_SUFFIXES, find_videos

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
        # `archive/*` means the videos among what lies there; `archive/*.dat` means what it says.
        elif path.suffix.lower() in VIDEO_SUFFIXES or not pattern.name.endswith("*"):
            matches.append((encodable(below.with_suffix("").as_posix()), path))
    if not matches:
        raise DataError(
            f"no video at '{mask_address(text)}': it is no file, no folder, and as a pattern it "
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
    videos: Sequence[Source], out: Path, owner: Callable[[Path], Path | None]
) -> list[Path]:
    """The folder below ``out`` for each video's results, whatever their order.

    It is the video's name; where another video of the call would have the same folder, or
    ``owner`` says that it already holds results of another, a digest of the path follows. ``owner``
    gives the path of the video whose results a folder holds, None where it holds none.
    """
    plain = [out.joinpath(*map(_folder_name, video.name.split("/"))) for video in videos]
    count = Counter(plain)
    folders = []
    for video, folder in zip(videos, plain, strict=True):
        path = video.path.absolute()
        held = owner(folder)
        if held == path or (held is None and count[folder] == 1):
            folders.append(folder)
        else:
            digest = hashlib.blake2b(os.fsencode(path), digest_size=4).hexdigest()
            folders.append(folder.with_name(f"{folder.name}-{digest}"))
    return folders


def event_source(video: Source, folder: Path) -> str:
    """What events call a video: its name, with the digest that its folder has, if any.

    Events of two videos then never pass for one another.
    """
    plain = _folder_name(video.name.rpartition("/")[2])
    digest = folder.name[len(plain) :] if folder.name.startswith(plain) else ""
    return video.name + digest


def _folder_name(name: str) -> str:
    """One part of a video's name as a folder is called that holds files of other videos too.

    No such folder lies elsewhere (".."), and none has the name of a file that vadkit writes.
    """
    if not name.strip("."):
        return "_" * len(name) or "_"
    taken = Path(name).suffix.lower() in _WRITTEN or name.startswith(".") or name == "events"
    return shortened(f"_{name}_" if taken else name)
