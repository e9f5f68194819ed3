"""Write events: a line each, a row each, or their pictures and clips."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2

from vadkit.files import append_line, open_regular, open_to_append, write_bytes
from vadkit.inference.alarms import Event
from vadkit.inference.clip_ring import ClipFrame, jpeg, picture
from vadkit.inference.sinks.sink import EventSink, VideoScores
from vadkit.reports.video_writer import VideoWriter

_COLUMNS = {
    "id": "TEXT PRIMARY KEY",
    "state": "TEXT NOT NULL",
    "source": "TEXT NOT NULL",
    "start": "REAL NOT NULL",
    "end": "REAL",
    "started_at": "TEXT",
    "peak_time": "REAL NOT NULL",
    "peak_score": "REAL NOT NULL",
    "threshold": "REAL NOT NULL",
    "x1": "INTEGER",
    "y1": "INTEGER",
    "x2": "INTEGER",
    "y2": "INTEGER",
    "part": "TEXT",
    "snapshot": "BLOB",
    "kind": "TEXT NOT NULL DEFAULT 'alarm'",
    "message": "TEXT NOT NULL DEFAULT ''",
}
# Columns that tables of earlier versions lack.
_ADDED = ("kind", "message")
_BOX_RGB = (228, 87, 46)


class EventLines(EventSink):
    """Appends to ``events.jsonl`` a JSON line for every event that is over.

    With ``begun`` there is one as it begins as well; ``state`` tells them apart. An outage of a
    camera has its line as it begins, always. An event that is there already, because its file is
    scored again, gets no second line unless its end or its peak is another now.
    """

    def __init__(self, out: Path, *, begun: bool = False) -> None:
        super().__init__(out)
        self.begun = begun
        self.path = out / "events.jsonl"

    def check(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        with open_to_append(self.path):
            _log_at(self.path.absolute()).read()
        if not self.path.stat().st_size:
            self.path.unlink()

    def event(self, event: Event) -> None:
        if not (event.over or self.begun or event.kind != "alarm"):
            return
        data = event.to_dict()
        if _log_at(self.path.absolute()).has(data):
            return
        self.out.mkdir(parents=True, exist_ok=True)
        append_line(self.path, json.dumps(data, allow_nan=False))

    def close(self, result: VideoScores | None) -> Path | None:
        return self.path if self.path.exists() else None


class _Log:
    """What stands in a file of events; each of its lines is read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: set[int] = set()
        self._file, self._end = 0, 0
        self._lock = threading.Lock()

    def has(self, event: Mapping[str, Any]) -> bool:
        with self._lock:
            self.read()
            return hash(_key(event)) in self._known

    def read(self) -> None:
        """Take in what was added, by other processes too."""
        with contextlib.suppress(FileNotFoundError), open_regular(self.path) as file:
            now = os.fstat(file.fileno())
            if now.st_ino != self._file or now.st_size < self._end:
                self._known, self._file, self._end = set(), now.st_ino, 0
            file.seek(self._end)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._end += len(line)
                # Ignore lines that vadkit did not write.
                with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
                    self._known.add(hash(_key(json.loads(line))))
            return
        self._known, self._end = set(), 0


@functools.cache
def _log_at(path: Path) -> _Log:
    """One for all sinks of this process, which has one for each video."""
    return _Log(path)


