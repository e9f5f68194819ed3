"""Sinks of events on disk, sinks side by side, and their spelling on the command line."""

from __future__ import annotations

import csv
import json
import logging
import math
import sqlite3
from contextlib import closing
from dataclasses import replace

import av
import numpy as np
import pytest

from vadkit.errors import RecipeError
from vadkit.files import partial_path
from vadkit.inference.clip_ring import picture
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks.build import build_sinks, parse_sink
from vadkit.inference.sinks.every import EverySink
from vadkit.inference.sinks.sink import (
    EventSink,
    ResultSink,
    SourceInfo,
    VideoScores,
)

INFO = SourceInfo("gate", 10.0, (48, 64))
ID = "gate_1-3693bd96-20231114T221321000Z"


def run(spec, out, events):
    sinks = build_sinks([parse_sink(spec)], out)
    sinks.open(INFO)
    for event in events:
        sinks.event(event)
    written = sinks.close(None)
    assert sinks.failed == {}
    return written


def test_each_event_has_one_line(events, tmp_path):
    run("events", tmp_path, events)
    (path,) = run("type=events,begun=true", tmp_path, events)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    # It was over in the file already, and is so once.
    assert [line["state"] for line in lines] == ["over", "begun"]
    assert lines[0] == {
        "id": ID,
        "kind": "alarm",
        "state": "over",
        "source": "gate/1",
        "start": 1.0,
        "end": 1.2,
        "started_at": "2023-11-14T22:13:21.000Z",
        "peak_time": 1.1,
        "peak_score": 9.0,
        "threshold": 5,
        "region": [24, 16, 40, 32],
        "boxes": [{"box": [24, 16, 40, 32], "score": 1.0}],
        "reasons": [],
        "part": None,
        "size": [48, 64],
        "message": "",
        "sure": "",
    }


def test_an_event_has_one_row_however_often_it_is_sent(events, tmp_path):
    run("type=sqlite,snapshots=true", tmp_path, events[:1])
    path = tmp_path / "events.sqlite"
    query = 'SELECT id, state, "end", x1, y1, x2, y2, peak_score FROM events'
    with closing(sqlite3.connect(path)) as table:
        assert table.execute(query).fetchall() == [(ID, "begun", None, 24, 16, 40, 32, 6.0)]
    for _ in range(2):
        assert run("type=sqlite,snapshots=true", tmp_path, events) == [path]
    with closing(sqlite3.connect(path)) as table:
        assert table.execute(query).fetchall() == [(ID, "over", 1.2, 24, 16, 40, 32, 9.0)]
        ((snapshot,),) = table.execute("SELECT snapshot FROM events").fetchall()
    assert picture(snapshot).shape == (48, 64, 3)


def test_an_alarm_that_a_killed_watch_left_open_is_over_at_the_next_start(events, tmp_path):
    from vadkit.inference.sinks.events import EventTable

    run("sqlite", tmp_path, events[:1])
    EventTable(tmp_path).check()
    with closing(sqlite3.connect(tmp_path / "events.sqlite")) as table:
        assert table.execute('SELECT id, state, "end" FROM events').fetchall() == [
            (ID, "over", None)
        ]


