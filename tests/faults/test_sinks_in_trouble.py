"""Sinks that fail for a while, for ever, or hang: what they miss comes later, or is named."""

from __future__ import annotations

import csv
import json
import logging
import math
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vadkit.errors import DataError
from vadkit.inference.alarms import AlarmRules, AlarmTracker, Event
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks import queue
from vadkit.inference.sinks.build import build_sinks, parse_sink
from vadkit.inference.sinks.every import EverySink
from vadkit.inference.sinks.outbox import Outbox, Refused
from vadkit.inference.sinks.queue import EventQueue
from vadkit.inference.sinks.sink import EventSink, SourceInfo

INFO = SourceInfo("gate", 10.0, (48, 64))
FRAME = np.zeros((48, 64, 3), np.uint8)
WEBHOOK = "type=webhook,url=http://127.0.0.1:9/x,secret_env=null"
EVENT = Event("gate-1", "gate", 1.0, None, 1.0, 6.0, 5.0)


def pairs(count, source="gate"):
    """Alarms as they begin and as they end."""
    for number in range(count):
        begun = replace(EVENT, id=f"{source}-{number:03d}", source=source, start=float(number))
        yield begun
        yield replace(begun, end=number + 0.5)


@pytest.fixture
def disk(small_disk):
    """A disk of 256 KiB, and a function that fills it and one that makes room again."""
    folder = small_disk(256)
    ballast = folder / "ballast"

    def fill():
        with ballast.open("ab", buffering=0) as file:
            for size in (4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    return folder, fill, lambda: ballast.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(EventQueue.__init__, "__kwdefaults__", FAST)


FAST = {"first_wait_s": 0.02, "longest_wait_s": 0.05}


def ids_of(out):
    with closing(sqlite3.connect(out / "events.sqlite")) as table:
        rows = table.execute("SELECT id, state FROM events ORDER BY id").fetchall()
    lines = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    return rows, [(line["id"], line["state"]) for line in lines]


def test_a_disk_that_is_full_for_a_while_loses_no_event(disk, caplog):
    out, fill, make_room = disk
    sinks = build_sinks([parse_sink(one) for one in ("sqlite", "type=events,begun=true")], out)
    sinks.check()
    sinks.open(INFO)
    events = list(pairs(18))
    for number, event in enumerate(events):
        if number == 4:
            time.sleep(0.2)
            fill()
        if number == 30:
            time.sleep(0.3)
            assert sinks.failing
            make_room()
        sinks.event(event)
    sinks.close(None)
    assert sinks.unwritten == [] and sinks.failed == {}
    rows, lines = ids_of(out)
    assert rows == [(f"gate-{number:03d}", "over") for number in range(18)]
    assert lines == [(event.id, "over" if event.over else "begun") for event in events]
    assert "sink 'sqlite' cannot write" in caplog.text and "writes again" in caplog.text
    # Once, however often it was tried.
    assert caplog.text.count("cannot write") == 2


def test_events_lost_to_a_full_disk_are_named(disk):
    out, fill, _ = disk
    sinks = build_sinks([parse_sink("sqlite"), parse_sink("events")], out)
    sinks.check()
    sinks.open(INFO)
    fill()
    for event in pairs(2):
        sinks.event(event)
    started = time.monotonic()
    sinks.close(None, 0.5)
    assert time.monotonic() - started < 3
    table, lines = sinks.unwritten
    assert table.sink == "sqlite" and lines.sink == "events"
    every = ("gate-000 (begun)", "gate-000 (over)", "gate-001 (begun)", "gate-001 (over)")
    assert table.events == every
    # Those that begin need no line, so that none is missing before the first that is over.
    assert lines.events == every[1:]
    assert "disk is full" in lines.reason
    assert sinks.failed.keys() == {"sqlite", "events"}


def test_csv_has_no_gap_after_a_full_disk_and_names_one_it_must_have(disk):
    out, fill, make_room = disk

    def frames(sink, first, last):
        for index in range(first, last):
            sink.frame(FrameScore(index, index / 10, FRAME, 0.5, math.nan))

    sinks = build_sinks([parse_sink("csv")], out)
    sinks.open(INFO)
    frames(sinks, 0, 100)
    fill()
    frames(sinks, 100, 400)
    make_room()
    frames(sinks, 400, 500)
    (path,) = sinks.close(None)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert [int(row[0]) for row in rows[1:]] == list(range(500))
    assert all(len(row) == 5 for row in rows)

    sinks.open(INFO)
    frames(sinks, 0, 100)
    fill()
    frames(sinks, 100, 400)
    sinks.close(None)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    kept = [int(row[0]) for row in rows[1:]]
    assert kept == list(range(len(kept))) and 100 <= len(kept) < 400
    (lost,) = sinks.unwritten
    assert f"frames {len(kept)} to 399 are missing" in lost.reason


class Broken(EventSink):
    """Fails as it is told to, then takes events."""

    def __init__(self, out, failures):
        super().__init__(out)
        self.failures, self.seen = list(failures), []

    def event(self, event):
        if self.failures:
            failure = self.failures.pop(0)
            if callable(failure):
                failure()
            else:
                raise failure
        self.seen.append(event)


@pytest.mark.parametrize(
    "failure", [OSError(28, "full"), SystemExit(3), RuntimeError("x"), MemoryError(), KeyError(1)]
)
def test_after_any_error_a_sink_gets_the_event_again_and_in_order(tmp_path, failure):
    broken, good = Broken(tmp_path, [failure] * 3), Broken(tmp_path, [])
    sinks = EverySink([("broken", broken), ("good", good)])
    events = list(pairs(5))
    for event in events:
        sinks.event(event)
    sinks.close(None)
    assert broken.seen == good.seen == events
    assert sinks.unwritten == []


def test_a_sink_that_hangs_blocks_no_other_and_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "_HANG_S", 0.3)
    release = threading.Event()
    hanging, good = Broken(tmp_path, [release.wait]), Broken(tmp_path, [])
    sinks = EverySink([("hanging", hanging), ("good", good)])
    sinks.open(INFO)
    started = time.monotonic()
    for event in pairs(50):
        sinks.event(event)
    assert time.monotonic() - started < 0.2
    sinks.close(None)
    assert time.monotonic() - started < 3
    release.set()
    assert len(good.seen) == 100
    (lost,) = sinks.unwritten
    assert lost.sink == "hanging" and len(lost.events) == 100
    assert lost.reason == "it did not answer in time"


