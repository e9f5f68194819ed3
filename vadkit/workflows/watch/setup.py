"""What a watch needs before it starts: named sources, their board, and their sinks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.addresses import mask_address
from vadkit.errors import RecipeError
from vadkit.recipe import Spec
from vadkit.registry import find
from vadkit.text import counted
from vadkit.workflows.run_sinks import own_sinks

if TYPE_CHECKING:
    from vadkit.inference.sinks.every import EverySink
    from vadkit.inference.sources.source import Source
    from vadkit.reports.live_board import Board
    from vadkit.workflows.detector import Detector


def named_sources(
    texts: Sequence[str], settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, Source]:
    """Return the sources of ``texts`` by name; ``NAME=SOURCE`` sets a name."""
    from vadkit.inference.sinks.sink import file_for
    from vadkit.inference.sources.find import find_sources

    if not texts:
        raise RecipeError(
            "give at least one camera, such as gate=rtsp://..., or the file of a site"
        )
    found: dict[str, Source] = {}
    files: set[Path] = set()
    for text in texts:
        name = None
        match = re.fullmatch(r"([\w][\w .-]*)=(.+)", text)
        if match and not _is_path(text):
            name, text = match.groups()
        new = find_sources([text], settings)
        if name is not None and len(new) > 1:
            raise RecipeError(
                f"'{name}' names {len(new)} sources, {mask_address(text)}; give each its own name"
            )
        for source in new.values():
            label, number = name or source.name, 1
            # Their file names must also differ.
            while file_for(Path(), label, "") in files:
                number += 1
                label = f"{name or source.name}-{number}"
            files.add(file_for(Path(), label, ""))
            source.name = label
            found[label] = source
    return found


def _is_path(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        # Too long for a path, or contains a NUL.
        return False


def new_board(detector: Detector, sources: Mapping[str, Source]) -> Board:
    """Create a board of all sources with the threshold of the detector.

    Raises ``RecipeError`` for a live source if a scorer is not causal.
    """
    from vadkit.reports.live_board import Board

    if any(source.live for source in sources.values()):
        detector.smoothing(live=True)

    board = Board(list(sources), f"vadkit watch: {counted(len(sources), 'camera')}")
    if detector.rules is not None:
        for camera in board.cameras.values():
            camera.threshold, camera.usual = detector.threshold, detector.usual
    return board


def sinks_of_run(run: Path) -> list[Spec]:
    """Return the sinks of a run's recipe that work with cameras; none for an exported file."""
    kinds: list[tuple[Spec, Any]] = [
        (spec, find("sinks", spec.type).load()) for spec in (own_sinks(run) if run.is_dir() else ())
    ]
    return [spec for spec, kind in kinds if kind.live]


def sinks_of(specs: Sequence[Spec], folder: Path) -> Callable[[], EverySink]:
    """Return a function that creates the sinks of a source; all of them write to ``folder``.

    Raises ``RecipeError`` for a sink that needs the end of a video.
    """
    from vadkit.inference.sinks.build import build_sinks

    for spec in specs:
        kind: Any = find("sinks", spec.type).load()
        if not kind.live:
            raise RecipeError(
                f"sink '{spec.type}' writes when a video ends, but a camera has no end; see "
                "`vadkit list-components sinks` for sinks of alarms"
            )
    build_sinks(specs, folder)  # report invalid sinks now
    return lambda: build_sinks(specs, folder)
