"""Which videos a command line means, and the folder that each one's results go to."""

from __future__ import annotations

import contextlib
import glob
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vadkit.errors import DataError, RecipeError
from vadkit.registry import components


@dataclass(frozen=True)
class Source:
    """A video to score: its file or image folder, and a name such as ``gate/monday``."""

    name: str
    path: Path


def expand_sources(sources: Sequence[str], out: Path | None = None) -> list[Source]:
    """All videos behind the sources, in order, each once.

    A name depends on its source alone: the path below a folder or below the fixed part of a
    pattern, the stem of a file. Two videos may have the same; ``result_folders`` tells them apart.
    What lies below ``out`` are results, not videos, unless it is named as a file. Raises
    ``DataError`` for a source that matches nothing, ``RecipeError`` for cameras and streams.
    """
    from vadkit.data.datasets.folder import find_videos

    results = out.resolve() if out is not None else None
    found: dict[Path, Source] = {}
    for text in sources:
        path = Path(text).expanduser()
        if not path.exists() and _is_stream(text):
            from vadkit.inference.sources.live import without_password

            raise RecipeError(
                f"'{without_password(text)}' is no file: it may have no end, and it cannot be "
                "read again; use `vadkit watch` for it"
            )
        if path.is_file():
            matches = [(path.stem, path)]
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
                matches += [((below / name).as_posix(), one) for name, one in find_videos(path)]
        # `archive/*` means the videos among what lies there; `archive/*.dat` means what it says.
        elif path.suffix.lower() in VIDEO_SUFFIXES or not pattern.name.endswith("*"):
            matches.append((below.with_suffix("").as_posix(), path))
    if not matches:
        raise DataError(
            f"no video at '{text}': it is no file, no folder, and as a pattern it matches nothing"
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

    It is the video's name; where another video of the call has the same one, or ``owner`` says
    that the folder already holds results of another, a digest of the path follows. ``owner`` gives
    the path of the video whose results a folder holds, None where it holds none.
    """
    count = Counter(video.name for video in videos)
    folders = []
    for video in videos:
        plain, path = out / video.name, video.path.absolute()
        digest = hashlib.blake2b(str(path).encode(), digest_size=4).hexdigest()
        held = owner(plain)
        if held == path or (held is None and count[video.name] == 1):
            folders.append(plain)
        else:
            folders.append(out / f"{video.name}-{digest}")
    return folders
