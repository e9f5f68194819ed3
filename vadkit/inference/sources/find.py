"""Find the sources for texts that a user gives."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vadkit.addresses import mask_address
from vadkit.data.datasets.folder import find_videos
from vadkit.errors import DataError, RecipeError
from vadkit.inference.sources.source import Source
from vadkit.registry import build, components, did_you_mean
from vadkit.text import encodable

_URLS = ("rtsp", "rtsps", "http", "https")


def find_sources(
    texts: Sequence[str], settings: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Source]:
    """Return the sources for ``texts`` by unique name, in order, without duplicates.

    A text is a video file, a folder of images, a folder of either, a glob pattern, the number of a
    camera, ``rtsp://...``, ``http(s)://...``, ``-`` for standard input, or ``NAME:ADDRESS`` with a
    component of the family ``sources``. ``settings`` are parameters by component, for example
    ``{"url": {"stall_s": 5}}``; a component uses those that it knows.

    Raises ``DataError`` for a text that matches nothing.
    """
    found: dict[tuple[str, str], str | None] = {}
    for text in texts:
        for component, address, name in _matches(text):
            found.setdefault((component, address), name)
    sources: dict[str, Source] = {}
    for (component, address), name in found.items():
        source: Source = build(
            "sources", component, dict((settings or {}).get(component, {})), address
        )
        source.name = _unused(name or source.name, sources)
        sources[source.name] = source
    return sources


def _matches(text: str) -> list[tuple[str, str, str | None]]:
    """Return component, address and name (None: the source's own) of everything a text matches."""
    head, colon, rest = text.partition(":")
    if text == "-":
        return [("stdin", "", None)]
    if head in _URLS and rest.startswith("//"):
        # Before any file system call, which may fail for such long names.
        return [("url", text, None)]
    path = Path(text).expanduser()
    if path.is_char_device() or (text.isdecimal() and not path.exists()):
        return [("camera", text, None)]
    if path.is_file():
        return [("file", str(path), encodable(path.stem))]
    if path.is_dir():
        return [("file", str(video), name) for name, video in find_videos(path)]
    if colon and rest.startswith("//"):
        raise RecipeError(
            f"'{mask_address(text)}': {head}:// is not supported; use one of: {', '.join(_URLS)}"
        )
    if colon and head in components("sources"):
        return [(head, rest, None)]
    matches = sorted(glob.glob(str(path), recursive=True))
    if not matches:
        hint = did_you_mean(head, components("sources")) if colon else ""
        raise DataError(
            f"no video at '{mask_address(text)}': it is not a file or folder, and as a pattern it "
            f"matches nothing{hint}"
        )
    return [("file", match, encodable(Path(match).stem)) for match in matches]


def _unused(name: str, names: Mapping[str, Any]) -> str:
    number, unused = 1, name
    while unused in names:
        number += 1
        unused = f"{name}-{number}"
    return unused
