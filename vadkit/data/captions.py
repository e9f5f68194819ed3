"""Captions of video frames: JSON by video, or text with a line for each frame."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vadkit.errors import DataError
from vadkit.reading import parse_json, read_bytes
from vadkit.text import printable

_MOST = 256 << 20
_TEXT = (
    'expected {"VIDEO": {"captions": ["...", ...]}} or {"VIDEO": ["...", ...]}, a caption for each '
    "frame"
)


def read_captions(paths: Sequence[Path]) -> dict[str, list[str]]:
    """Return a caption for each frame by video.

    A ``.json`` or ``.json.gz`` file has all videos; a ``.txt`` file, or each in a folder, has the
    captions of the video with its name, one a line, where an empty line is a frame without one.
    Raises ``DataError`` for other content, and for a video that is there twice.
    """
    found: dict[str, list[str]] = {}
    for path in paths:
        files = sorted(path.glob("[!.]*.txt")) if path.is_dir() else [path]
        if not files:
            raise DataError(f"folder {path} contains no captions; expected a .txt for each video")
        for file in files:
            for video, own in _read(file).items():
                if video in found:
                    raise DataError(f"{file} has captions of '{printable(video)}' a second time")
                found[video] = own
    return found


def _read(path: Path) -> dict[str, list[str]]:
    try:
        content = read_bytes(path, _MOST)
        if path.name.endswith(".gz"):
            content = _unpacked(path)
        text = content.decode("utf-8-sig")
        if path.suffix.lower() == ".txt":
            return {path.stem: [line.strip() for line in text.splitlines()]}
        return _of_json(parse_json(text))
    except FileNotFoundError:
        raise DataError(f"captions not found: {path}") from None
    except (OSError, EOFError, ValueError) as error:
        reason = printable(str(error), 200)
        raise DataError(f"captions {path} cannot be read: {reason}; {_TEXT}") from None


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            content = file.read(_MOST + 1)
    except zlib.error as error:
        raise ValueError(f"it is damaged: {error}") from None
    if len(content) > _MOST:
        raise ValueError(f"it unpacks to more than {_MOST >> 20} MB")
    return content


def _of_json(data: Any) -> dict[str, list[str]]:
    if not isinstance(data, dict):
        raise ValueError("it is not an object by video")
    found = {}
    for video, entry in data.items():
        own = entry.get("captions") if isinstance(entry, dict) else entry
        if not isinstance(own, list) or not all(isinstance(one, str) for one in own):
            raise ValueError(f"video '{video}' has no list of captions")
        found[video] = own
    return found
