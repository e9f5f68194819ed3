"""The schema of ``events.sqlite``, and its migrations from earlier versions."""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vadkit.errors import DataError

FILE = "events.sqlite"
VERSION = 2
# Seconds to wait for another process that writes.
_PATIENCE_S = 30.0
_NETWORK = ("nfs", "cifs", "smb", "9p", "ceph", "lustre", "gluster", "gpfs", "fuse.sshfs", "afs")

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
    "boxes": "TEXT NOT NULL DEFAULT '[]'",
    "reasons": "TEXT NOT NULL DEFAULT '[]'",
    "sure": "TEXT NOT NULL DEFAULT ''",
    # Since version 2: Unix times of the start (NULL if unknown) and of writing, and the whole
    # record as JSON.
    "at": "REAL",
    "written": "REAL NOT NULL DEFAULT 0",
    "record": "TEXT",
}
_SINCE_2 = ("at", "written", "record")
_TABLES_OF_2 = (
    "CREATE INDEX IF NOT EXISTS events_at ON events (at)",
    # How much of a file of lines has been read into the table.
    "CREATE TABLE IF NOT EXISTS imported (file TEXT PRIMARY KEY, inode INTEGER, bytes INTEGER)",
    # The run that watched a camera last, where answers about its events belong.
    "CREATE TABLE IF NOT EXISTS cameras (name TEXT PRIMARY KEY, run TEXT NOT NULL)",
)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file of events, creating or migrating it; transactions are explicit.

    Raises ``OSError`` for a link, ``sqlite3.Error`` if the file cannot be written, and
    ``DataError`` if a later version of vadkit wrote it.
    """
    for ending in ("", "-wal", "-shm", "-journal"):
        if Path(f"{path}{ending}").is_symlink():
            # In an untrusted folder, it may point to any file of the user.
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), f"{path}{ending}")
    table = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)
    try:
        table.execute("PRAGMA synchronous = FULL")
        migrate(table, path)
    except BaseException:
        table.close()
        raise
    return table


def use_wal(table: sqlite3.Connection, path: Path) -> None:
    """Let readers and the writer work at once from now on.

    Not on a network disk: a write-ahead log works only among processes of one machine.
    """
    if not is_network_disk(path.parent):
        with contextlib.suppress(sqlite3.OperationalError):
            table.execute("PRAGMA journal_mode = WAL").fetchone()


def is_network_disk(folder: Path) -> bool:
    """Whether a folder is on a disk of another machine, as far as the system tells."""
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return False
    place, found = folder.resolve(), ("", "")
    for line in mounts:
        _, mounted, kind, *_ = [*line.split(), "", "", ""]
        mounted = mounted.replace("\\040", " ")
        if place.is_relative_to(mounted or "/") and len(mounted) >= len(found[0]):
            found = (mounted, kind)
    return found[1].startswith(_NETWORK)


@contextlib.contextmanager
def transaction(table: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All changes inside this context are on the disk at its end, or none is."""
    table.execute("BEGIN IMMEDIATE")
    try:
        yield table
    except BaseException:
        table.execute("ROLLBACK") if table.in_transaction else None
        raise
    table.execute("COMMIT")


def migrate(table: sqlite3.Connection, path: Path) -> None:
    """Bring a table of an earlier version, or an empty file, to this version."""
    if _version(table) == VERSION:
        return
    with transaction(table):
        # Another process may have been first.
        version = _version(table)
        if version > VERSION:
            raise DataError(
                f"{path} was written by a later version of vadkit (schema {version}; this one "
                f"knows up to {VERSION}); update vadkit"
            )
        if version < 1:
            columns = ", ".join(
                f'"{name}" {kind}' for name, kind in _COLUMNS.items() if name not in _SINCE_2
            )
            table.execute(f"CREATE TABLE IF NOT EXISTS events ({columns})")
        if version < 2:
            existing = {name for _, name, *_ in table.execute("PRAGMA table_info(events)")}
            for name in [one for one in _COLUMNS if one not in existing]:
                table.execute(f'ALTER TABLE events ADD COLUMN "{name}" {_COLUMNS[name]}')
            for text in _TABLES_OF_2:
                table.execute(text)
            _fill_records(table)
            table.execute(f"PRAGMA user_version = {VERSION}")


def _version(table: sqlite3.Connection) -> int:
    (version,) = table.execute("PRAGMA user_version").fetchone()
    return int(version)


def _fill_records(table: sqlite3.Connection) -> None:
    """Write the record and the time of rows of earlier versions."""
    names = [name for name in _COLUMNS if name not in (*_SINCE_2, "snapshot")]
    wanted = ", ".join(f'"{name}"' for name in names)
    for values in table.execute(f"SELECT {wanted} FROM events WHERE record IS NULL").fetchall():
        row = dict(zip(names, values, strict=True))
        box = [row.pop(name) for name in ("x1", "y1", "x2", "y2")]
        row["region"] = None if None in box else box
        for name in ("boxes", "reasons"):
            try:
                row[name] = json.loads(row[name])
            except ValueError:
                row[name] = []
        if row["kind"] != "alarm":
            row |= {"peak_time": None, "peak_score": None, "threshold": None}
        table.execute(
            "UPDATE events SET record = ?, at = ? WHERE id = ?",
            [json.dumps(row), unix_time(row), row["id"]],
        )


def unix_time(record: Mapping[str, Any]) -> float | None:
    """Return the Unix time at which an event started, None if it is unknown."""
    try:
        return datetime.datetime.fromisoformat(record["started_at"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
