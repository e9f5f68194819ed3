"""Past events by time and camera, in tables and folders, and which of them are removed."""

from __future__ import annotations

import csv
import json
import time

import pytest
from typer.testing import CliRunner

from vadkit.cli import app
from vadkit.errors import RecipeError
from vadkit.inference.store.store import EventStore
from vadkit.workflows.answers import give_answer
from vadkit.workflows.event_export import export_events
from vadkit.workflows.event_filter import parse_time
from vadkit.workflows.past_events import answer_events, past_events


def record(id, day=1, **more):
    times = {"start": 1.0, "end": 3.0, "started_at": f"2026-11-{day:02}T10:00:00.000Z"}
    return {"id": id, "kind": "alarm", "state": "over", "source": "gate", **times, **more}


@pytest.fixture
def folder(tmp_path):
    """A folder of `watch --out` with three events; the run of the camera gate is known."""
    store = EventStore(tmp_path / "out")
    for day in (1, 2, 3):
        camera = "yard" if day == 3 else "gate"
        store.put(record(f"e-{day}", day, source=camera, reasons=["=evil()", "fast"]))
    (tmp_path / "out" / "events").mkdir()
    (tmp_path / "out" / "events" / "e-1.mp4").write_bytes(b"clip")
    (tmp_path / "run").mkdir()
    store.watched_by(tmp_path / "run", ["gate"])
    return tmp_path / "out"


def shown(*args):
    result = CliRunner().invoke(app, ["events", *map(str, args)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_events_are_listed_by_camera_time_and_answer(folder):
    def listed(*args):
        return [one["id"] for one in json.loads(shown(folder, "--json", *args))]

    assert listed() == ["e-1", "e-2", "e-3"]
    assert listed("--camera", "yard") == ["e-3"]
    assert listed("--since", "2026-11-02", "--until", "2026-11-03") == ["e-2"]
    assert listed("--newest", "1") == ["e-3"]
    answer_events(folder, ["e-2"], "right")
    assert listed("--answered") == ["e-2"]
    assert listed("--unanswered", "--camera", "gate") == ["e-1"]


def test_an_answer_goes_to_the_run_of_the_camera(folder):
    answer_events(folder, ["e-1"], "false")
    assert (folder.parent / "run" / "answers.jsonl").is_file()
    assert [one.answer for one in past_events(folder)] == ["false", None, None]
    with pytest.raises(RecipeError, match="run that watched 'yard' is unknown"):
        answer_events(folder, ["e-3"], "false")


def test_tables_and_folders_with_clips(folder, tmp_path):
    shown(folder, "--export", tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["e-1", "e-2", "e-3"]
    # A spreadsheet must not run it.
    assert rows[0]["reasons"] == "'=evil(); fast"
    shown(folder, "--export", tmp_path / "kept", "--camera", "gate")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "e-1.mp4",
        "events.csv",
        "events.json",
    ]
    first = json.loads((tmp_path / "kept" / "events.json").read_text())[0]
    assert (first["clip"], first["picture"]) == ("e-1.mp4", None)
    for name, match in (("kept", "exists already"), ("a.xlsx", "ends in .csv or .json")):
        with pytest.raises(RecipeError, match=match):
            export_events([], tmp_path / name)


def test_old_events_are_removed_on_request(folder):
    answer_events(folder, ["e-2"], "right")
    days = (time.time() - parse_time("2026-11-04", "--x")) / 86400
    assert "would be: 2 events" in shown(folder, "--keep-days", days, "--dry-run")
    assert "2 events removed" in shown(folder, "--keep-days", days)
    assert [one.id for one in past_events(folder)] == ["e-2"]


def test_times_are_days_moments_or_how_long_ago():
    day = parse_time("2026-11-27", "--since")
    assert parse_time("2026-11-27T12:00", "--since") == day + 12 * 3600
    assert parse_time("2026-11-27T00:00:00Z", "--since") == 1795737600
    assert parse_time("36h", "--since") == pytest.approx(time.time() - 36 * 3600, abs=5)
    for text in ("yesterday", "", "3 d", "9999999d", "2026-13-01"):
        with pytest.raises(RecipeError, match=r"--since .*not a time"):
            parse_time(text, "--since")


def test_a_place_without_events_is_named(tmp_path):
    result = CliRunner().invoke(app, ["events", str(tmp_path)])
    assert result.exit_code != 0
    assert "is not a run folder" in str(result.exception)


def test_the_answers_of_a_run_still_name_events_that_are_gone(tmp_path):
    give_answer(tmp_path, "event", "e-9", "right", record("e-9"))
    assert [one.id for one in past_events(tmp_path)] == ["e-9"]
