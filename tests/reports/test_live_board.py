"""What people see of cameras: rates, delays, curves, the table in the terminal."""

import io

import numpy as np
import pytest
from rich.console import Console

from vadkit.reports.dashboard import dashboard, sparkline
from vadkit.reports.live_board import Board, Delays


@pytest.fixture
def board():
    board = Board(["gate", "yard"], "two cameras")
    camera = board.cameras["gate"]
    camera.threshold, camera.usual = 4.0, 1.0
    for frame in range(600):
        camera.saw(frame / 10, 6.0 if 300 <= frame < 320 else 1.0, 0.02, alarm=False)
    return board


def event(state="over", **changes):
    record = {
        "id": "gate-1",
        "kind": "alarm",
        "state": state,
        "source": "gate",
        "start": 30.0,
        "end": None if state == "begun" else 32.0,
        "started_at": "2030-01-01T00:00:30.000Z",
        "peak_score": 6.0,
        "threshold": 4.0,
    }
    return {**record, **changes}


def test_quantiles_of_delays_are_within_two_percent():
    delays = Delays()
    assert np.isnan(delays.quantile(0.5))
    seconds = np.random.default_rng(0).lognormal(-3, 1, 2000)
    for one in seconds:
        delays.add(one)
    for share in (0.5, 0.99):
        assert delays.quantile(share) == pytest.approx(np.quantile(seconds, share), rel=0.03)


def test_a_curve_keeps_the_peaks_of_the_last_minute(board):
    gate, yard = board.as_data()["cameras"]
    assert gate["frames"] == 600 and gate["score"] == 1.0
    assert len(gate["curve"]) <= 240
    assert gate["curve"][-1] == [0.0, 1.0]
    assert gate["curve"][0][0] > -60
    high = [at for at, score in gate["curve"] if score == 6.0]
    assert min(high) == pytest.approx(-30, abs=0.3) and max(high) == pytest.approx(-28, abs=0.3)
    assert yard["curve"] == [] and yard["score"] is None and yard["delay_s"] is None


def test_a_score_that_is_none_is_null(board):
    board.cameras["gate"].saw(60.1, float("nan"), 0.1, alarm=False)
    assert board.as_data()["cameras"][0]["score"] is None


def test_an_event_is_one_entry_from_its_begin_to_its_end(board):
    board.event(event("begun"), b"jpeg")
    assert board.cameras["gate"].alarms == 1
    board.event(event("over", peak_score=7.0), b"higher")
    (shown,) = board.as_data()["events"]
    assert shown["end"] == 32.0 and shown["peak_score"] == 7.0 and shown["snapshot"]
    assert board.cameras["gate"].alarms == 1
    assert board.snapshots == {"gate-1": b"higher"}


def test_old_events_and_their_pictures_are_removed(board):
    for number in range(250):
        board.event(event(id=f"gate-{number}"), b"jpeg")
    assert [one["id"] for one in board.as_data()["events"]][:2] == ["gate-249", "gate-248"]
    assert len(board.snapshots) == len(board.events) == 100
    assert board.cameras["gate"].alarms == 250


def test_the_sparkline_is_red_where_the_score_is_over_the_threshold(board):
    text = sparkline(board.cameras["gate"], 30)
    assert len(text.plain) == 30
    red = [place for span in text.spans if span.style == "red" for place in [span.start]]
    assert red == [14, 15]
    assert text.plain[14] == "█" and text.plain[0] == "▁"


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_table_fits_the_terminal(board, width):
    board.event(event("begun"), None)
    board.cameras["gate"].alarm = True
    board.cameras["yard"].state, board.cameras["yard"].message = "retrying", "Connection refused"
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(dashboard(board, width))
    lines = console.export_text().splitlines()
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    head = next(line for line in lines if "state" in line).split()
    assert head[:2] == ["camera", "state"] and head[-2:] == ["drops", "alarms"]
    assert "ALARM" in text and "yard: Connection refused" in text
    assert "gate: alarm begins, peak 6 (threshold 4)" in text


def test_a_line_of_a_log_has_time_place_and_reason_in_order():
    from vadkit.reports.dashboard import event_line

    event = {
        "kind": "alarm",
        "source": "gate",
        "start": 10.0,
        "end": None,
        "started_at": "2026-11-27T23:59:58.500Z",
        "peak_score": 6.0,
        "threshold": 4.0,
        "region": [0, 0, 20, 20],
        "size": [96, 128],
        "reasons": ["faster than usual here (4.1 times)"],
    }
    begun, over = event_line(event), event_line({**event, "end": 12.0, "region": [60, 40, 70, 50]})
    assert begun == (
        "2026-11-27T23:59:58.500Z  gate: alarm begins, top left: faster than usual here (4.1 "
        "times); peak 6 (threshold 4)"
    )
    assert over.startswith("2026-11-28T00:00:00.500Z  gate: alarm over after 2.0 s, middle: faster")
    lost = {**event, "kind": "source-lost", "message": "stalled", "peak_score": None}
    assert event_line(lost).endswith("gate: no frames: stalled")
    back = {**lost, "kind": "source-back", "end": 70.0}
    assert event_line(back) == "2026-11-28T00:00:58.500Z  gate: frames again after 60.0 s"
    moved = {**lost, "kind": "camera-moved", "message": "the view is gone", "end": 20.0}
    assert event_line(moved).endswith("camera-moved over after 10.0 s: the view is gone")
