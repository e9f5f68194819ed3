"""The page of a report in a browser: curve and video move together, and the keyboard is enough."""

import shutil
import time

import pytest

pytestmark = pytest.mark.slow

FRAME = "Number(document.getElementById('scrubber').getAttribute('aria-valuenow'))"
CURSOR = "document.getElementById('timeline-plot').layout.shapes[0].x0"
# The frame that the video shows; at its very end, still the last one.
SHOWN = (
    "Math.min(Math.floor(player.currentTime * timeline.current().video.media.rate),"
    " timeline.current().video.frames - 1)"
)
SETTLED = f"{FRAME} === {CURSOR} && {FRAME} === {SHOWN} && !player.seeking"
PLAY_OFFERED = "document.getElementById('play').textContent.trim() === 'Play'"


@pytest.fixture(scope="module")
def pages(evaluated_run, tmp_path_factory):
    """Addresses of a page of one run, of two, and of one with its videos beside it."""
    from vadkit.workflows.report.report import report

    folder = tmp_path_factory.mktemp("pages")
    other = shutil.copytree(evaluated_run, folder / "other")
    report([evaluated_run], out=folder / "one.html")
    report([evaluated_run, other], out=folder / "two.html")
    report([evaluated_run], out=folder / "beside.html", max_bytes=1000)
    return {name: (folder / f"{name}.html").as_uri() for name in ("one", "two", "beside")}


@pytest.fixture
def opened(browser, pages):
    """A function from the name of a page to the page, which must stay without errors."""
    errors, contexts = [], []

    def open_page(name, width=1280, theme="light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}))
        page = contexts[-1].new_page()
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda asked: _only_files(asked.url, errors))
        page.goto(pages[name])
        wait(page, "player.readyState >= 2")
        page.wait_for_selector("#timeline-plot .nsewdrag")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def _only_files(url, errors):
    if not url.startswith(("file:", "data:", "blob:")):
        errors.append(f"the page asks for {url}")


def wait(page, condition, seconds=10):
    """Until it holds. Not wait_for_function, whose eval the page's own policy forbids."""
    until = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < until, f"still not: {condition}"
        page.wait_for_timeout(40)


def click_curve(page, share):
    page.locator("#timelines").scroll_into_view_if_needed()
    box = page.locator("#timeline-plot .nsewdrag").bounding_box()
    page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


@pytest.mark.parametrize("name", ["one", "beside"])
def test_a_click_on_the_curve_moves_the_video(opened, name):
    page = opened(name)
    click_curve(page, 0.5)
    wait(page, f"{SETTLED} && Math.abs({FRAME} - 20) <= 1")
    click_curve(page, 0.25)
    wait(page, f"{SETTLED} && Math.abs({FRAME} - 10) <= 1")


def test_playing_moves_the_cursor_and_pausing_keeps_it(opened):
    page = opened("one")
    # The video of 40 frames would be over before a busy machine has looked.
    page.select_option("#speed", "0.25")
    page.click("#play")
    wait(page, f"{FRAME} >= 5")
    page.click("#play")
    wait(page, f"player.paused && {SETTLED} && {FRAME} >= 5 && {PLAY_OFFERED}")


def test_playing_to_the_end_stops_at_the_last_frame(opened):
    page = opened("one")
    page.select_option("#speed", "4")
    page.click("#play")
    wait(page, f"player.ended && {SETTLED} && {FRAME} === 39 && {PLAY_OFFERED}")


def test_the_keyboard_steps_seeks_plays_and_finds_events(opened):
    page = opened("one")
    page.focus("#scrubber")
    for key, frame in [
        ("ArrowRight", 1),
        ("Shift+ArrowRight", 11),
        ("ArrowLeft", 10),
        ("End", 39),
        ("ArrowRight", 39),
        ("Home", 0),
    ]:
        page.keyboard.press(key)
        wait(page, f"{SETTLED} && {FRAME} === {frame}")
    starts = page.evaluate("timeline.current().video.intervals.map(([start]) => start)")
    if any(starts):
        page.keyboard.press("n")
        wait(page, f"{SETTLED} && {FRAME} === {next(filter(None, starts))}")
    page.keyboard.press("Home")
    page.select_option("#speed", "0.25")
    page.focus("#scrubber")
    page.keyboard.press("Space")
    wait(page, f"!player.paused && {FRAME} >= 3")
    page.keyboard.press("Space")
    wait(page, "player.paused")


def test_the_chooser_works_by_keyboard(opened):
    page = opened("one")
    videos = page.evaluate("report.runs[0].videos.map((one) => one.id)")
    page.focus("#chooser input:checked")
    page.keyboard.press("ArrowDown")
    wait(page, f"timeline.current().video.id === {videos[1]!r} && player.readyState >= 2")
    assert page.evaluate("document.querySelector('#chooser :checked').value") == videos[1]
    assert page.evaluate("document.getElementById('timeline-plot').data[0].name").endswith(
        videos[1]
    )


def test_a_mistake_leads_to_its_place(opened):
    page = opened("one")
    mistake = page.evaluate("report.runs[0].mistakes.alarms[0]")
    page.locator("#alarms button").first.click()
    wait(page, f"{SETTLED} && {FRAME} === {mistake['frame']}")
    assert page.evaluate("timeline.current().video.id") == mistake["video"]


def test_switching_runs_stays_at_the_same_place(opened):
    page = opened("two")
    page.focus("#chooser input:checked")
    page.keyboard.press("ArrowDown")
    click_curve(page, 0.5)
    wait(page, SETTLED)
    before = page.evaluate(f"[timeline.current().video.id, {FRAME}]")
    page.focus("#run-switch input:checked")
    page.keyboard.press("ArrowRight")
    wait(page, "run === report.runs[1]")
    assert page.evaluate(f"[timeline.current().video.id, {FRAME}]") == before
    assert page.locator("#comparison-table tbody tr").count() == 2


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(opened, width, theme):
    page = opened("two", width, theme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 20, 26)"
    assert dark == (theme == "dark")


def test_the_theme_can_be_chosen(opened):
    page = opened("one")
    for name, colour in [("light", "rgb(246, 247, 249)"), ("dark", "rgb(17, 20, 26)")]:
        page.click("#theme")
        assert page.inner_text("#theme") == f"Theme: {name}"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == colour


def test_no_button_sends_data_away(opened):
    titles = opened("one").evaluate(
        "[...document.querySelectorAll('.modebar-btn')].map((one) => one.dataset.title)"
    )
    assert set(titles) == {"Download plot as a PNG", "Zoom in", "Zoom out", "Reset axes"}
