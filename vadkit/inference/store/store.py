"""Write, find and remove the events of a folder."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vadkit.errors import DataError
from vadkit.files import describe_os_error
from vadkit.inference.store.records import LINES, checked_record, new_lines
from vadkit.inference.store.schema import FILE, connect, migrate, transaction, unix_time, use_wal
from vadkit.text import printable


@dataclass(frozen=True)
class Wanted:
    """Which events are asked for; None and empty are all.

    ``since`` and ``until`` are Unix times. Without ``kinds``, outages of cameras are left out.
    """

    cameras: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None

    def condition(self) -> tuple[str, list[Any]]:
        """Return the condition in SQL with its values."""
        said: list[str] = ["1"]
        values: list[Any] = []
        for name, chosen in (("source", self.cameras), ("part", self.parts), ("kind", self.kinds)):
            if chosen:
                said.append(f"{name} IN ({', '.join('?' * len(chosen))})")
                values += list(chosen)
        if not self.kinds:
            said.append("kind NOT LIKE 'source-%'")
        for sign, limit in ((">=", self.since), ("<", self.until)):
            if limit is not None:
                said.append(f"at {sign} ?")
                values.append(limit)
        return " AND ".join(said), values

    def has(self, record: Mapping[str, Any]) -> bool:
        """Whether a record meets the condition."""
        at = unix_time(record)
        limits = (self.since, self.until)
        return (
            (not self.cameras or record["source"] in self.cameras)
            and (not self.parts or record["part"] in self.parts)
            and (record["kind"] in self.kinds if self.kinds else not _is_outage(record["kind"]))
            and (limits == (None, None) or (at is not None and self._in_time(at)))
        )

    def _in_time(self, at: float) -> bool:
        since, until = self.since, self.until
        return (since is None or at >= since) and (until is None or at < until)


def _is_outage(kind: str) -> bool:
    return kind.startswith("source-")


class EventStore:
    """The events of a folder, in ``events.sqlite``; several processes may use it at once.

    Each call opens the file anew: events are rare, and come from any thread. When a call returns,
    what it wrote is on the disk. Lines of ``events.jsonl`` become rows of the store when it is
    read, each once. ``wal`` lets others read while a process writes, and is kept in the file.
    """

    def __init__(self, folder: Path, *, wal: bool = False) -> None:
        self.folder = folder
        self.path = folder / FILE
        self._wal = wal

    def put(self, record: Mapping[str, Any], snapshot: bytes | None = None) -> None:
        """Write an event, or replace it if it is known."""
        with self._table() as table:
            _put(table, record, snapshot)

    def end_open(self) -> None:
        """Mark events without an end as over: the process that followed them has ended."""
        with self._table() as table:
            table.execute("UPDATE events SET state = 'over' WHERE state = 'begun'")

    def watched_by(self, run: Path, cameras: Sequence[str]) -> None:
        """Keep which run watches these cameras."""
        with self._table() as table:
            rows = [(_storable(name), str(run.absolute())) for name in cameras]
            table.executemany("INSERT OR REPLACE INTO cameras VALUES (?, ?)", rows)

    def runs(self) -> dict[str, Path]:
        """Return the run that watched each camera last."""
        with self._read() as table:
            return {name: Path(run) for name, run in table.execute("SELECT * FROM cameras")}

    def find(self, wanted: Wanted | None = None, newest: int | None = None) -> list[dict[str, Any]]:
        """Return the records of events in order of their start, only the last ``newest`` ones."""
        said, values = (wanted or Wanted()).condition()
        limit = "" if newest is None else f" LIMIT {newest}"
        order = "coalesce(at, 0) DESC, source DESC, start DESC, rowid DESC"
        with self._read() as table:
            rows = table.execute(
                f"SELECT record, state FROM events WHERE {said} ORDER BY {order}{limit}", values
            ).fetchall()
        found = []
        for text, state in reversed(rows):
            with contextlib.suppress(ValueError, TypeError, RecursionError):
                found.append({**checked_record(json.loads(text)), "state": state})
        return found

    def has(self, id: str) -> bool:
        """Whether there is an event of this id."""
        with self._read() as table:
            return table.execute("SELECT 1 FROM events WHERE id = ?", [id]).fetchone() is not None

    def ages(self) -> list[tuple[str, float]]:
        """Return the ids of all events, the oldest first, with the Unix times of their age."""
        with self._read() as table:
            found = table.execute(
                "SELECT id, coalesce(at, written) AS age FROM events ORDER BY age"
            )
            return list(found.fetchall())

    def remove(self, ids: Sequence[str]) -> None:
        """Remove events; files beside the store stay."""
        with self._table() as table:
            table.executemany("DELETE FROM events WHERE id = ?", [(id,) for id in ids])

    def import_lines(self) -> None:
        """Read the lines of ``events.jsonl`` that are not in the store yet."""
        with self._table() as table:
            _import(table, self.folder / LINES)

    @contextlib.contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        """Provide the file for one transaction."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(connect(self.path)) as table:
            if self._wal:
                use_wal(table, self.path)
            with transaction(table):
                yield table

    @contextlib.contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """Provide the events for reading, with new lines imported.

        In a folder that cannot be written, from a copy in memory. Raises ``DataError`` if they
        cannot be read.
        """
        try:
            with contextlib.closing(self._opened()) as table:
                yield table
        except OSError as error:
            raise DataError(f"events cannot be read: {describe_os_error(error)}") from None
        except sqlite3.Error as error:
            raise DataError(
                f"{printable(str(self.path))} cannot be read ({error}); if it is damaged, move it "
                f"away: the events of {LINES} are imported anew"
            ) from None

    def _opened(self) -> sqlite3.Connection:
        if not self.path.exists() and not (self.folder / LINES).exists():
            return _in_memory(None)
        try:
            table = connect(self.path)
        except (OSError, sqlite3.OperationalError) as error:
            if self.path.is_symlink() or "locked" in str(error):
                raise
            return _copy_of(self.path, self.folder / LINES)
        try:
            if _is_new(table, self.folder / LINES):
                with transaction(table):
                    _import(table, self.folder / LINES)
            return table
        except sqlite3.OperationalError as error:
            table.close()
            if "locked" in str(error):
                raise
            return _copy_of(self.path, self.folder / LINES)
        except BaseException:
            table.close()
            raise


