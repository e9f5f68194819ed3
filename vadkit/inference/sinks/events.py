"""Write events: a line each, a row each, or their pictures and clips."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import cv2

from vadkit.files import append_line, write_bytes
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
}
_BOX_RGB = (228, 87, 46)


class EventLines(EventSink):
    """Appends to ``events.jsonl`` a JSON line for every event that is over.

    With ``begun`` there is one as it begins as well; ``state`` tells them apart.
    """

    def __init__(self, out: Path, *, begun: bool = False) -> None:
        super().__init__(out)
        self.begun = begun
        self.path = out / "events.jsonl"

    def event(self, event: Event) -> None:
        if event.over or self.begun:
            append_line(self.path, json.dumps(event.to_dict(), allow_nan=False))

    def close(self, result: VideoScores | None) -> Path | None:
        return self.path if self.path.exists() else None


class EventTable(EventSink):
    """SQLite file ``events.sqlite`` with a table ``events``, a row an event.

    A row is there from an event's beginning, with ``state`` "begun", and is completed when it is
    over. ``snapshots`` keeps the peak's picture in it, as JPEG. An event has the same id whenever
    its file is scored again, so that it has one row. Several processes may write at once.
    """

    def __init__(self, out: Path, *, snapshots: bool = False) -> None:
        super().__init__(out)
        self.snapshots = snapshots
        self.path = out / "events.sqlite"

    def event(self, event: Event) -> None:
        row = event.to_dict()
        box = row.pop("region") or [None] * 4
        row |= dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
        row["snapshot"] = event.snapshot if self.snapshots else None
        self.out.mkdir(parents=True, exist_ok=True)
        names = ", ".join(f'"{name}"' for name in row)
        # A connection for each event: they are rare, and come from any thread.
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as table, table:
            columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
            table.execute(f"CREATE TABLE IF NOT EXISTS events ({columns}, snapshot BLOB)")
            table.execute(
                f"INSERT OR REPLACE INTO events ({names}) VALUES ({', '.join('?' * len(row))})",
                list(row.values()),
            )

    def close(self, result: VideoScores | None) -> Path | None:
        return self.path if self.path.exists() else None


class Snapshots(EventSink):
    """A folder ``events`` with ``<id>.jpg``, the peak's picture, and the clip ``<id>.mp4``.

    The picture is there as soon as an event begins, with its region framed where there is one
    (``box``), and that of the highest score when it is over, with the clip then (``clip``).
    """

    def __init__(self, out: Path, *, box: bool = True, clip: bool = True) -> None:
        super().__init__(out)
        self.box, self.clip = box, clip
        self.folder = out / "events"

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
