"""The cameras of a site that one model watches, in a thread of their own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.addresses import mask_addresses
from vadkit.errors import RecipeError, VadkitError
from vadkit.recipe import AlarmSettings, Spec, Zone
from vadkit.recipe.faults import Fault
from vadkit.recipe.parts import check_params
from vadkit.text import printable
from vadkit.workflows.site.file import SiteCamera
from vadkit.workflows.watch import cameras as watching
from vadkit.workflows.watch import setup
from vadkit.workflows.watch.session import View

if TYPE_CHECKING:
    from vadkit.inference.sinks.every import EverySink, Unwritten
    from vadkit.inference.sources.source import Source
    from vadkit.reports.live_board import Board
    from vadkit.workflows.detector import Detector

_log = logging.getLogger("vadkit.watch")


@dataclass(frozen=True)
class Member:
    """A camera in a group: its settings, its address with secrets, its sinks and their folder."""

    camera: SiteCamera
    address: str
    kinds: tuple[Spec, ...]
    out: Path

    def make_sinks(self) -> EverySink:
        """Return new sinks of the camera."""
        return setup.sinks_of(self.kinds, self.out)()


class Group:
    """Cameras that are watched with one run; ``members`` by name.

    If the run cannot be used, its cameras are failed, and the reason is on the board.
    """

    def __init__(
        self,
        run: Path,
        members: Mapping[str, Member],
        board: Board,
        views: Sequence[View],
        *,
        lost_after_s: float,
        max_delay_s: float,
    ) -> None:
        self.run, self.members = run, dict(members)
        self._board, self._views = board, views
        self._lost_after_s, self._max_delay_s = lost_after_s, max_delay_s
        self.detector: Detector | None = None
        self.unwritten: dict[str, list[Unwritten]] = {}
        # Whether it ended by itself with an error, and may be tried again.
        self.failed = False
        self._sources: dict[str, Source] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"watch {run.name}", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still watches."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask the cameras to end; alarms end and sinks close then."""
        self._stopping.set()
        for source in list(self._sources.values()):
            source.close()

    def join(self, seconds: float) -> bool:
        """Wait until it has ended; return whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            detector = self._load()
            found, own = self._sources_of(detector)
            self.detector, self._sources = detector, found
            if self._stopping.is_set():
                return
            self.unwritten = watching.watch(
                detector,
                found,
                self._board,
                self._views,
                make_sinks={name: one.make_sinks for name, one in self.members.items()},
                max_delay_s=self._max_delay_s,
                lost_after_s=self._lost_after_s,
                own=own,
            )
        except Exception as error:
            text = str(error) if isinstance(error, VadkitError) else repr(error)
            self._fail(printable(mask_addresses(text.splitlines()[0] if text else repr(error))))

    def _fail(self, reason: str) -> None:
        self.failed = True
        names = ", ".join(self.members)
        _log.error("%s: not watched: %s", printable(names), reason)
        with self._board.lock:
            for name in self.members:
                if (camera := self._board.cameras.get(name)) is not None:
                    camera.fail(reason)

    def _load(self) -> Detector:
        from vadkit.workflows.detector import load_detector

        stretch = any(one.camera.stretch for one in self.members.values())
        detector = load_detector(self.run, stretch=stretch)
        detector.smoothing(live=True)
        zones = _zones(self.members)
        if zones and not detector.ignores:
            raise RecipeError(
                f"the method of {self.run} cannot leave places out of its score; remove the zones "
                f"of {', '.join(sorted({zone.camera or '' for zone in zones}))}"
            )
        detector.zones = (*detector.zones, *zones)
        return detector

    def _sources_of(self, detector: Detector) -> tuple[dict[str, Source], dict[str, Detector]]:
        """Return the sources of the cameras, and the detectors with their own rules of alarms."""
        texts = [f"{name}={one.address}" for name, one in self.members.items()]
        found = setup.named_sources(texts, detector.settings)
        if list(found) != list(self.members):
            raise RecipeError(f"each camera needs one address; got {len(found)} sources")
        own = {name: _with_rules(detector, name, one) for name, one in self.members.items()}
        with self._board.lock:
            for name, one in own.items():
                camera = self._board.cameras[name]
                known = one.rules is not None
                camera.threshold, camera.usual = (
                    (one.threshold, one.usual) if known else (None, None)
                )
        return found, own


def _zones(members: Mapping[str, Member]) -> list[Zone]:
    return [
        zone.model_copy(update={"camera": name})
        for name, one in members.items()
        for zone in one.camera.zones
    ]


def _with_rules(detector: Detector, name: str, member: Member) -> Detector:
    changes = member.camera.alarms
    if not changes:
        return detector
    faults: list[Fault] = []
    data = {**detector.alarms.model_dump(mode="json"), **changes}
    checked = check_params(data, ("alarms",), AlarmSettings, faults)
    if faults:
        said = "; ".join(f"{'.'.join(map(str, one.place))}: {one.message}" for one in faults)
        raise RecipeError(f"camera {printable(name)}: {said}")
    return replace(detector, alarms=AlarmSettings(**checked))
