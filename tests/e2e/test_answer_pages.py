"""The pages of past events and of reviews in a browser."""

from __future__ import annotations

import contextlib
import json
import threading

import cv2
import numpy as np
import pytest

from vadkit.workflows.answers import read_answers

pytest.importorskip("uvicorn", reason="pip install 'vadkit[web]'")
from vadkit.reports.answer_page import answer_application
from vadkit.reports.live_page import open_page
from vadkit.workflows.answered.page import EventPage

EVIL = "<img src=x onerror=alert(1)>" + "very-long-name-" * 8


@pytest.fixture
def run(tmp_path):
    """A run with three events, of which the first has a picture."""
    events = tmp_path / "watch" / "events"
    events.mkdir(parents=True)
    lines = [
        {"id": f"gate-{n}", "source": EVIL, "start": float(n), "end": n + 2.0, "part": "speed"}
        for n in range(3)
    ]
    (tmp_path / "watch" / "events.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    cv2.imwrite(str(events / "gate-0.jpg"), np.full((96, 128, 3), 90, np.uint8))
    return tmp_path


@contextlib.contextmanager
def served(page):
    opened, closing = open_page("0", None), threading.Event()
    app = answer_application(page.items, page.media, page.answer, None)
    with opened.serve_application(app, closing) as address:
        yield address


@pytest.mark.slow
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_events_are_answered_by_mouse_and_keyboard(run, opened, wait, width, theme):
    with served(EventPage(run)) as address:
        page = opened(address, width=width, theme=theme)
        wait(page, "document.querySelectorAll('.item').length === 3")
        assert page.locator(".item .name").first.inner_text() == EVIL
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        wait(page, "document.querySelector('.screen img').naturalWidth === 128")
        page.locator(".item").nth(2).get_by_role("button", name="False").click()
        wait(page, "document.querySelector('#said').textContent.startsWith('Saved')")
        page.locator(".item").nth(2).get_by_role("button", name="Right").focus()
        page.keyboard.press("Enter")
        wait(
            page,
            "document.querySelectorAll('.item [aria-pressed=true]')[0].dataset.answer === 'right'",
        )
        found = read_answers(run)
        assert [one.answer for one in found.history("event", "gate-0")] == ["false", "right"]
        page.get_by_role("button", name="Answered", exact=True).click()
        assert page.locator(".item").count() == 1
        page.get_by_role("button", name="Without an answer").click()
        assert page.locator(".item").count() == 2


@pytest.mark.slow
def test_an_answer_that_is_not_kept_is_said_and_not_shown_as_given(run, browser, wait):
    (run / "answers.jsonl").symlink_to(run / "elsewhere")
    with served(EventPage(run)) as address, contextlib.closing(browser.new_page()) as page:
        page.goto(address)
        wait(page, "document.querySelectorAll('.item').length === 3")
        page.locator(".item").first.get_by_role("button", name="False").click()
        wait(page, "document.querySelector('#said').textContent.startsWith('Not saved')")
        assert "link" in page.locator("#said").inner_text()
        assert page.locator(".item [aria-pressed=true]").count() == 0
    assert not (run / "elsewhere").exists()
