"""Events on their way into a sink: written in order by a thread, and again after a failure."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from dataclasses import replace
from typing import Protocol

from vadkit.addresses import mask_addresses
from vadkit.errors import VadkitError
from vadkit.files import describe_os_error
from vadkit.inference.alarms import Event
from vadkit.text import printable

_log = logging.getLogger("vadkit.sinks")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0
# Between two tries at the end, and how long a sink may be busy with one event before it hangs.
_LAST_WAIT_S, _HANG_S = 0.2, 30.0
# What waits in memory while a sink fails. Pictures go first, events only beyond the second.
_MOST_BYTES, _MOST_EVENTS = 256 << 20, 10_000


class TakesEvents(Protocol):
    def event(self, event: Event) -> None: ...


class EventQueue:
    """The events that a sink has not taken yet.

    A thread gives them to the sink in order. One that the sink fails on stays first and is tried
    again, after ``first_wait_s`` and then after twice as long each time, up to ``longest_wait_s``.
    A sink that hangs holds up its own events and nothing else. Beyond 10,000 events the newest is
    not kept; beyond 256 MiB events lose their pictures. Both are in the log.
    """

    def __init__(
        self,
        name: str,
        sink: TakesEvents,
        *,
        first_wait_s: float = _FIRST_WAIT_S,
        longest_wait_s: float = _LONGEST_WAIT_S,
    ) -> None:
        self.name, self.sink = name, sink
        self.first_wait_s, self.longest_wait_s = first_wait_s, longest_wait_s
        # Why the last attempt failed; None when it did not.
        self.trouble: str | None = None
        self._waiting: deque[Event] = deque()
        self._bytes = 0
        self._lost: list[Event] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ending = self._given_up = False

    def put(self, event: Event) -> None:
        """Take an event; returns at once, but for a sink that works and is slower than alarms come.

        For that one it waits, as the scoring of a file can.
        """
        with self._changed:
            self._changed.wait_for(self._has_room, _HANG_S)
            if len(self._waiting) >= _MOST_EVENTS:
                self._lost.append(_bare(event))
                _log.error("sink '%s' is too far behind; it misses event %s", self.name, event.id)
                return
            self._waiting.append(event)
            self._bytes += _size(event)
            self._drop_pictures()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name=f"sink {self.name}", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def finish(self, patience_s: float) -> list[Event]:
        """Wait until all is written; gives the events that could not be, in order.

        While the sink fails, that takes ``patience_s`` seconds at most.
        """
        self._ending = True
        with self._changed:
            since, count = time.monotonic(), len(self._waiting)
            self._changed.notify_all()
            while self._waiting:
                self._changed.wait(0.05)
                if len(self._waiting) < count:
                    since, count = time.monotonic(), len(self._waiting)
                if time.monotonic() - since > (_HANG_S if self.trouble is None else patience_s):
                    break
            self._given_up = True
            self._changed.notify_all()
            return [*self._waiting, *self._lost]

    def _has_room(self) -> bool:
        return self.trouble is not None or self._bytes <= _MOST_BYTES

    def _work(self) -> None:
        wait = self.first_wait_s
        while True:
            with self._changed:
                if not self._waiting or self._given_up:
                    self._thread = None
                    return
                event = self._waiting[0]
            try:
                self.sink.event(event)
            except (Exception, SystemExit) as error:
                self._failed(error)
                with self._changed:
                    seconds = min(wait, _LAST_WAIT_S) if self._ending else wait
                    self._changed.wait_for(lambda: self._given_up, seconds)
                wait = min(2 * wait, self.longest_wait_s)
                continue
            wait = self.first_wait_s
            self._written()

    def _failed(self, error: BaseException) -> None:
        reason = why(error)
        if self.trouble is None:
            _log.error(
                "sink '%s' cannot write: %s; events wait in memory and are tried again",
                self.name,
                reason,
            )
        self.trouble = reason

    def _written(self) -> None:
        if self.trouble is not None:
            self.trouble = None
            _log.warning("sink '%s' writes again", self.name)
        with self._changed:
            self._bytes -= _size(self._waiting.popleft())
            self._changed.notify_all()

    def _drop_pictures(self) -> None:
        # The first may be at the sink just now.
        for place in range(1, len(self._waiting)):
            if self._bytes <= _MOST_BYTES:
                return
            event = self._waiting[place]
            if _size(event):
                self._waiting[place] = _bare(event)
                self._bytes -= _size(event)
                _log.error(
                    "sink '%s' is too far behind; event %s loses its pictures", self.name, event.id
                )


def why(error: BaseException) -> str:
    """What went wrong in a sink, in a line fit for logs."""
    if isinstance(error, OSError) and error.errno:
        text = describe_os_error(error)
    elif isinstance(error, VadkitError | OSError | sqlite3.Error):
        text = str(error)
    else:
        text = repr(error)
    return printable(mask_addresses(text))


def _bare(event: Event) -> Event:
    return replace(event, snapshot=None, clip=())


def _size(event: Event) -> int:
    return len(event.snapshot or b"") + sum(len(one.jpeg) for one in event.clip)
