"""Watch the cameras of a site, each with the run of the hour; follow changes of its file."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from vadkit.errors import VadkitError
from vadkit.files import describe_os_error
from vadkit.schedule import local_time
from vadkit.signals import stop_signals
from vadkit.text import printable
from vadkit.workflows.site.file import Site, address_of, load_site, read_secrets
from vadkit.workflows.site.group import Group, Member
from vadkit.workflows.watch.past import recorded
from vadkit.workflows.watch.session import PATIENCE_S, View

if TYPE_CHECKING:
    from vadkit.inference.alarms import Event
    from vadkit.inference.sinks.every import Unwritten
    from vadkit.inference.sources.source import SourceEvent
    from vadkit.reports.live_board import Board

# Seconds between two looks at the clock and the file, and before a failed group is tried again.
_EVERY_S, _AGAIN_S = 0.5, 30.0
_log = logging.getLogger("vadkit.watch")


class OneAtATime:
    """Views that are called by several threads, one call at a time."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views, self._lock = views, threading.RLock()

    def source_event(self, source: str, event: SourceEvent) -> None:
        self._each(lambda view: view.source_event(source, event))

    def event(self, event: Event) -> None:
        self._each(lambda view: view.event(event))

    def tick(self) -> None:
        self._each(lambda view: view.tick())

    def _each(self, call: Callable[[View], None]) -> None:
        with self._lock:
            for view in self._views:
                call(view)


