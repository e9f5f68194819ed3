"""Messages that stay on disk until a remote receiver has accepted them."""

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
    """Times for names of files that sort in the order of the calls.

    They follow the clock, but never go back and never repeat in this process.
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return self._last

    def after(self, name: str) -> None:
        """Make all later times sort after a name."""
        found = re.match(r"\d{20}(?!\d)", name)
        with self._lock:
            # A name far in the future is not from vadkit.
            if found and int(found[0]) < 10 * time.time_ns():
                self._last = max(self._last, int(found[0]))


_stamps = _Stamps()


class Refused(Exception):
    """The receiver will never accept this message; it may accept the next one."""


class Outbox:
    """A folder of messages that a thread delivers in order, each at least once.

    ``deliver(id, body)`` sends one message and raises an exception if it was not accepted. The
    message is then tried again after ``first_wait_s``, then after twice as long each time, up to
    ``longest_wait_s``, without end. A message leaves the folder only when it was delivered, so a
    dead receiver, a crash or a restart loses none. A message that can never be delivered moves to
    the folder ``refused``, and the next one follows. This is the case if the receiver rejects it
    (``Refused``), if it is damaged on the disk, and if ``deliver`` raises anything but an
    ``OSError``. Several outboxes, also in several processes, may share a folder; only one of them
    delivers at a time.

    ``name`` is the receiver's name in the log, and should contain no secret.
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
        # The reason why the last attempt failed; None if it succeeded.
        self.trouble: str | None = None
        self._lock = threading.Lock()
        self._new = threading.Event()
        self._worker: threading.Thread | None = None
        for path in self.waiting():
            _stamps.after(path.name)

    def put(self, id: str, body: bytes) -> None:
        """Save a message and deliver it soon; returns once it is on the disk."""
        name = f"{_stamps.next():020d}-{os.getpid()}.msg"
        write_bytes(self.folder / name, id.encode(errors="replace") + b"\n" + body)
        # Try a new message at once, even if the receiver failed a moment ago.
        self._new.set()
        self.start()

    def start(self) -> None:
        """Deliver waiting messages, also those of an earlier run."""
        with self._lock:
            if self.waiting() and (self._worker is None or not self._worker.is_alive()):
                self._worker = threading.Thread(
                    target=self._work, name=f"outbox {self.name}", daemon=True
                )
                self._worker.start()

    def waiting(self) -> list[Path]:
        """Return undelivered messages, the oldest first."""
        return sorted(self.folder.glob("[0-9]*.msg"))

    def check(self) -> None:
        """Raise ``OSError`` if messages cannot be saved."""
        probe = self.folder / ".probe"
        write_bytes(probe, b"")
        probe.unlink()

    def flush(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for all deliveries; return at once if the receiver fails."""
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
                # The disk is full, or the folder was deleted.
                done = False
                self._failed(describe_os_error(error))
            if done:
                wait = self.first_wait_s
                continue
            self._new.wait(wait)
            self._new.clear()
            wait = min(2 * wait, self.longest_wait_s)

    def _deliver_all(self) -> bool:
        """Deliver all messages; return False if the receiver fails."""
        for path in self.waiting():
            try:
                self.deliver(*_read(path))
            except FileNotFoundError:
                if path.exists():
                    raise
                continue
            except OSError as error:
                # Any network error: the message is still on disk and is tried again.
                self._failed(str(error) or type(error).__name__)
                return False
            except (Exception, SystemExit) as error:
                self._set_aside(path, error)
                continue
            path.unlink(missing_ok=True)
            if self.trouble is not None:
                _log.warning("%s accepts messages again", self.name)
                self.trouble = None
        return True

    def _failed(self, reason: str) -> None:
        reason = printable(mask_addresses(reason))
        if self.trouble is None:
            _log.warning(
                "%s does not accept messages (%s); they wait in %s",
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
            "%s rejects a message, saved as %s: %s",
            self.name,
            printable(str(kept)),
            printable(mask_addresses(reason)),
        )


def _read(path: Path) -> tuple[str, bytes]:
    """Return the id and the body of a message; ``Refused`` if they cannot be separated."""
    id, end, body = path.read_bytes().partition(b"\n")
    if not end or not id or len(id) > _LONGEST_ID:
        raise Refused("it is damaged on the disk")
    try:
        return id.decode(), body
    except UnicodeDecodeError:
        raise Refused("it is damaged on the disk") from None


def check_json(body: bytes) -> None:
    """Raise ``Refused`` for a body that is not valid JSON, for example after damage on the disk."""
    try:
        json.loads(body)
    except ValueError:
        raise Refused("it is damaged on the disk: not JSON") from None
