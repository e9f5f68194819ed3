"""The store of events: migrations, import of lines, what is found, and what is removed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vadkit.errors import DataError
from vadkit.inference.store.keep import Keeper, prune
from vadkit.inference.store.schema import FILE, VERSION, unix_time
from vadkit.inference.store.store import EventStore, Wanted
from vadkit.recipe import Keep

DAY = 86400.0


def record(id, day=1, **more):
    times = {"start": 1.0, "end": 3.0, "started_at": f"2026-11-{day:02}T10:00:00.000Z"}
    peak = {"peak_time": 2.0, "peak_score": 7.0, "threshold": 5.0, "region": [1, 2, 30, 40]}
    return {"id": id, "kind": "alarm", "state": "over", "source": "gate", **times, **peak, **more}


def ids(found):
    return [one["id"] for one in found]


def media(folder, id, size=1000):
    (folder / "events").mkdir(exist_ok=True)
    for ending in ("jpg", "mp4"):
        (folder / "events" / f"{id}.{ending}").write_bytes(bytes(size))


def test_a_folder_without_events_stays_empty(tmp_path):
    assert EventStore(tmp_path).find() == []
    assert list(tmp_path.iterdir()) == []


def test_events_are_filtered_by_camera_part_kind_and_time(tmp_path):
    store = EventStore(tmp_path, wal=True)
    store.put(record("a", 1, part="speed"))
    store.put(record("b", 2, source="yard", part="place"))
    store.put(record("c", 3, kind="camera-moved", peak_score=None))
    store.put(record("d", 4, kind="source-lost", peak_score=None))
    assert ids(store.find()) == ["a", "b", "c"]
    assert ids(store.find(newest=1)) == ["c"]
    assert ids(store.find(Wanted(cameras=("yard",)))) == ["b"]
    assert ids(store.find(Wanted(parts=("speed",)))) == ["a"]
    assert ids(store.find(Wanted(kinds=("source-lost", "alarm")))) == ["a", "b", "d"]
    second, third = (unix_time(record("x", day)) for day in (2, 3))
    assert ids(store.find(Wanted(since=second, until=third))) == ["b"]
    with closing(sqlite3.connect(tmp_path / FILE)) as table:
        assert table.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_lines_of_earlier_versions_are_imported_once(tmp_path):
    lines = tmp_path / "events.jsonl"
    began = record("a", state="begun", end=None)
    lines.write_text("".join(json.dumps(one) + "\n" for one in (began, record("a"), record("b"))))
    store = EventStore(tmp_path)
    assert [(one["id"], one["state"]) for one in store.find()] == [("a", "over"), ("b", "over")]
    store.remove(["a"])
    with lines.open("a") as file:
        file.write(json.dumps(record("c")) + "\n" + '{"half')
    # What was removed does not come back; only the new line is read.
    assert ids(store.find()) == ["b", "c"]
    lines.unlink()
    assert ids(store.find()) == ["b", "c"]


def test_a_table_of_the_first_version_is_migrated_with_its_rows(tmp_path):
    with closing(sqlite3.connect(tmp_path / FILE)) as table, table:
        table.execute(
            "CREATE TABLE events (id TEXT PRIMARY KEY, state TEXT NOT NULL, source TEXT NOT NULL, "
            "start REAL NOT NULL, end REAL, started_at TEXT, peak_time REAL NOT NULL, peak_score "
            "REAL NOT NULL, threshold REAL NOT NULL, x1 INTEGER, y1 INTEGER, x2 INTEGER, "
            "y2 INTEGER, part TEXT, snapshot BLOB)"
        )
        row = (
            "old",
            "over",
            "gate",
            1,
            2,
            "2026-11-01T10:00:00Z",
            1.5,
            7,
            5,
            1,
            2,
            3,
            4,
            None,
            b"x",
        )
        table.execute(f"INSERT INTO events VALUES ({', '.join('?' * len(row))})", row)
    (found,) = EventStore(tmp_path).find(Wanted(since=0))
    assert (found["id"], found["region"], found["peak_score"]) == ("old", [1, 2, 3, 4], 7)
    with closing(sqlite3.connect(tmp_path / FILE)) as table:
        assert table.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert table.execute("SELECT snapshot FROM events").fetchone() == (b"x",)


def test_a_later_schema_and_a_damaged_file_are_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / FILE)) as table, table:
        table.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(DataError, match="later version of vadkit"):
        EventStore(tmp_path).find()
    (tmp_path / FILE).write_bytes(b"nothing like a database, but long enough" * 100)
    with pytest.raises(DataError, match=r"cannot be read .*imported anew"):
        EventStore(tmp_path).find()


def test_a_folder_that_cannot_be_written_is_read(tmp_path, monkeypatch):
    EventStore(tmp_path, wal=True).put(record("a"))
    (tmp_path / "events.jsonl").write_text(json.dumps(record("b", 2)) + "\n")

    def refused(path):
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr("vadkit.inference.store.store.connect", refused)
    assert ids(EventStore(tmp_path).find()) == ["a", "b"]


def test_events_of_several_threads_and_their_readers(tmp_path):
    store = EventStore(tmp_path, wal=True)

    def write(name):
        for number in range(10):
            store.put(record(f"{name}-{number}"))
            assert store.find()

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(store.find()) == 30


def test_nothing_that_was_written_is_lost_by_a_kill(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from vadkit.inference.store.store import EventStore\n"
        "store = EventStore(Path(sys.argv[1]), wal=True)\n"
        "for n in range(10**6):\n"
        "    store.put({'id': f'e-{n}', 'state': 'over', 'source': 'x', 'start': n})\n"
        "    print(n, flush=True)\n"
    )
    for _ in range(2):
        command = [sys.executable, "-c", code, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                if int(line) >= 20:
                    break
            process.kill()
            left = process.stdout.read().split()
        last = int(left[-1]) if left else 20
        assert {f"e-{n}" for n in range(last + 1)} <= set(ids(EventStore(tmp_path).find()))


def test_age_removes_old_events_with_their_files_but_not_answered_ones(tmp_path):
    store = EventStore(tmp_path)
    for day in (1, 2, 20):
        store.put(record(f"e-{day}", day))
        media(tmp_path, f"e-{day}")
    now = unix_time(record("x", 21))
    dry = prune(tmp_path, Keep(days=10, gib=None), {"e-2"}, now=now, dry=True)
    assert (dry.events, dry.bytes, dry.left) == (("e-1",), 2000, 4000)
    assert len(store.find()) == 3
    assert prune(tmp_path, Keep(days=10, gib=None), {"e-2"}, now=now).events == ("e-1",)
    assert ids(store.find()) == ["e-2", "e-20"]
    assert (
        sorted(path.stem for path in (tmp_path / "events").iterdir()) == ["e-2"] * 2 + ["e-20"] * 2
    )


def test_files_of_unknown_events_count_and_other_files_and_links_stay(tmp_path):
    media(tmp_path, "unknown")
    outside = tmp_path / "precious.mp4"
    outside.write_bytes(b"x")
    (tmp_path / "events" / "linked.mp4").symlink_to(outside)
    (tmp_path / "events" / "notes.txt").write_text("mine")
    old = time.time() - 100 * DAY
    os.utime(tmp_path / "events" / "unknown.jpg", (old, old))
    os.utime(tmp_path / "events" / "unknown.mp4", (old, old))
    assert prune(tmp_path, Keep(days=10)).events == ("unknown",)
    assert sorted(path.name for path in (tmp_path / "events").iterdir()) == [
        "linked.mp4",
        "notes.txt",
    ]
    assert outside.exists()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=8),
    most=st.integers(1, 12_000),
    answered=st.sets(st.integers(1, 8)),
)
def test_size_removes_the_oldest_and_no_more_than_needed(tmp_path_factory, sizes, most, answered):
    folder = tmp_path_factory.mktemp("sizes")
    store = EventStore(folder)
    for day, size in enumerate(sizes, start=1):
        store.put(record(f"e-{day}", day))
        media(folder, f"e-{day}", size)
    spared = {f"e-{day}" for day in answered}
    removed = prune(folder, Keep(days=None, gib=most / (1 << 30)), spared, now=0.0)
    left = sum(path.stat().st_size for path in (folder / "events").iterdir())
    assert left == removed.left <= max(most, 0)
    order = sorted(range(1, len(sizes) + 1), key=lambda day: (f"e-{day}" in spared, day))
    expected, total = [], 2 * sum(sizes)
    for day in order:
        if total > most and sizes[day - 1]:
            expected.append(f"e-{day}")
            total -= 2 * sizes[day - 1]
    assert list(removed.events) == expected


def test_a_keeper_works_in_the_background_and_survives_a_failure(tmp_path, caplog):
    EventStore(tmp_path).put(record("old", 1))

    def unreadable():
        raise OSError(5, "no luck")

    Keeper(tmp_path, Keep(days=1), unreadable).run()
    assert "old events cannot be removed" in caplog.text
    keeper = Keeper(tmp_path, Keep(days=1), set)
    keeper.tick()
    end = time.monotonic() + 10
    while EventStore(tmp_path).find() and time.monotonic() < end:
        time.sleep(0.01)
    assert EventStore(tmp_path).find() == []
