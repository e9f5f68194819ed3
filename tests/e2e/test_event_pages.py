"""Past events by day in a browser, and on the page of watch after a restart."""

from __future__ import annotations

import contextlib
import datetime
import threading

import cv2
import numpy as np
import pytest

from vadkit.inference.clip_ring import ClipFrame, jpeg
from vadkit.inference.sinks.events import write_clip
from vadkit.inference.store.store import EventStore
from vadkit.recipe import Keep

pytest.importorskip("uvicorn", reason="pip install 'vadkit[web]'")
from vadkit.reports.answer_page import answer_application
from vadkit.reports.live_board import Board
from vadkit.reports.live_page import open_page
from vadkit.workflows.answered.page import EventPage
from vadkit.workflows.watch.past import Past

pytestmark = pytest.mark.slow


def scene(step):
    frame = np.full((240, 320, 3), (88, 104, 96), np.uint8)
    cv2.rectangle(frame, (0, 150), (320, 240), (70, 74, 80), -1)
    cv2.rectangle(frame, (20 + 12 * step, 120), (60 + 12 * step, 200), (190, 120, 60), -1)
    return frame


@pytest.fixture
def folder(tmp_path):
    """Events of two cameras on three days; the newest has a picture and a clip."""
    out = tmp_path / "run" / "watch"
    store = EventStore(out)
    now = datetime.datetime(2026, 11, 27, 8, 0)
    for number in range(40):
        at = now - datetime.timedelta(hours=1.3 * number)
        camera = ("gate", "yard-behind-the-house")[number % 3 == 0]
        store.put(
            {
                "id": f"{camera}-{number}",
                "kind": "alarm",
                "state": "over",
                "source": camera,
                "start": 10.0,
                "end": 14.5,
                "started_at": at.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z"),
                "peak_time": 11.0,
                "peak_score": 7.25,
                "threshold": 5.0,
                "reasons": ["faster than usual here (4.1 times)"],
                "part": ("motion", "places")[number % 2],
            }
        )
    name = "yard-behind-the-house-0"
    clip = tuple(ClipFrame(step / 10, jpeg(scene(step))) for step in range(20))
    write_clip(out / "events" / f"{name}.mp4", clip)
    for path in [out / "events" / f"{name}.jpg", out / "events" / "gate-1.jpg"]:
        path.write_bytes(jpeg(scene(6)))
    return out


@contextlib.contextmanager
def served(run):
    page, opened, closing = EventPage(run), open_page("0", None), threading.Event()
    app = answer_application(page.items, page.media, page.answer, None, page.of_day)
    with opened.serve_application(app, closing) as address:
        yield address


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (400, "dark")])
def test_days_hours_and_clips(folder, opened, wait, width, theme):
    with served(folder.parent) as address:
        page = opened(address, width=width, theme=theme)
        wait(page, "document.querySelectorAll('.item').length === 40")
        assert page.locator("#days button").count() == 4
        page.locator("#days button[data-day='2026-11-26']").click()
        wait(page, "document.querySelectorAll('.hour').length === 2")
        count = page.locator(".item").count()
        assert 15 < count < 20
        assert page.locator(".line button").count() == count
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_label("Camera").select_option("gate")
        assert page.locator(".hour").count() == 1
        assert page.locator(".item").count() == page.locator(".line button").count() < count
        page.get_by_label("Part").select_option("motion")
        assert page.locator(".item").count() < count / 2
        page.locator("#days button[data-day='2026-11-27']").click()
        # What was chosen stays chosen.
        wait(page, "document.querySelectorAll('.item').length === 2")
        page.get_by_label("Camera").select_option("")
        page.get_by_label("Part").select_option("")
        assert page.locator(".item").count() == 7
        page.get_by_label("yard-behind-the-house at 2026-11-27 08:00").focus()
        page.keyboard.press("Enter")
        wait(page, "document.activeElement.className === 'play'")
        page.keyboard.press("Enter")
        wait(page, "document.querySelector('.screen video')?.readyState >= 2")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (400, "dark")])
def test_the_page_of_watch_shows_past_alarms_and_plays_their_clips(
    folder, opened, wait, width, theme
):
    board = Board(["gate", "yard-behind-the-house"], "watch")
    run = folder.parent
    Past(run, folder, dict.fromkeys(board.cameras, run), board, Keep())
    page_of_watch = open_page("0", None)
    with page_of_watch.serve(board, {}, EventPage(run).routes()) as address:
        page = opened(address, width=width, theme=theme)
        wait(page, "document.querySelectorAll('.alarm').length === 40")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        # Alarms of earlier are no alarms of this watch.
        assert page.locator(".camera .count").first.inner_text() == "0"
        wait(page, "document.querySelector('.alarm img').naturalWidth > 0")
        page.locator(".alarm .look.plays").first.focus()
        page.keyboard.press("Enter")
        wait(page, "document.querySelector('#clip video').readyState >= 2")
        assert page.locator("#clip-title").inner_text().startswith("yard-behind-the-house")
        page.keyboard.press("Escape")
        wait(page, "!document.getElementById('clip').open")
        page.get_by_role("link", name="All past events").click()
        wait(page, "document.querySelectorAll('.item').length === 40")
