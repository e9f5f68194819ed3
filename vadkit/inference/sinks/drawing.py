"""The parent's side of the process that draws and encodes: a bounded queue and its thread."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vadkit.errors import DataError
from vadkit.files import remove_leftovers
from vadkit.reports.annotate import fit, heat_from_map, picture_size, quantised
from vadkit.reports.painter import LENGTH
from vadkit.scoring.normal import NormalScores

# Frames that wait for the process: scores of a batch come together, and drawing goes on meanwhile.
_MOST_BYTES = 64 << 20
# Seconds after which a process that takes no frame counts as hanging; finishing a long file copies
# it once.
_STALL_S, _FINISH_S = 120.0, 900.0


class _Item(NamedTuple):
    """A frame (H, W, 3) uint8, its score map (h, w), and what else is drawn."""

    frame: np.ndarray
    score_map: np.ndarray | None
    seen: dict[str, Any]

    @property
    def bytes(self) -> int:
        return self.frame.nbytes + (0 if self.score_map is None else self.score_map.nbytes)


class Drawing:
    """A child process that draws and encodes one video; see ``vadkit.reports.painter``.

    ``normal`` is the reference of score maps.
    ``put`` waits only if more than 64 MiB of frames wait. A failure of the process is a
    ``DataError`` of the next ``put`` or of ``close``. Ctrl-C does not reach the process; ``abort``
    ends it, and so does the end of this process.
    """

    def __init__(self, path: Path, settings: dict[str, Any], normal: NormalScores | None) -> None:
        self.path = path
        self._normal = normal
        self._waiting: deque[_Item | None] = deque()
        self._bytes = 0
        self._taken = 0
        self._changed = threading.Condition()
        self._error: str | None = None
        self._over = False
        self._process = _start()
        text = json.dumps({"path": os.fspath(path), **settings})
        self._thread = threading.Thread(
            target=self._work, args=(text,), name=f"draw {path.name}", daemon=True
        )
        self._thread.start()

    def put(self, frame: np.ndarray, score_map: np.ndarray | None, seen: dict[str, Any]) -> None:
        """Add a frame (H, W, 3) with its score map; waits while too many frames wait."""
        item = _Item(frame, score_map, seen)
        with self._changed:
            self._wait(
                lambda: not self._waiting or self._bytes + item.bytes <= _MOST_BYTES, _STALL_S
            )
            self._raise()
            self._waiting.append(item)
            self._bytes += item.bytes
            self._changed.notify_all()

    def close(self) -> Path:
        """Finish the file and return its path."""
        with self._changed:
            self._waiting.append(None)
            self._changed.notify_all()
            self._wait(lambda: not self._waiting, _STALL_S)
            self._wait(lambda: self._over, _FINISH_S)
        try:
            self._raise()
        except DataError:
            self.abort()
            raise
        self._stop()
        return self.path

    def abort(self) -> None:
        """End the process; an incomplete file is removed."""
        self._stop()
        remove_leftovers(self.path.parent, self.path.stem)

    def _stop(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _wait(self, ready: Any, limit_s: float) -> None:
        """Wait until ``ready``, or until nothing has been taken for ``limit_s``."""
        since, taken = time.monotonic(), self._taken
        while not (ready() or self._over):
            self._changed.wait(1.0)
            if self._taken != taken:
                since, taken = time.monotonic(), self._taken
            if time.monotonic() - since > limit_s:
                self._error = f"the process that draws {self.path} hangs; it was ended"
                self._over = True
                self._process.kill()

    def _raise(self) -> None:
        if self._error is not None:
            raise DataError(self._error)
        if self._over and self._waiting:
            raise DataError(f"the process that draws {self.path} has ended")

    def _work(self, settings: str) -> None:
        """Send everything; runs in a thread."""
        try:
            self._send(_record(settings))
            while (item := self._next()) is not None:
                self._send(*_records(item, self._normal))
                self._done(item)
            if self._over:
                return
            self._send(LENGTH.pack(0))
            self._done(None)
        except OSError:
            # The process has ended; its answer says why.
            pass
        except BaseException as error:
            self._end(repr(error))
            raise
        self._end(self._answer())

    def _next(self) -> _Item | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over)
            return None if self._over else self._waiting[0]

    def _done(self, item: _Item | None) -> None:
        with self._changed:
            self._waiting.popleft()
            self._taken += 1
            if item is not None:
                self._bytes -= item.bytes
            self._changed.notify_all()

    def _end(self, error: str | None) -> None:
        with self._changed:
            self._error = self._error or error
            self._over = True
            self._changed.notify_all()

    def _answer(self) -> str | None:
        """Return the error of the process, None if it wrote the file."""
        assert self._process.stdout is not None
        text = self._process.stdout.read()
        if text:
            error = json.loads(text).get("error")
            return None if error is None else str(error)
        code = self._process.wait()
        how = f"exit status {code}" if code >= 0 else signal.Signals(-code).name
        return f"the process that draws {self.path} crashed ({how})"

    def _send(self, *parts: bytes | memoryview) -> None:
        assert self._process.stdin is not None
        for part in parts:
            view = memoryview(part).cast("B")
            while view:
                view = view[self._process.stdin.write(view) :]


def _records(item: _Item, normal: NormalScores | None) -> list[bytes | memoryview]:
    """Return what is sent for a frame, which is not sent larger than it is drawn."""
    size = picture_size(*item.frame.shape[:2])
    frame = fit(item.frame, size) if size[1] < item.frame.shape[1] else item.frame
    heat = None if item.score_map is None else heat_from_map(item.score_map, normal)
    pictures = [frame] if heat is None else [frame, quantised(heat)]
    seen = {
        **item.seen,
        "frame": frame.shape,
        "heat": None if heat is None else heat.shape,
    }
    return [_record(json.dumps(seen)), *(np.ascontiguousarray(one).data for one in pictures)]


def _record(text: str) -> bytes:
    data = text.encode()
    return LENGTH.pack(len(data)) + data


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # -P: the child finds modules like this process, not in the current folder.
        [sys.executable, "-P", "-m", "vadkit.reports.painter"],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        # Ctrl-C is handled by the parent, which ends its children.
        start_new_session=True,
    )