def test_waiting_events_are_bounded_and_lost_ones_are_named(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(queue, "_MOST_EVENTS", 10)
    monkeypatch.setattr(queue, "_MOST_BYTES", 1000)
    sink = Broken(tmp_path, [OSError(28, "full")] * 10_000)
    waiting = EventQueue("slow", sink)
    events = [replace(event, snapshot=bytes(300)) for event in pairs(8)]
    with caplog.at_level(logging.ERROR):
        waiting.put(events[0])
        time.sleep(0.1)
        for event in events[1:]:
            waiting.put(event)
    left = waiting.finish(0.1)
    assert [event.id for event in left] == [event.id for event in events]
    assert sum(len(event.snapshot or b"") for event in left) <= 1000
    assert "loses its pictures" in caplog.text and "it misses event gate-007" in caplog.text


def test_repeated_events_have_one_line_and_reading_the_log_is_linear(tmp_path, monkeypatch):
    read = []
    loads = json.loads
    monkeypatch.setattr(json, "loads", lambda text: read.append(text) or loads(text))
    events = [event for event in pairs(300) if event.over]
    for _ in range(2):
        for event in events:
            # A new sink for each video, as `infer` makes them.
            (_, sink) = build_sinks([parse_sink("events")], tmp_path).sinks[0]
            sink.event(event)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert [loads(line)["id"] for line in lines] == [one.id for one in events]
    assert len(read) == 300
    # Another peak is another result, which nothing hides.
    sink.event(replace(events[0], peak_score=9.0))
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 301


def test_a_process_that_died_while_it_wrote_leaves_no_half_line(tmp_path):
    log = tmp_path / "events.jsonl"
    log.write_bytes(b'not ours\n{"id": "x"}\n[[[[\n{"id": "gate-000", "sta')
    (_, sink) = build_sinks([parse_sink("events")], tmp_path).sinks[0]
    sink.check()
    for event in pairs(1):
        sink.event(event)
    assert log.read_text().splitlines()[:3] == ["not ours", '{"id": "x"}', "[[[["]
    assert [json.loads(line)["id"] for line in log.read_text().splitlines()[3:]] == ["gate-000"]


def test_a_table_of_an_earlier_version_still_works(tmp_path):
    old = tmp_path / "events.sqlite"
    with closing(sqlite3.connect(old)) as table, table:
        table.execute(
            "CREATE TABLE events (id TEXT PRIMARY KEY, state TEXT NOT NULL, source TEXT NOT NULL, "
            'start REAL NOT NULL, "end" REAL, started_at TEXT, peak_time REAL NOT NULL, '
            "peak_score REAL NOT NULL, threshold REAL NOT NULL, x1 INTEGER, y1 INTEGER, "
            "x2 INTEGER, y2 INTEGER, part TEXT, snapshot BLOB)"
        )
        table.execute(
            "INSERT INTO events VALUES "
            "('old','over','gate',1,2,NULL,1,6,5,NULL,NULL,NULL,NULL,NULL,NULL)"
        )
    (_, sink) = build_sinks([parse_sink("sqlite")], tmp_path).sinks[0]
    lost = replace(
        EVENT, id="lost", kind="source-lost", message="gone", peak_time=None, peak_score=None,
        threshold=None,
    )  # fmt: skip
    sink.event(EVENT)
    sink.event(lost)
    sink.event(replace(lost, kind="source-back", end=9.0))
    with closing(sqlite3.connect(old)) as table:
        rows = table.execute('SELECT id, kind, state, "end", message FROM events ORDER BY id')
        assert rows.fetchall() == [
            ("gate-1", "alarm", "begun", None, ""),
            ("lost", "source-back", "over", 9.0, "gone"),
            ("old", "alarm", "over", 2.0, ""),
        ]


@pytest.mark.parametrize("spec", ["events", "sqlite", "snapshots", WEBHOOK])
def test_an_output_that_cannot_be_written_is_reported_before_the_first_frame(tmp_path, spec):
    name = {"events": "events.jsonl", "sqlite": "events.sqlite", "snapshots": "events"}
    path = tmp_path / name.get(spec, "webhook")
    path.mkdir() if path.suffix else path.write_text("a file")
    with pytest.raises(DataError, match="cannot write: ") as caught:
        build_sinks([parse_sink(spec)], tmp_path).check()
    assert "\n" not in str(caught.value)


NAMES = st.text(
    st.one_of(st.sampled_from("/\\\0\n\r\x1b.-_ +#é日\udcff\u202e[]:"), st.characters()),
    max_size=300,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_any_name_works_with_every_sink(names, tmp_path, monkeypatch):
    # What is put in is looked at; nobody is there to deliver it to.
    monkeypatch.setattr(Outbox, "start", lambda self: None)
    monkeypatch.setattr(Outbox, "flush", lambda self, seconds: False)
    shutil.rmtree(tmp_path)
    specs = ["events", "sqlite", "snapshots", "csv"]
    specs += [WEBHOOK, "type=mqtt,host=127.0.0.1"]
    ids = []
    for name in names:
        sinks = build_sinks([parse_sink(spec) for spec in specs], tmp_path)
        sinks.open(replace(INFO, name=name))
        sinks.frame(FrameScore(0, 0.0, FRAME, 1.0, 1.0))
        alarms = AlarmTracker(AlarmRules(5, 5), source=name)
        alarms.push(1.0, 6.0)
        (event,) = alarms.finish()
        assert event.id.isascii() and event.id.isprintable() and len(event.id) < 120
        sinks.event(replace(event, snapshot=None))
        sinks.close(None, 0.5)
        assert sinks.failed == {} and sinks.unwritten == []
        ids.append(event.id)
    assert len(set(ids)) == 2
    rows, lines = ids_of(tmp_path)
    assert sorted(id for id, _ in rows) == sorted(ids) == sorted(id for id, _ in lines)
    told = (tmp_path / "events.jsonl").read_text().splitlines()
    written = [json.loads(line)["source"] for line in told]
    assert written == names
    for kind in ("webhook", "mqtt"):
        assert len(list((tmp_path / kind).glob("*.msg"))) == 2


def test_damaged_messages_are_moved_and_named(tmp_path, wait_for, caplog):
    box, got = tmp_path / "box", []
    box.mkdir()
    (box / "00000000000000000001-1.msg").write_bytes(b"")
    (box / "00000000000000000002-1.msg").write_bytes(b"no end of the id")
    (box / "00000000000000000003-1.msg").write_bytes(b"\xff\xfe\n{}")
    (box / "00000000000000000004-1.msg").write_bytes(b"good\n{}")

    def deliver(id, body):
        if id == "worse":
            raise UnicodeEncodeError("latin-1", "x", 0, 1, "cannot be sent")
        if id == "worst":
            raise Refused("no")
        got.append(id)

    outbox = Outbox(box, deliver, name="x", **FAST)
    for id in ("worse", "worst", "last"):
        outbox.put(id, b"{}")
    wait_for(lambda: not outbox.waiting())
    wait_for(lambda: got == ["good", "last"])
    refused = sorted(path.name for path in (box / "refused").iterdir())
    assert len(refused) == 5
    assert all(name in caplog.text for name in refused)


def test_order_survives_a_clock_that_runs_back(tmp_path, monkeypatch, wait_for):
    got, dead = [], True

    def deliver(id, body):
        if dead:
            raise ConnectionError
        got.append(id)

    first = Outbox(tmp_path, deliver, name="x", **FAST)
    first.put("1", b"")
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    first.put("2", b"")
    # Another one of the same process, and one after a restart.
    Outbox(tmp_path, deliver, name="x", **FAST).put("3", b"")
    dead = False
    wait_for(lambda: got == ["1", "2", "3"])


def test_an_outbox_whose_folder_is_deleted_accepts_new_messages(tmp_path, wait_for, capfd):
    got, dead = [], True

    def deliver(id, body):
        if dead:
            raise ConnectionError("dead")
        got.append(id)

    box = Outbox(tmp_path / "box", deliver, name="x", **FAST)
    box.put("1", b"")
    wait_for(lambda: box.trouble is not None)
    shutil.rmtree(tmp_path / "box")
    time.sleep(0.2)
    dead = False
    box.put("2", b"")
    wait_for(lambda: got == ["2"])
    assert "Traceback" not in capfd.readouterr().err


@pytest.fixture
def wait_for():
    def wait(true):
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    return wait
