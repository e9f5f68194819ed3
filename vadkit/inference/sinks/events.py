"""Write events as lines, as rows, or as pictures and clips."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from vadkit.files import append_line, open_regular, open_to_append, write_bytes
from vadkit.inference.alarms import Event
from vadkit.inference.clip_ring import ClipFrame, jpeg, picture
from vadkit.inference.sinks.sink import EventSink, VideoScores
from vadkit.inference.store.store import EventStore
from vadkit.reports.marks import draw_boxes, with_caption
from vadkit.reports.video_writer import VideoWriter


class EventLines(EventSink):
    """Appends a JSON line to ``events.jsonl`` for every event that is over.

    With ``begun``, there is also a line when an event begins; ``state`` distinguishes the two. An
    outage of a camera always has a line when it begins. If a file is scored again, its events get
    no second line unless their end or peak has changed.
    """

    shows_events: ClassVar[bool] = False

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
    """The content of a file of events; each of its lines is read once."""

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
        """Read the lines that this or another process has added."""
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
    """Return the log of a path, shared by all sinks of this process (there is one per video)."""
    return _Log(path)


def _key(event: Mapping[str, Any]) -> tuple[object, ...]:
    """Identify a line; the last digits of a peak may differ between runs."""
    peak = event["peak_score"]
    return event["id"], event["state"], event["end"], None if peak is None else f"{peak:.3g}"


class EventTable(EventSink):
    """SQLite file ``events.sqlite`` with a table ``events``, one row per event (docs/events.md).

    A row is written when an event begins, with ``state`` "begun", and completed when it is over.
    ``kind`` is "alarm"; for an outage of a camera it is "source-lost" and then "source-back", with
    the reason in ``message`` and 0 as peak and threshold. With ``snapshots``, the row contains the
    picture of the peak as JPEG. If a file is scored again, an event has the same id, so it keeps
    one row. Several processes may write at once. If ``watch`` was killed, the next start changes
    its rows from "begun" to "over"; their ``end`` stays empty, because it is unknown.
    """

    def __init__(self, out: Path, *, snapshots: bool = False) -> None:
        super().__init__(out)
        self.snapshots = snapshots
        self.store = EventStore(out)

    def check(self) -> None:
        # Their writer has ended, because only one `watch` at a time writes to a folder.
        self.store.end_open()

    def event(self, event: Event) -> None:
        self.store.put(event.to_dict(), event.snapshot if self.snapshots else None)

    def close(self, result: VideoScores | None) -> Path | None:
        return self.store.path if self.store.path.exists() else None


class Snapshots(EventSink):
    """A folder ``events`` with the picture of the peak, ``<id>.jpg``, and the clip, ``<id>.mp4``.

    The first picture is written when an event begins. With ``box``, there are boxes around what
    causes the event, and the reasons below the picture, if they are known. When the event is over,
    the picture of the highest score replaces it, and the clip is written (``clip``).
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
        if not self.box or not event.boxes:
            return event.snapshot
        frame = picture(event.snapshot)
        high, wide = frame.shape[:2]
        boxes = [
            (x1 / wide, y1 / high, x2 / wide, y2 / high) for (x1, y1, x2, y2), *_ in event.boxes
        ]
        return jpeg(with_caption(draw_boxes(frame, boxes), event.reasons))


def write_clip(path: Path, clip: tuple[ClipFrame, ...]) -> Path:
    """Write the frames of a clip as MP4, each at its time."""
    seconds = clip[-1].time - clip[0].time
    rate = (len(clip) - 1) / seconds if seconds > 0 else 10.0
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, rate) as video:
        for one in clip:
            video.write(picture(one.jpeg), one.time - clip[0].time)
    return path
