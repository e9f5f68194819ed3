"""Zones of a run while it is watched: drawn on the page, or added by another program."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from vadkit.errors import RecipeError, VadkitError
from vadkit.files import describe_os_error
from vadkit.reading import checked
from vadkit.zones import FILE, add_zone, read_zones, remove_zone

if TYPE_CHECKING:
    from vadkit.inference.alarms import Event
    from vadkit.inference.sources.source import SourceEvent
    from vadkit.reports.live_board import Board
    from vadkit.workflows.detector import Detector

_EVERY_S = 1.0
_log = logging.getLogger("vadkit.watch")


class _Drawn(BaseModel):
    """A place to ignore, as the page sends it."""

    model_config = ConfigDict(extra="forbid")

    camera: str
    polygon: list[tuple[float, float]]


class _Named(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str


class RunZones:
    """Keeps the zones of a detector and of its board as in the run; a view of ``watch``.

    If several cameras are watched, a place that is drawn on one of them holds only there.
    """

    def __init__(self, run: Path, detector: Detector, board: Board) -> None:
        self._run, self._detector, self._board = run, detector, board
        added = read_zones(run) if run.is_dir() else ()
        self._own = tuple(zone for zone in detector.zones if zone not in added)
        self._state = self._read_state()
        self._due = 0.0
        self._load()

    def actions(self) -> dict[str, Callable[[Any], Any]]:
        """Return the actions of the page by path; none if the method cannot ignore places."""
        if not self._changeable:
            return {}
        return {"/zones/add": self._add, "/zones/remove": self._remove}

    @property
    def _changeable(self) -> bool:
        return self._detector.ignores and self._run.is_dir()

    def _add(self, data: Any) -> Any:
        drawn = checked(_Drawn, data)
        if drawn.camera not in self._board.cameras:
            raise RecipeError(f"there is no camera '{drawn.camera}'")
        camera = drawn.camera if len(self._board.cameras) > 1 else None
        zone = add_zone(self._run, drawn.polygon, camera=camera)
        self._load()
        return {"name": zone.name}

    def _remove(self, data: Any) -> Any:
        remove_zone(self._run, checked(_Named, data).name)
        self._load()
        return {}

    def _load(self) -> None:
        if not self._changeable:
            return
        self._detector.zones = (*self._own, *read_zones(self._run))
        shown = [
            {
                "name": zone.name,
                "polygon": zone.polygon,
                "camera": zone.camera,
                "always": zone.hours is None and zone.days is None,
                "removable": number >= len(self._own),
            }
            for number, zone in enumerate(self._detector.zones)
        ]
        with self._board.lock:
            self._board.zones = shown

    def _read_state(self) -> tuple[int, int] | None:
        try:
            found = (self._run / FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def source_event(self, source: str, event: SourceEvent) -> None:
        """Nothing changes."""

    def event(self, event: Event) -> None:
        """Nothing changes."""

    def tick(self) -> None:
        """Load the zones again if another program has changed them."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _EVERY_S
        state = self._read_state()
        if state == self._state:
            return
        self._state = state
        try:
            self._load()
        except VadkitError as error:
            _log.error("%s; the zones from before still hold", error)
        except OSError as error:
            _log.error("%s; the zones from before still hold", describe_os_error(error))
