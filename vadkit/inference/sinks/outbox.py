"""Messages on disk until someone far away has taken them."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from vadkit.files import write_bytes

_log = logging.getLogger("vadkit.sinks")


class Refused(Exception):
    """The receiver will never take this message; the next one may still be good."""


class Outbox:
    """A folder of messages, delivered in order by a thread of its own, each at least once.

    ``deliver(id, body)`` sends one and raises when it was not taken; it is tried again after
    ``first_wait_s``, then after twice as long each time, up to ``longest_wait_s``, for ever.
    A message leaves the folder only when it was delivered, so a dead receiver, a crash or a restart
    loses none; what the receiver refuses (``Refused``) goes to the folder ``refused``. Several
    outboxes, in several processes too, may share a folder: one of them delivers at a time.

    ``name`` is what the log calls the receiver, and should hold no secret.
    """

    def __init__(
        self,
        folder: Path,
        deliver: Callable[[str, bytes], None],
        *,
        name: str,
        first_wait_s: float = 1.0,
        longest_wait_s: float = 300.0,
    ) -> None:
        self.folder = folder
        self.deliver = deliver
        self.name = name
        self.first_wait_s, self.longest_wait_s = first_wait_s, longest_wait_s
        # Why the last attempt failed; None when it did not.
        self.trouble: str | None = None
        self._lock = threading.Lock()
        self._new = threading.Event()
        self._worker: threading.Thread | None = None
        self._numbers = itertools.count()

    def put(self, id: str, body: bytes) -> None:
        """Keep a message, then see to its delivery; returns once it is safely on the disk."""
        # Names sort by time: of this process by number, of others by the clock.
        name = f"{time.time_ns():020d}-{next(self._numbers):06d}-{os.getpid()}.msg"
        write_bytes(self.folder / name, id.encode() + b"\n" + body)
        # News are worth a try even if the receiver was dead a moment ago.
        self._new.set()
        self.start()

    def start(self) -> None:
        """Deliver what is waiting, if anything is, also from an earlier run."""
        with self._lock:
            if self.waiting() and (self._worker is None or not self._worker.is_alive()):
                self._worker = threading.Thread(
                    target=self._work, name=f"outbox {self.name}", daemon=True
                )
                self._worker.start()

    def waiting(self) -> list[Path]:
        """Messages not delivered yet, the oldest first."""
        return sorted(self.folder.glob("[0-9]*.msg"))

    def flush(self, seconds: float) -> bool:
        """Wait until all is delivered, at most so long; ends at once while the receiver is dead."""
        end = time.monotonic() + seconds
        while self.waiting():
            if self.trouble is not None or time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def _work(self) -> None:
        wait = self.first_wait_s
        while True:
            with self._lock:
                if not self.waiting():
                    self._worker = None
                    return
            try:
                with FileLock(self.folder / ".lock", timeout=1):
                    done = self._deliver_all()
            except Timeout:
                continue
            if done:
                wait = self.first_wait_s
                continue
            self._new.wait(wait)
            self._new.clear()
            wait = min(2 * wait, self.longest_wait_s)

    def _deliver_all(self) -> bool:
        """Deliver until nothing waits; False when the receiver is in trouble."""
        for path in self.waiting():
            id, _, body = path.read_bytes().partition(b"\n")
            try:
                self.deliver(id.decode(), body)
            except Refused as error:
                _log.error("%s refuses a message, kept in 'refused': %s", self.name, error)
                (self.folder / "refused").mkdir(exist_ok=True)
                path.replace(self.folder / "refused" / path.name)
                continue
            except Exception as error:
                # Whatever a network can do: the message is safe, and is tried again.
                if self.trouble is None:
                    _log.warning(
                        "%s takes no messages (%s); they wait in %s", self.name, error, self.folder
                    )
                self.trouble = str(error) or type(error).__name__
                return False
            path.unlink(missing_ok=True)
            if self.trouble is not None:
                _log.warning("%s takes messages again", self.name)
                self.trouble = None
        return True