def _put(table: sqlite3.Connection, record: Mapping[str, Any], snapshot: bytes | None) -> None:
    row = {name: record.get(name) for name in ("id", "state", "source", "start", "end")}
    row |= {name: record.get(name) for name in ("started_at", "part")}
    row |= {name: record.get(name) or "" for name in ("message", "sure")}
    row["kind"] = record.get("kind", "alarm")
    box = record.get("region") or [None] * 4
    row |= dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
    for name in ("boxes", "reasons"):
        row[name] = json.dumps(record.get(name) or [], allow_nan=False)
    # Tables of earlier versions require numbers here.
    row["peak_time"] = _number(record.get("peak_time"), record["start"])
    row["peak_score"] = _number(record.get("peak_score"), 0.0)
    row["threshold"] = _number(record.get("threshold"), 0.0)
    row |= {"snapshot": snapshot, "at": unix_time(record), "written": time.time()}
    row["record"] = json.dumps(dict(record), allow_nan=False)
    names = [f'"{name}"' for name in row]
    kept = ("snapshot", "written")
    changes = [f"{name} = excluded.{name}" for name in names if name.strip('"') not in kept]
    changes.append("snapshot = coalesce(excluded.snapshot, snapshot)")
    table.execute(
        f"INSERT INTO events ({', '.join(names)}) VALUES ({', '.join('?' * len(row))}) "
        f"ON CONFLICT (id) DO UPDATE SET {', '.join(changes)}",
        [_storable(value) for value in row.values()],
    )


def _number(value: Any, other: float) -> float:
    return float(other if value is None else value)


def _storable(value: Any) -> Any:
    """Escape bytes of file names that are not UTF-8, which SQLite rejects."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _imported(table: sqlite3.Connection, path: Path) -> tuple[int, int]:
    row = table.execute("SELECT inode, bytes FROM imported WHERE file = ?", [path.name]).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def _is_new(table: sqlite3.Connection, path: Path) -> bool:
    """Whether a file may have lines that are not in the store."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (now.st_ino, now.st_size) != _imported(table, path)


def _import(table: sqlite3.Connection, path: Path) -> None:
    inode, end = before = _imported(table, path)
    for record, inode, end in new_lines(path, *before):  # noqa: B007
        if record["state"] == "begun":
            known = "SELECT 1 FROM events WHERE id = ?"
            if table.execute(known, [record["id"]]).fetchone() is not None:
                # What the store knows is not older.
                continue
        _put(table, record, None)
    if (inode, end) != before:
        values = [path.name, inode, end]
        table.execute("INSERT OR REPLACE INTO imported VALUES (?, ?, ?)", values)


def _in_memory(path: Path | None) -> sqlite3.Connection:
    """Return a copy of a file of events in memory, of this version; None gives an empty one."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    if path is not None and path.exists():
        # SQLite writes beside a file with a write-ahead log, even to read it.
        shared = Path("/dev/shm")
        with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
            for ending in ("", "-wal"):
                if Path(f"{path}{ending}").exists():
                    shutil.copyfile(f"{path}{ending}", Path(folder) / f"{FILE}{ending}")
            with contextlib.closing(sqlite3.connect(Path(folder) / FILE)) as source:
                source.backup(copy)
    migrate(copy, path or Path(FILE))
    return copy


def _copy_of(path: Path, lines: Path) -> sqlite3.Connection:
    copy = _in_memory(path)
    with transaction(copy):
        _import(copy, lines)
    return copy