def _storable(value: Any) -> Any:
    """SQLite takes no bytes of file names that are not UTF-8."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _key(event: Mapping[str, Any]) -> tuple[object, ...]:
    """What tells lines apart; the last digits of a peak may differ from run to run."""
    peak = event["peak_score"]
    return event["id"], event["state"], event["end"], None if peak is None else f"{peak:.3g}"


class EventTable(EventSink):
    """SQLite file ``events.sqlite`` with a table ``events``, a row an event.

    A row is there from an event's beginning, with ``state`` "begun", and is completed when it is
    over. ``kind`` is "alarm", or "source-lost" and then "source-back" for an outage of a camera,
    whose peak and threshold are 0 and whose reason is in ``message``. ``snapshots`` keeps the
    peak's picture in it, as JPEG. An event has the same id whenever its file is scored again, so
    that it has one row. Several processes may write at once. A row that a killed ``watch`` left
    "begun" is "over" from the next start on; its ``end`` stays empty, because nobody knows it.
    """

    def __init__(self, out: Path, *, snapshots: bool = False) -> None:
        super().__init__(out)
        self.snapshots = snapshots
        self.path = out / "events.sqlite"

    def check(self) -> None:
        with self._table() as table:
            # Whoever wrote them is gone: one `watch` writes to a folder at a time.
            table.execute("UPDATE events SET state = 'over' WHERE state = 'begun'")

    def event(self, event: Event) -> None:
        row = event.to_dict()
        box = row.pop("region") or [None] * 4
        row |= dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
        row["snapshot"] = event.snapshot if self.snapshots else None
        if event.kind != "alarm":
            # Tables of earlier versions demand numbers here.
            row |= {"peak_time": event.start, "peak_score": 0.0, "threshold": 0.0}
        names = ", ".join(f'"{name}"' for name in row)
        with self._table() as table:
            table.execute(
                f"INSERT OR REPLACE INTO events ({names}) VALUES ({', '.join('?' * len(row))})",
                [_storable(value) for value in row.values()],
            )

    def close(self, result: VideoScores | None) -> Path | None:
        return self.path if self.path.exists() else None

    @contextlib.contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        """The file with its table as it must be, for one transaction.

        A connection for each event: they are rare, and come from any thread.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        if self.path.is_symlink():
            # In a folder of a stranger it may lead to any file of the user.
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(self.path))
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as table, table:
            columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
            table.execute(f"CREATE TABLE IF NOT EXISTS events ({columns})")
            there = {name for _, name, *_ in table.execute("PRAGMA table_info(events)")}
            for name in [one for one in _ADDED if one not in there]:
                try:
                    table.execute(f'ALTER TABLE events ADD COLUMN "{name}" {_COLUMNS[name]}')
                except sqlite3.OperationalError as error:
                    # Another process was first.
                    if "duplicate column" not in str(error):
                        raise
            yield table


class Snapshots(EventSink):
    """A folder ``events`` with ``<id>.jpg``, the peak's picture, and the clip ``<id>.mp4``.

    The picture is there as soon as an event begins, with its region framed where there is one
    (``box``), and that of the highest score when it is over, with the clip then (``clip``).
    """

    def __init__(self, out: Path, *, box: bool = True, clip: bool = True) -> None:
        super().__init__(out)
        self.box, self.clip = box, clip
        self.folder = out / "events"

    def check(self) -> None:
        probe = self.folder / ".probe"
        write_bytes(probe, b"")
        probe.unlink()

    def event(self, event: Event) -> None:
        if event.snapshot is not None:
            write_bytes(self.folder / f"{event.id}.jpg", self._picture(event))
        if self.clip and event.clip:
            write_clip(self.folder / f"{event.id}.mp4", event.clip)

    def close(self, result: VideoScores | None) -> Path | None:
        return self.folder if self.folder.is_dir() else None

    def _picture(self, event: Event) -> bytes:
        assert event.snapshot is not None
        if not self.box or event.region is None:
            return event.snapshot
        frame = picture(event.snapshot)
        left, top, right, bottom = event.region
        thick = max(1, round(frame.shape[1] / 320))
        cv2.rectangle(frame, (left, top), (right - 1, bottom - 1), _BOX_RGB, thick)
        return jpeg(frame)


def write_clip(path: Path, clip: tuple[ClipFrame, ...]) -> Path:
    """Write the frames of a clip as MP4, at their mean rate."""
    seconds = clip[-1].time - clip[0].time
    rate = (len(clip) - 1) / seconds if seconds > 0 else 10.0
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, rate) as video:
        for one in clip:
            video.write(picture(one.jpeg))
    return path
