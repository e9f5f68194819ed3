"""Past events on the page of ``watch``, and their retention while it runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.errors import VadkitError
from vadkit.inference.store.keep import Keeper
from vadkit.inference.store.store import EventStore
from vadkit.recipe import Keep, Spec
from vadkit.workflows.answered.page import EventPage
from vadkit.workflows.answers import read_answers
from vadkit.workflows.past_events import event_file, past_events

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from vadkit.inference.alarms import Event
    from vadkit.inference.sources.source import SourceEvent
    from vadkit.reports.live_board import Board

# Events of earlier that the page shows; all are on the page of past events.
_SHOWN = 50
_log = logging.getLogger("vadkit.watch")


def recorded(kinds: Sequence[Spec]) -> list[Spec]:
    """Return sinks that keep events for the page and for `vadkit events`, then those asked for.

    Pictures and clips are kept if no sinks are asked for.
    """
    own = [Spec(type="sqlite")] if all(kind.type != "sqlite" for kind in kinds) else []
    return [*own, *kinds] if kinds else [*own, Spec(type="snapshots")]


class Past:
    """The past events of a folder; a view of ``watch`` that removes old ones as time passes.

    ``place`` is what `vadkit events` would be given: the run, or the folder of `--out`. ``runs``
    are the runs of the cameras, by name. Without ``record``, it does nothing.
    """

    def __init__(
        self,
        place: Path,
        folder: Path,
        runs: dict[str, Path],
        board: Board,
        keep: Keep,
        record: bool = True,
    ) -> None:
        self._place, self._folder, self._runs = place, folder, runs
        self._keeper: Keeper | None = None
        board.past = record
        if not record:
            return
        store = EventStore(folder, wal=True)
        # What a killed process left open is over.
        store.end_open()
        self.follow(runs)
        store.import_lines()
        self._keeper = Keeper(folder, keep, self._answered)
        board.media = lambda id, ending: event_file(place, id, ending)
        board.remember(self._last())

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the page of past events; none without ``record``."""
        return EventPage(self._place).routes() if self._keeper is not None else []

    def follow(self, runs: dict[str, Path]) -> None:
        """Keep which run watches each camera from now on."""
        self._runs, store = runs, EventStore(self._folder, wal=True)
        for run in sorted(set(runs.values())):
            store.watched_by(run, [name for name, one in runs.items() if one == run])

    def _last(self) -> list[dict[str, object]]:
        try:
            events = past_events(self._place, newest=_SHOWN)
        except VadkitError as error:
            # Alarms matter more than those of yesterday.
            _log.error("past events are not shown: %s", error)
            return []
        return [
            {**event.record, "answer": event.answer, "picture": event.picture is not None}
            for event in events
        ]

    def _answered(self) -> set[str]:
        runs = {run for run in self._runs.values() if run.is_dir()}
        return {one.id for run in runs for one in read_answers(run).valid("event")}

    def source_event(self, source: str, event: SourceEvent) -> None:
        """Nothing changes."""

    def event(self, event: Event) -> None:
        """Sinks write it."""

    def tick(self) -> None:
        """Remove old events now and then."""
        if self._keeper is not None:
            self._keeper.tick()
