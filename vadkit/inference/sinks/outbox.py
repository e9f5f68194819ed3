"""Messages on disk until someone far away has taken them."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from vadkit.addresses import mask_addresses
from vadkit.files import describe_os_error, write_bytes
from vadkit.text import printable

_log = logging.getLogger("vadkit.sinks")
_LONGEST_ID = 65535


class _Stamps:
    """Times for names that sort in the order in which they were asked for.

    They follow the clock, but never run back with it, nor does one come twice in this process.
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return self._last

    def after(self, name: str) -> None:
        """Let no later time sort before a name."""
        found = re.match(r"\d{20}(?!\d)", name)
        with self._lock:
            # A name far in the future is none of ours.
            if found and int(found[0]) < 10 * time.time_ns():
                self._last = max(self._last, int(found[0]))


_stamps = _Stamps()


class Refused(Exception):
    """The receiver will never take this message; the next one may still be good."""


class Outbox:
    """A folder of messages, delivered in order by a thread of its own, each at least once.

    ``deliver(id, body)`` sends one and raises when it was not taken; it is tried again after
    ``first_wait_s``, then after twice as long each time, up to ``longest_wait_s``, for ever.
    A message leaves the folder only when it was delivered, so a dead receiver, a crash or a restart
    loses none. What can never be delivered goes to the folder ``refused``, and the next one
    follows: what the receiver refuses (``Refused``), what is damaged on the disk, and what
    ``deliver`` fails on with anything but an ``OSError``. Several outboxes, in several processes
    too, may share a folder: one of them delivers at a time.

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
        for path in self.waiting():
            _stamps.after(path.name)

    def put(self, id: str, body: bytes) -> None:
        """Keep a message, then see to its delivery; returns once it is safely on the disk."""
        name = f"{_stamps.next():020d}-{os.getpid()}.msg"
        write_bytes(self.folder / name, id.encode(errors="replace") + b"\n" + body)
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

    def check(self) -> None:
        """Raise ``OSError`` where messages cannot be kept."""
        probe = self.folder / ".probe"
        write_bytes(probe, b"")
        probe.unlink()

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
            except OSError as error:
                # A full disk, or somebody deleted the folder.
                done = False
                self._failed(describe_os_error(error))
            if done:
                wait = self.first_wait_s
                continue
            self._new.wait(wait)
            self._new.clear()
            wait = min(2 * wait, self.longest_wait_s)

    def _deliver_all(self) -> bool:
        """Deliver until nothing waits; False when the receiver is in trouble."""
        for path in self.waiting():
            try:
                self.deliver(*_read(path))
            except FileNotFoundError:
                if path.exists():
                    raise
                continue
            except OSError as error:
                # Whatever a network can do: the message is safe, and is tried again.
                self._failed(str(error) or type(error).__name__)
                return False
            except (Exception, SystemExit) as error:
                self._set_aside(path, error)
                continue
            path.unlink(missing_ok=True)
            if self.trouble is not None:
                _log.warning("%s takes messages again", self.name)
                self.trouble = None
        return True

    def _failed(self, reason: str) -> None:
        reason = printable(mask_addresses(reason))
        if self.trouble is None:
            _log.warning(
                "%s takes no messages (%s); they wait in %s",
                self.name,
                reason,
                printable(str(self.folder)),
            )
        self.trouble = reason

    def _set_aside(self, path: Path, error: BaseException) -> None:
        reason = str(error) if isinstance(error, Refused) else repr(error)
        kept = self.folder / "refused" / path.name
        kept.parent.mkdir(exist_ok=True)
        path.replace(kept)
        _log.error(
            "%s refuses a message, kept as %s: %s",
            self.name,
            printable(str(kept)),
            printable(mask_addresses(reason)),
        )


def _read(path: Path) -> tuple[str, bytes]:
    """Id and body of a message; ``Refused`` where they cannot be told apart."""
    id, end, body = path.read_bytes().partition(b"\n")
    if not end or not id or len(id) > _LONGEST_ID:
        raise Refused("it is damaged on the disk")
    try:
        return id.decode(), body
    except UnicodeDecodeError:
        raise Refused("it is damaged on the disk") from None


def check_json(body: bytes) -> None:
    """``Refused`` for a body that is no whole JSON, such as one damaged on the disk."""
    try:
        json.loads(body)
    except ValueError:
        raise Refused("it is damaged on the disk: not JSON") from None
