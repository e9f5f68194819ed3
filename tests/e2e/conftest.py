"""A browser, for the pages of vadkit."""

import shutil
import time

import pytest


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium; install it with: apt-get install chromium")
    # The sandbox cannot be had as root, as whom CI may run; the page is our own.
    how = {"executable_path": chromium, "args": ["--no-sandbox"]}
    with sync.sync_playwright() as playwright, playwright.chromium.launch(**how) as opened:
        yield opened


@pytest.fixture
def opened(browser):
    """A function from an address to the page, which must stay without errors and by itself."""
    errors, contexts = [], []

    def open_page(address, width=1280, theme="light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}))
        page = contexts[-1].new_page()
        page.emulate_media(color_scheme=theme)
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        host = address.split("?")[0].rstrip("/")
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((host, "data:"))
                else errors.append(f"the page asks for {asked.url}")
            ),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def wait():
    """A function that waits until a condition holds.

    Not wait_for_function, whose eval the page's own policy forbids.
    """

    def until_it_holds(page, condition, seconds=20):
        until = time.monotonic() + seconds
        while not page.evaluate(condition):
            assert time.monotonic() < until, f"still not: {condition}"
            page.wait_for_timeout(50)

    return until_it_holds
