"""Events on their way into a sink: a thread writes them in order and repeats failed attempts."""

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
# Seconds between two attempts at the end, and the time for one event after which a sink hangs.
_LAST_WAIT_S, _HANG_S = 0.2, 30.0
# Limits for waiting events in memory: above the first, pictures are dropped; above the second,
# events.
_MOST_BYTES, _MOST_EVENTS = 256 << 20, 10_000


class TakesEvents(Protocol):
    def event(self, event: Event) -> None: ...


class EventQueue:
    """The events that a sink has not accepted yet.

    A thread passes them to the sink in order. If the sink fails, the event stays first and is tried
    again, after ``first_wait_s`` and then after twice as long each time, up to ``longest_wait_s``.
    A sink that hangs blocks only its own events. If more than 10,000 events wait, the newest is
    lost; above 256 MiB, events lose their pictures. Both are logged.
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
        # The reason why the last attempt failed; None if it succeeded.
        self.trouble: str | None = None
        self._waiting: deque[Event] = deque()
        self._bytes = 0
        self._lost: list[Event] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ending = self._given_up = False

    def put(self, event: Event) -> None:
        """Add an event; waits only if the sink works but is slower than events come.

        In this case scoring waits, which is acceptable for a file.
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

    @property
    def length(self) -> int:
        """How many events wait."""
        return len(self._waiting)

    def finish(self, patience_s: float) -> list[Event]:
        """Wait until all events are written; return those that could not be, in order.

        If the sink fails, this takes at most ``patience_s`` seconds.
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
        # The sink may be writing the first event now.
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
    """Describe an error of a sink in one line for logs."""
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