class SiteWatch:
    """The groups of a site; ``run`` watches until a signal, ``seconds``, or the end of all.

    SIGHUP, and a change of the file or of the secrets, read the site again: cameras that did not
    change go on. A file with faults changes nothing; the faults are logged. ``follow`` is called
    with the run of each camera when they change.
    """

    def __init__(
        self,
        path: Path,
        site: Site,
        board: Board,
        views: Sequence[View],
        follow: Callable[[dict[str, Path]], None] = lambda runs: None,
        *,
        lost_after_s: float = 15.0,
        max_delay_s: float = 0.0,
    ) -> None:
        self._path, self._site, self._board = path, site, board
        self._views, self._follow = [OneAtATime(views)], follow
        self._how = {"lost_after_s": lost_after_s, "max_delay_s": max_delay_s}
        self.groups: dict[Path, Group] = {}
        self.unwritten: dict[str, list[Unwritten]] = {}
        self._retry: dict[Path, float] = {}
        self._stop, self._reload = threading.Event(), threading.Event()
        self._stamp = self._stamps()
        self._runs: dict[str, Path] = {}
        self._secrets = use_secrets(site)

    def run(self, seconds: float | None = None) -> dict[str, list[Unwritten]]:
        """Watch; return what sinks could not write, by camera."""
        until = time.monotonic() + (float("inf") if seconds is None else seconds)
        with self._signals():
            try:
                while not self._stop.is_set() and time.monotonic() < until:
                    self._look()
                    if self.groups and not any(
                        one.alive or one.failed for one in self.groups.values()
                    ):
                        break
                    self._stop.wait(_EVERY_S)
            finally:
                self._end(list(self.groups.values()))
        return self.unwritten

    def stop(self) -> None:
        """Ask ``run`` to end."""
        self._stop.set()

    def reload(self) -> None:
        """Read the file of the site again, soon."""
        self._reload.set()

    def _look(self) -> None:
        """Follow the file and the clock, and try failed groups again."""
        stamp = self._stamps()
        if self._reload.is_set() or stamp != self._stamp:
            self._reload.clear()
            self._stamp = stamp
            self._read()
        self._match(self._wanted())

    def _read(self) -> None:
        try:
            site = load_site(self._path)
            self._secrets = use_secrets(site)
            for name in ("name", "out", "keep"):
                if getattr(site, name) != getattr(self._site, name):
                    _log.warning("'%s' changes only at the next start", name)
            self._site = site
            self._show()
            _log.warning("%s was read again", printable(str(self._path)))
        except VadkitError as error:
            _log.error("%s\nthe site from before still holds", error)
        except OSError as error:
            _log.error("%s; the site from before still holds", describe_os_error(error))

    def _wanted(self) -> dict[Path, dict[str, Member]]:
        """Return the cameras of each run, now."""
        now, wanted = local_time(time.time()), dict[Path, dict[str, Member]]()
        assert self._site.out is not None
        for name, camera in self._site.cameras.items():
            try:
                address = address_of(name, camera, self._secrets)
            except VadkitError as error:
                self._fail(name, str(error))
                continue
            kinds = tuple(recorded(self._site.sinks_of(name)))
            member = Member(camera, address, kinds, self._site.out)
            wanted.setdefault(camera.run_at(now), {})[name] = member
        return wanted

    def _fail(self, name: str, reason: str) -> None:
        """Show that a camera cannot be watched; the others go on."""
        with self._board.lock:
            camera = self._board.cameras.get(name)
            if camera is None or camera.message == reason:
                return
            camera.fail(reason)
        _log.error("%s", reason)

    def _match(self, wanted: dict[Path, dict[str, Member]]) -> None:
        """Stop groups that are not wanted so, and start the others."""
        now = time.monotonic()
        gone = [
            run
            for run, group in self.groups.items()
            if run not in wanted
            or not _same(group.members, wanted[run])
            or (group.failed and not group.alive and now >= self._retry.get(run, 0.0))
        ]
        self._end([self.groups.pop(run) for run in gone])
        new = [run for run in wanted if run not in self.groups]
        if not (gone or new):
            return
        self._tell(wanted)
        for run in new:
            self._retry[run] = now + _AGAIN_S
            group = Group(run, wanted[run], self._board, self._views, **self._how)
            self.groups[run] = group
            group.start()

    def _show(self) -> None:
        """Let the board have the cameras of the site."""
        from vadkit.reports.live_board import Camera

        with self._board.lock:
            known = self._board.cameras
            cameras = {name: known.get(name) or Camera(name) for name in self._site.cameras}
            self._board.cameras = cameras

    def _tell(self, wanted: dict[Path, dict[str, Member]]) -> None:
        """Tell which run watches each camera."""
        runs = {name: run for run, members in wanted.items() for name in members}
        if runs != self._runs:
            self._runs = runs
            self._follow(runs)

    def _end(self, groups: list[Group]) -> None:
        for group in groups:
            group.stop()
        until = time.monotonic() + 2 * PATIENCE_S
        for group in groups:
            if not group.join(max(0.1, until - time.monotonic())):
                _log.error("%s does not end", ", ".join(group.members))
            for name, left in group.unwritten.items():
                self.unwritten.setdefault(name, []).extend(left)

    def _stamps(self) -> list[Any]:
        """Return what tells a changed file from an unchanged one."""
        found: list[Any] = []
        for path in (self._path, self._site.secrets):
            try:
                state = None if path is None else path.stat()
            except OSError:
                state = None
            found.append(None if state is None else (state.st_mtime_ns, state.st_ino))
        return found

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Stop at the first signal to stop, end at once at the second, and read again at SIGHUP."""

        def on_stop(number: int, frame: FrameType | None) -> None:
            if self._stop.is_set():
                raise KeyboardInterrupt
            self._stop.set()

        def on_hangup(number: int, frame: FrameType | None) -> None:
            self._reload.set()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers: dict[int, Any] = dict.fromkeys(stop_signals(), on_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            handlers[signal.SIGHUP] = on_hangup
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def use_secrets(site: Site) -> dict[str, str]:
    """Return the secrets of a site; sinks find theirs in the environment."""
    secrets = read_secrets(site.secrets)
    os.environ.update(secrets)
    return secrets


def _same(one: dict[str, Member], other: dict[str, Member]) -> bool:
    """Whether groups have the same cameras with the same settings."""
    return one == other
