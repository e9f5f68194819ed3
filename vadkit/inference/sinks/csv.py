"""Write a CSV line for every frame."""

from __future__ import annotations

import contextlib
import logging
import math
from collections import deque
from pathlib import Path
from typing import IO, ClassVar

from vadkit.errors import DataError
from vadkit.files import describe_os_error, partial_path, put_in_place, start_partial
from vadkit.inference.alarms import Event
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks.sink import SourceInfo, VideoScores, file_for
from vadkit.text import printable

_log = logging.getLogger("vadkit.sinks")
# The number of lines that may wait in memory: more than an hour of a camera.
_MOST_WAITING = 200_000


class Csv:
    """CSV with ``frame,time,raw,score,alarm``, one line per frame, written immediately.

    ``time`` is in seconds, ``raw`` is the method's score and ``score`` the live score, to which
    thresholds apply; both are empty for a frame without a score. ``alarm`` is 1 during an alarm.
    Until the file is complete, it has the hidden name ``.<name>.<process>.partial.csv``.

    While the disk is full, lines wait in memory and are written later. If frames are missing at the
    end, an error names them.
    """

    live: ClassVar[bool] = True
    shows_events: ClassVar[bool] = False

    def __init__(self, out: Path) -> None:
        self.out = out
        self._path: Path | None = None
        self._file: IO[bytes] | None = None
        self._end = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._missing: list[int] = []  # first, last, count
        self._trouble: str | None = None

    def open(self, info: SourceInfo) -> None:
        self._path = file_for(self.out, info.name, ".csv")
        self._waiting = deque([(-1, b"frame,time,raw,score,alarm\n")])
        self._missing, self._trouble = [], None
        self._write()

    def frame(self, seen: FrameScore) -> None:
        scores = ["" if math.isnan(one) else repr(float(one)) for one in (seen.raw, seen.score)]
        fields = [str(seen.index), str(round(seen.time, 6)), *scores, str(int(seen.alarm))]
        if len(self._waiting) > _MOST_WAITING:
            # Keep the header.
            header, (index, _) = self._waiting.popleft(), self._waiting.popleft()
            self._waiting.appendleft(header)
            first, _, count = self._missing or (index, index, 0)
            self._missing = [first, index, count + 1]
        self._waiting.append((seen.index, ",".join(fields).encode() + b"\n"))
        self._write()

    def event(self, event: Event) -> None:
        """Do nothing: the column ``alarm`` has this information."""

    def close(self, result: VideoScores | None) -> Path:
        assert self._path is not None, "close() before open()"
        self._write()
        lost = [index for index, _ in self._waiting if index >= 0]
        missing = [f"{lost[0]} to {lost[-1]}"] if lost else []
        if self._missing:
            missing.insert(0, f"{self._missing[2]:,} frames from {self._missing[0]} on")
        if self._file is not None:
            self._file.close()
            self._file = None
            put_in_place(partial_path(self._path), self._path)
        if missing:
            raise DataError(f"frames {' and '.join(missing)} are missing: {self._trouble}")
        return self._path

    def abort(self) -> None:
        if self._file is not None and self._path is not None:
            self._file.close()
            partial_path(self._path).unlink(missing_ok=True)
            self._file = None

    def _write(self) -> None:
        """Write waiting lines completely; lines that cannot be written keep waiting."""
        assert self._path is not None, "frame() before open()"
        try:
            if self._file is None:
                # Unbuffered, so that readers of the file see each frame immediately.
                self._file, self._end = start_partial(self._path).open("wb", buffering=0), 0
            while self._waiting:
                self._append(self._file, self._waiting[0][1])
                self._waiting.popleft()
        except OSError as error:
            if self._trouble is None:
                _log.error(
                    "%s: lines wait in memory: %s",
                    printable(str(self._path)),
                    printable(describe_os_error(error)),
                )
            self._trouble = describe_os_error(error)
            return
        if self._trouble is not None and not self._missing:
            self._trouble = None
            _log.warning("%s is written again", printable(str(self._path)))

    def _append(self, file: IO[bytes], line: bytes) -> None:
        done = 0
        try:
            while done < len(line):
                done += file.write(line[done:])
        except OSError:
            with contextlib.suppress(OSError):
                file.seek(self._end)
                file.truncate()
            raise
        self._end += done
