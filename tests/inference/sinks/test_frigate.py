"""Alarms as events of Frigate, against a server that answers as Frigate's documents say."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace

import pytest

from tests.inference.fake_frigate import FakeFrigate
from vadkit.errors import RecipeError
from vadkit.inference.alarms import time_of_day
from vadkit.inference.sinks import frigate
from vadkit.inference.sinks.frigate import Frigate

FAST = {"first_wait_s": 0.02, "longest_wait_s": 0.05}


@pytest.fixture
def server():
    with FakeFrigate(cameras=["gate"]) as running:
        yield running


@pytest.fixture
def now_events(events):
    """An alarm of the camera "gate" that began two seconds ago, as it begins and ends."""
    at = time_of_day(time.time() - 2)
    return [replace(event, source="gate", started_at=at) for event in events]


def sent(sink, wait_for):
    wait_for(lambda: not sink.outbox.waiting())


def test_an_alarm_begins_and_ends_as_an_event(server, now_events, tmp_path, wait_for):
    sink = Frigate(tmp_path, url=server.url, **FAST)
    begun = replace(now_events[0], reasons=("faster than usual here (4.1 times)",) * 5)
    sink.event(begun)
    sent(sink, wait_for)
    (made,) = server.events.values()
    assert (made["camera"], made["label"], made["end_time"]) == ("gate", "anomaly", None)
    body = made["body"]
    assert body["duration"] is None and body["include_recording"] is True
    assert body["sub_label"].startswith("faster than") and len(body["sub_label"]) == 100
    x1, y1, x2, y2 = begun.boxes[0].box
    (box,) = body["draw"]["boxes"]
    assert box["box"] == pytest.approx([x1 / 64, y1 / 48, (x2 - x1) / 64, (y2 - y1) / 48], abs=1e-3)
    # An event that ended before Frigate knew it: its end is after its start there.
    sink.event(now_events[1])
    sent(sink, wait_for)
    assert made["end_time"] >= made["start_time"] + 0.9
    assert json.loads((tmp_path / "frigate" / "begun.json").read_text()) == {}


def test_the_end_is_that_of_the_alarm(server, now_events, tmp_path, wait_for):
    sink = Frigate(tmp_path, url=server.url, **FAST)
    sink.event(now_events[0])
    sink.event(replace(now_events[1], end=now_events[1].start + 30))
    sent(sink, wait_for)
    (made,) = server.events.values()
    assert made["end_time"] == pytest.approx(time.time() + 28, abs=5)


def test_another_name_of_the_camera_and_a_user(server, now_events, tmp_path, wait_for, monkeypatch):
    server.password = "a secret"
    with pytest.raises(RecipeError, match="VADKIT_FRIGATE_PASSWORD"):
        Frigate(tmp_path, url=server.url, user="admin")
    monkeypatch.setenv("VADKIT_FRIGATE_PASSWORD", "a secret")
    sink = Frigate(tmp_path, url=server.url + "/", user="admin", camera="gate", label="odd", **FAST)
    for event in now_events:
        sink.event(replace(event, source="west/1"))
    sent(sink, wait_for)
    (made,) = server.events.values()
    assert (made["camera"], made["label"]) == ("gate", "odd") and made["end_time"]
    assert server.logins == 1


def test_a_frigate_that_is_away_for_a_moment_misses_nothing(
    server, now_events, tmp_path, wait_for, caplog
):
    server.answers = [503, 502]
    # A new event is not in the database at once.
    server.hidden = 2
    sink = Frigate(tmp_path, url=server.url, **FAST)
    for event in now_events:
        sink.event(event)
    sent(sink, wait_for)
    (made,) = server.events.values()
    assert made["end_time"] is not None
    assert "does not accept messages (HTTP 503" in caplog.text


def test_what_comes_too_late_is_set_aside(server, now_events, tmp_path, wait_for, caplog):
    sink = Frigate(tmp_path, url=server.url, late_s=1e-9, **FAST)
    sink.event(replace(now_events[0], started_at=None))
    sink.event(replace(now_events[1], started_at=None))
    sent(sink, wait_for)
    assert server.events == {} and "dates no event back" in caplog.text
    assert len(list((tmp_path / "frigate" / "refused").iterdir())) == 1


def test_alarms_of_old_recordings_are_not_sent(server, events, tmp_path, caplog):
    sink = Frigate(tmp_path, url=server.url, **FAST)
    with caplog.at_level(logging.WARNING):
        for event in [*events, *events]:
            sink.event(event)
    sink.close(None)
    assert server.events == {}
    assert [one.getMessage() for one in caplog.records] == [
        "alarms of old recordings do not go to Frigate: it dates none back"
    ]


def test_an_unknown_camera_is_said_with_frigates_reason(
    server, now_events, tmp_path, wait_for, caplog
):
    sink = Frigate(tmp_path, url=server.url, camera="yard", **FAST)
    sink.event(now_events[0])
    sent(sink, wait_for)
    assert "HTTP 404: yard is not a valid camera." in caplog.text


def test_the_alarm_of_a_process_that_was_killed_has_a_fixed_length(
    server, now_events, tmp_path, wait_for, monkeypatch
):
    # A new message is tried twice at once.
    server.answers = [503, 503]
    sink = Frigate(tmp_path, url=server.url, first_wait_s=300)
    sink.event(now_events[0])
    wait_for(lambda: not server.answers)
    monkeypatch.setattr(frigate, "_PROCESS", "the next one")
    sink.outbox._new.set()
    sent(sink, wait_for)
    (made,) = server.events.values()
    assert made["body"]["duration"] == 30
    assert not (tmp_path / "frigate" / "begun.json").exists()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"url": "frigate:5000"}, "must be an http"),
        ({"url": "http://admin:hush@frigate"}, "contains a user name or password"),
        ({"url": "http://frigate", "label": "a/b"}, "must not contain a slash"),
    ],
)
def test_wrong_settings_are_said(tmp_path, params, words):
    with pytest.raises(RecipeError, match=words) as raised:
        Frigate(tmp_path, **params)
    assert "hush" not in str(raised.value)
