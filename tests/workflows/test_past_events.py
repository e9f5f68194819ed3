"""Past events: what sinks recorded, with the answers about it."""

import json

import pytest

from vadkit.errors import RecipeError
from vadkit.workflows.answers import give_answer
from vadkit.workflows.past_events import answer_events, past_events


def event(id, start=1.0, **more):
    end = {"state": "over", "end": start + 2.0}
    record = {"id": id, "kind": "alarm", "source": "gate", "start": start, **end}
    peak = {"peak_time": start, "peak_score": 7.0, "threshold": 5.0, "region": [1, 2, 30, 40]}
    return {**record, **peak, "started_at": None, "part": "speed", "message": "", **more}


def record(run, folder, *events):
    (run / folder / "events").mkdir(parents=True, exist_ok=True)
    with (run / folder / "events.jsonl").open("a") as file:
        file.writelines(json.dumps(one) + "\n" for one in events)


def test_events_of_watch_and_infer_in_order_of_time_each_once(tmp_path):
    record(tmp_path, "infer", event("b", 9.0), event("a", 3.0))
    begun = event("w", state="begun", end=None, started_at="2026-11-27T09:00:00Z")
    over = event("w", 1.0, started_at="2026-11-27T09:00:00Z", peak_score=8.0)
    record(tmp_path, "watch", begun, over, event("o", kind="source-lost", peak_score=None))
    found = past_events(tmp_path)
    assert [one.id for one in found] == ["a", "b", "w"]
    assert found[2].record["peak_score"] == 8.0
    assert [one.answer for one in found] == [None] * 3
    assert [one.id for one in past_events(tmp_path, newest=2)] == ["b", "w"]


def test_pictures_and_clips_are_those_of_the_events_folder(tmp_path):
    record(tmp_path, "watch", event("a"), event("b"))
    folder = tmp_path / "watch" / "events"
    (folder / "a.jpg").write_bytes(b"x")
    (folder / "a.mp4").symlink_to(tmp_path / "elsewhere")
    first, second = past_events(tmp_path)
    assert (first.picture, first.clip) == (folder / "a.jpg", None)
    assert (second.picture, second.clip) == (None, None)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"id": "../../etc/passwd", "source": "x", "start": 0}',
        '{"id": "a", "source": "x", "start": NaN}',
        '{"id": "a"}',
        "9" * 200_000,
    ],
)
def test_lines_that_are_no_events_are_left_out(tmp_path, line):
    record(tmp_path, "watch", event("b"))
    with (tmp_path / "watch" / "events.jsonl").open("a") as file:
        file.write(line + "\n")
    assert [one.id for one in past_events(tmp_path)] == ["b"]


def test_answers_are_kept_with_the_event_even_if_its_line_is_deleted(tmp_path):
    record(tmp_path, "infer", event("a"), event("b"))
    answer_events(tmp_path, ["a", "b"], "false")
    answer_events(tmp_path, ["b"], "right")
    assert [one.answer for one in past_events(tmp_path)] == ["false", "right"]
    (tmp_path / "infer" / "events.jsonl").unlink()
    found = past_events(tmp_path)
    assert [(one.id, one.answer, len(one.answers)) for one in found] == [
        ("a", "false", 1),
        ("b", "right", 2),
    ]
    assert found[0].record["region"] == [1, 2, 30, 40]


def test_an_unknown_event_is_named_before_any_is_answered(tmp_path):
    record(tmp_path, "infer", event("gate-0001"), event("gate-0002"))
    with pytest.raises(RecipeError, match="did you mean gate-000"):
        answer_events(tmp_path, ["gate-0001", "gate-0003"], "right")
    assert [one.answer for one in past_events(tmp_path)] == [None, None]


def test_a_damaged_record_in_an_answer_is_no_event(tmp_path):
    give_answer(tmp_path, "event", "a", "right", {"id": "a"})
    assert past_events(tmp_path) == []
