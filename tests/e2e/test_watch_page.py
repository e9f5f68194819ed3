"""The page of vadkit watch in a browser, and that nobody else sees any of it."""

import contextlib
import json
import threading
from dataclasses import replace

import httpx
import numpy as np
import pytest

from vadkit.recipe import AlarmSettings

pytest.importorskip("uvicorn", reason="pip install 'vadkit[web]'")
pytestmark = pytest.mark.slow
TOKEN = "a-token-of-some-length"
PATHS = [
    "/",
    "/watch.css",
    "/watch.js",
    "/state.json",
    "/events",
    "/frame/0.jpg",
    "/snapshot/x.jpg",
    "/clip/x.mp4",
    "/past/items.json",
    "/metrics",
]


@contextlib.contextmanager
def watching(run, video, token=None):
    """A page on two cameras that play a video over and over, whose alarms come often."""
    from vadkit.reports.live_page import open_page
    from vadkit.workflows.detector import load_detector
    from vadkit.workflows.watch import cameras, setup

    detector = load_detector(run)
    detector.scorers = ()
    usual = float(np.nanmedian(detector.score(video).score))
    detector.calibration = replace(detector.calibration, threshold=usual, usual=usual)
    detector.alarms = AlarmSettings(merge_s=0.1)
    sources = setup.named_sources([f"{name}=replay:{video}" for name in ("gate", "yard")], {})
    board = setup.new_board(detector, sources)
    page = open_page("0", token)
    how = {"make_sinks": setup.sinks_of([], run)}
    thread = threading.Thread(target=cameras.watch, args=(detector, sources, board), kwargs=how)
    with page.serve(board) as address:
        thread.start()
        try:
            yield address
        finally:
            for source in sources.values():
                source.close()
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def video(evaluated_run):
    manifest = json.loads((evaluated_run / "manifest.json").read_text())
    return next(iter(manifest["test"]["videos"].values()))


@pytest.fixture(scope="module")
def address(evaluated_run, video):
    with watching(evaluated_run, video) as found:
        yield found


@pytest.fixture(scope="module")
def guarded(evaluated_run, video):
    with watching(evaluated_run, video, TOKEN) as found:
        yield found


CURVE = "document.querySelector('.camera .line').getAttribute('d')"


def test_scores_move_and_alarms_appear(opened, wait, address):
    page = opened(address)
    wait(page, "document.getElementById('title').textContent === '2 of 2 cameras live'")
    names = page.evaluate("[...document.querySelectorAll('.camera .name')].map(n => n.textContent)")
    assert names == ["gate", "yard"]
    wait(page, f"{CURVE}?.length > 20")
    before = page.evaluate(CURVE)
    wait(page, f"{CURVE} !== {before!r}")
    wait(page, "Number(document.querySelector('.score').textContent) > 0")
    wait(page, "document.querySelector('.picture').naturalWidth > 0")
    number = page.evaluate("document.querySelector('.picture').dataset.number")
    wait(page, f"document.querySelector('.picture').dataset.number !== {number!r}")
    count = page.evaluate("document.querySelectorAll('.alarm').length")
    wait(page, f"document.querySelectorAll('.alarm').length > {count}")
    wait(page, "document.querySelector('.alarm img').naturalWidth > 0")
    assert page.evaluate("document.getElementById('no-alarms').hidden")
    # From the threshold on the curve is drawn in the colour of alarms.
    wait(page, "document.querySelector('.camera .over').getAttribute('d').length > 0")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(opened, wait, address, width, theme):
    page = opened(address, width, theme)
    wait(page, "document.querySelectorAll('.alarm').length > 0")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 20, 26)"
    assert dark == (theme == "dark")


def test_the_token_opens_the_page_and_does_not_stay_in_the_address(opened, wait, guarded):
    page = opened(f"{guarded}?token={TOKEN}")
    assert page.url == guarded
    wait(page, "document.querySelectorAll('.camera').length === 2")
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    assert TOKEN not in cookie["value"]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_without_the_token(guarded, path):
    url = guarded.rstrip("/") + path
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": "vadkit-watch=wrong"},
        {"Cookie": f"vadkit-watch={TOKEN}"},
    ):
        answer = httpx.get(url, headers=headers)
        assert answer.status_code == 401
        assert "camera" not in answer.text and answer.headers["www-authenticate"] == "Bearer"
    assert httpx.get(f"{url}?token=wrong").status_code == 401
    if path == "/state.json":
        answer = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
        assert [one["name"] for one in answer.json()["cameras"]] == ["gate", "yard"]


@pytest.mark.parametrize("path", PATHS)
def test_no_other_name_for_this_machine(address, path):
    """A page of somebody else's whose name was made to point here must see nothing."""
    url = address.rstrip("/") + path
    for host in ("evil.example", "127.0.0.1.evil.example:80", "", "localhost.evil.example"):
        answer = httpx.get(url, headers={"Host": host})
        assert answer.status_code == 421 and "camera" not in answer.text
    if path == "/":
        for host in ("localhost:1", "127.0.0.1", "[::1]:8700"):
            assert httpx.get(url, headers={"Host": host}).status_code == 200


def test_no_other_file(address):
    root = address.rstrip("/")
    for path in ("/report.css", "/watch.html", "/../live_page.py", "/frame/9.jpg", "/frame/-1.jpg"):
        assert httpx.get(root + path).status_code == 404
    headers = httpx.get(root).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert httpx.post(root).status_code == 405