def test_snapshots_show_the_peak_with_its_region_and_the_clip_around_it(events, tmp_path):
    run("snapshots", tmp_path, events[:1])
    assert [path.name for path in (tmp_path / "events").iterdir()] == [f"{ID}.jpg"]
    run("snapshots", tmp_path, events)
    shown = picture((tmp_path / "events" / f"{ID}.jpg").read_bytes()).astype(int)
    assert np.abs(shown[:12] - 110).max() < 12  # frame 11, the peak's
    assert shown[16, 24:40, 0].mean() > 150 and shown[16, 24:40, 2].mean() < 100
    assert np.abs(shown[20:28, 28:36] - 110).max() < 12
    with av.open(str(tmp_path / "events" / f"{ID}.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 13  # from 0.5 s to 1.7 s
    assert float(frames[-1].time) == pytest.approx(1.2, abs=0.01)
    run("type=snapshots,box=false,clip=false", tmp_path / "bare", events)
    assert [path.suffix for path in (tmp_path / "bare" / "events").iterdir()] == [".jpg"]


def test_csv_grows_with_the_video(tmp_path):
    (_, sink) = build_sinks([parse_sink("csv")], tmp_path).sinks[0]
    sink.open(INFO)
    frame = np.zeros((48, 64, 3), np.uint8)
    sink.frame(FrameScore(0, 0.0, frame, math.nan, math.nan))
    sink.frame(FrameScore(1, 0.1, frame, 0.1, 0.30000000000000004, alarm=True))
    partial = partial_path(tmp_path / "gate.csv")
    assert len(partial.read_text().splitlines()) == 3
    path = sink.close(None)
    assert not partial.exists()
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["frame", "time", "raw", "score", "alarm"]
    assert rows[1] == ["0", "0.0", "", "", "0"]
    assert rows[2] == ["1", "0.1", "0.1", "0.30000000000000004", "1"]
    sink.open(INFO)
    sink.abort()
    assert list(tmp_path.iterdir()) == [path]


class Failing(ResultSink):
    def frame(self, seen):
        raise OSError("disk full")


class Seeing(EventSink):
    def __init__(self, out):
        super().__init__(out)
        self.seen = []

    def event(self, event):
        self.seen.append(event)


def test_a_sink_that_fails_does_not_affect_others_and_is_reported_once(events, tmp_path, caplog):
    seeing = Seeing(tmp_path)
    sinks = EverySink([("bad", Failing(tmp_path)), ("good", seeing)])
    frame = FrameScore(0, 0.0, np.zeros((48, 64, 3), np.uint8), math.nan, math.nan)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            sinks.open(INFO)
            for event in events * 3:
                sinks.frame(frame)
                sinks.event(event)
            sinks.close(None)
            assert sinks.failed == {"bad": "disk full"}
    assert seeing.seen == events * 6
    # Once a video: it may be mended by the next.
    assert len(caplog.records) == 2
    assert "sink 'bad' failed and is left out of this video: disk full" in caplog.text


def test_sinks_that_need_a_result_write_nothing_for_an_endless_stream(tmp_path):
    sinks = build_sinks([parse_sink("npz"), parse_sink("csv")], tmp_path)
    sinks.open(INFO)
    assert [path.name for path in sinks.close(None)] == ["gate.csv"]
    sinks.open(INFO)
    scores = np.zeros(3)
    names = [path.name for path in sinks.close(VideoScores("gate", 10, scores, scores))]
    assert names == ["gate.npz", "gate.csv"]


def test_sinks_are_spelled_with_names_and_values():
    assert parse_sink("csv").type == "csv"
    spec = parse_sink("type=webhook, url=https://a.org/x?y=1,2,secret_env=null,timeout_s=2.5")
    assert spec.params["url"] == "https://a.org/x?y=1,2"
    assert (spec.params["secret_env"], spec.params["timeout_s"]) == (None, 2.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cvs", "--sink cvs: type: no sinks component named 'cvs'; did you mean 'csv'?"),
        ("type=webhook", "url: missing; this parameter is required"),
        ("type=webhook,url=x,urll=y", "urll: unknown parameter; did you mean 'url'?"),
        ("type=mqtt,host=x,port=0", "port: must be greater than or equal to 1; got 0"),
        ("url=https://a.org", "has no type"),
        ("csv,webhook", "no sinks component named 'csv,webhook'"),
        ("type=csv,type=npz", "'type' is given twice"),
        ("csv,out=x", "'csv' is not name=value"),
        ("type=webhook,url=[", "the value of 'url' is not YAML"),
    ],
)
def test_a_misspelt_sink_is_reported(text, message):
    with pytest.raises(RecipeError) as caught:
        parse_sink(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("--sink ")


def test_a_table_of_an_earlier_version_gets_boxes_and_reasons(events, tmp_path):
    run("sqlite", tmp_path, events[:1])
    path = tmp_path / "events.sqlite"
    with closing(sqlite3.connect(path)) as table, table:
        for name in ("boxes", "reasons"):
            table.execute(f"ALTER TABLE events DROP COLUMN {name}")
        table.execute("PRAGMA user_version = 0")
    said = [replace(one, id="new", reasons=("against the usual way",)) for one in events]
    run("sqlite", tmp_path, said)
    with closing(sqlite3.connect(path)) as table:
        query = "SELECT id, boxes, reasons FROM events ORDER BY id DESC"
        rows = table.execute(query).fetchall()
    assert [(row[0], json.loads(row[2])) for row in rows] == [
        ("new", ["against the usual way"]),
        (ID, []),
    ]
    assert json.loads(rows[0][1]) == [{"box": [24, 16, 40, 32], "score": 1.0}]
    assert json.loads(rows[1][1]) == []


def test_reasons_are_below_the_snapshot(events, tmp_path):
    run("snapshots", tmp_path, [replace(events[0], reasons=("against the usual way",))])
    (path,) = (tmp_path / "events").iterdir()
    shown = picture(path.read_bytes())
    assert shown.shape[0] > 48 and shown.shape[1] == 64 and shown[50:].max() > 200
