"""Figures for monitoring, and whether a watch is alive."""

from __future__ import annotations

import re
import threading
import time

import httpx
import pytest

from vadkit.reports.live_board import Board
from vadkit.reports.live_metrics import STUCK_S, is_healthy, metrics

pytest.importorskip("uvicorn", reason="pip install 'vadkit[web]'")
from vadkit.reports.live_page import open_page

LINE = re.compile(r'[a-z_]+(\{camera="(\\.|[^"\\])*"\}|\{version="[^"]*"\})? -?[0-9.e+-]+')


@pytest.fixture
def board():
    board = Board(['gate "1"\\', "yard"])
    board.version = "1.2.3"
    camera = next(iter(board.cameras.values()))
    camera.saw(0.0, 0.5, 0.02, True)
    camera.saw(0.1, float("nan"), float("nan"), False)
    camera.alarms, camera.dropped, camera.waiting, camera.threshold = 3, 4, 5, 0.25
    return board


def test_every_line_is_one_of_prometheus_and_every_camera_has_its_figures(board):
    text = metrics(board)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in lines)
    label = r'{camera="gate \"1\"\\"}'
    for name, value in (
        ("alarms_total", "3"),
        ("dropped_total", "4"),
        ("frames_total", "2"),
        ("queue", "5"),
        ("up", "1"),
        ("threshold", "0.25"),
    ):
        assert f"vadkit_camera_{name}{label} {value}" in lines
    # What is unknown has no line.
    assert not any('last_frame_age_seconds{camera="yard"}' in line for line in lines)
    assert 'vadkit_camera_up{camera="yard"} 0' in lines
    assert 'vadkit_info{version="1.2.3"} 1' in lines


def test_a_loop_that_stands_still_is_not_healthy(board):
    assert is_healthy(board)
    board.ticked_at = time.monotonic() - STUCK_S - 1
    assert not is_healthy(board) and "vadkit_healthy 0" in metrics(board)


def test_probes_need_no_token_and_figures_do(board):
    token = "a-token-of-some-length"
    with open_page("0", token).serve(board) as address:
        assert httpx.get(f"{address}healthz").text == "ok\n"
        assert httpx.get(f"{address}metrics").status_code == 401
        found = httpx.get(f"{address}metrics", headers={"Authorization": f"Bearer {token}"})
        assert found.status_code == 200 and "version=0.0.4" in found.headers["content-type"]
        board.ticked_at = time.monotonic() - STUCK_S - 1
        assert httpx.get(f"{address}healthz").status_code == 503
    assert threading.active_count() < 20


def test_probes_of_another_host_are_refused(board):
    with open_page("0", None).serve(board) as address:
        assert httpx.get(f"{address}healthz", headers={"Host": "evil.example"}).status_code == 421
