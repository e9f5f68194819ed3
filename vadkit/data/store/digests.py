"""Identify videos by a hash of their content, which is remembered until the file changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from vadkit.data.decoding.folders import image_files
from vadkit.errors import DataError
from vadkit.files import open_regular, write_text
from vadkit.reading import parse_json, read_bytes

# A note contains two hashes and a path.
_MOST_NOTE = 1 << 20


def content_digest(path: Path, memory: Path | None = None) -> str:
    """Return a hex hash over the bytes of a video file, or of every image of a folder in order.

    ``memory`` is a folder that remembers digests by path, size and modification time, so that a
    dataset is hashed once and not at every start. Raises ``DataError`` for unreadable files.
    """
    try:
        state = content_state(path)
        note = None
        if memory is not None:
            name = hashlib.blake2b(os.fsencode(path.absolute()), digest_size=16).hexdigest()
            note = memory / f"{name}.json"
            known = _recall(note)
            if known.get("state") == state and isinstance(known.get("digest"), str):
                return str(known["digest"])
        digest = _hash(path)
    except FileNotFoundError:
        raise DataError(f"video not found: {path}") from None
    except OSError as error:
        raise DataError(f"video {path} cannot be read: {error.strerror}") from None
    if note is not None:
        _remember(note, {"state": state, "digest": digest, "path": str(path.absolute())})
    return digest


def content_state(path: Path) -> str:
    """Return a text that changes when a video may have changed: size and time of every file."""
    if not path.is_dir():
        stat = path.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"
    lines = []
    for image in image_files(path):
        stat = image.stat()
        lines.append(f"{image.name} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.blake2b(os.fsencode("\n".join(lines)), digest_size=16).hexdigest()


def _hash(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    if path.is_dir():
        for image in image_files(path):
            with open_regular(image) as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    else:
        with open_regular(path) as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def _recall(note: Path) -> dict[str, Any]:
    try:
        data = parse_json(read_bytes(note, _MOST_NOTE).decode("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _remember(note: Path, data: dict[str, str]) -> None:
    """Save a digest if possible; otherwise the next start computes it again."""
    with contextlib.suppress(OSError):
        write_text(note, json.dumps(data))
