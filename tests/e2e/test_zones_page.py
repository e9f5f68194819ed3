"""Places to ignore, drawn on the page of vadkit watch, and read by the streams."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import cv2
import httpx
import numpy as np
import pytest

from vadkit.recipe import Zone
from vadkit.reports.live_board import Board
from vadkit.zones import add_zone, read_zones, remove_zone

pytest.importorskip("uvicorn", reason="pip install 'vadkit[web]'")
from vadkit.reports.live_page import open_page
from vadkit.workflows.watch.zones import RunZones

OWN = Zone(name="street", polygon=((0, 0), (1, 0), (1, 0.2), (0, 0.2)), hours="22:00-06:00")
TRIANGLE = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]


def watched(tmp_path, *cameras, ignores=True):
    """A board of cameras with a picture, its detector, and their zones."""
    board = Board(list(cameras))
    for camera in board.cameras.values():
        picture = np.full((90, 160, 3), 120, np.uint8)
        camera.picture, camera.pictures = cv2.imencode(".jpg", picture)[1].tobytes(), 1
        camera.state = "live"
    detector = SimpleNamespace(zones=(OWN,), ignores=ignores)
    return board, detector, RunZones(tmp_path, detector, board)


def test_a_drawn_place_is_kept_and_holds_at_once(tmp_path):
    board, detector, zones = watched(tmp_path, "gate")
    with open_page("0", None).serve(board, zones.actions()) as address:
        added = httpx.post(f"{address}zones/add", json={"camera": "gate", "polygon": TRIANGLE})
        assert added.json() == {"name": "place 1"}
        (zone,) = read_zones(tmp_path)
        assert detector.zones == (OWN, zone) and zone.camera is None
        shown = httpx.get(f"{address}state.json").json()["zones"]
        assert [(one["name"], one["removable"], one["always"]) for one in shown] == [
            ("street", False, False),
            ("place 1", True, True),
        ]
        for wrong, said in (
            ({"camera": "yard", "polygon": TRIANGLE}, "no camera 'yard'"),
            ({"camera": "gate", "polygon": TRIANGLE[:2]}, "polygon"),
            ({"camera": "gate", "polygon": [[0, 0], [9, 0], [0, 1]]}, "less than or equal to 1"),
            ({"camera": "gate", "polygon": TRIANGLE, "mode": "x"}, "mode"),
            ({"name": "street"}, "camera"),
            ([], ""),
        ):
            answer = httpx.post(f"{address}zones/add", json=wrong)
            assert answer.status_code == 400 and said in answer.json()["error"]
        answer = httpx.post(f"{address}zones/remove", json={"name": "street"})
        assert "zones of the recipe stay" in answer.json()["error"]
        assert httpx.post(f"{address}zones/remove", json={"name": "place 1"}).status_code == 200
    assert detector.zones == (OWN,) and read_zones(tmp_path) == ()


def test_with_several_cameras_a_place_holds_where_it_was_drawn(tmp_path):
    board, _, zones = watched(tmp_path, "gate", "yard")
    with open_page("0", None).serve(board, zones.actions()) as address:
        httpx.post(f"{address}zones/add", json={"camera": "yard", "polygon": TRIANGLE})
    assert [one.camera for one in read_zones(tmp_path)] == ["yard"]


def test_zones_that_another_program_adds_are_loaded_and_damaged_ones_change_nothing(
    tmp_path, caplog
):
    _, detector, zones = watched(tmp_path, "gate")

    def tick():
        zones._due = 0.0
        zones.tick()

    added = add_zone(tmp_path, TRIANGLE)
    tick()
    assert detector.zones == (OWN, added)
    (tmp_path / "zones.json").write_text("{")
    tick()
    tick()
    assert detector.zones == (OWN, added) and caplog.text.count("zones.json is damaged") == 1
    (tmp_path / "zones.json").unlink()
    tick()
    assert detector.zones == (OWN,)


def test_a_method_that_cannot_ignore_places_offers_none(tmp_path):
    board, detector, zones = watched(tmp_path, "gate", ignores=False)
    assert zones.actions() == {} and board.as_data()["zones"] is None
    assert detector.zones == (OWN,)


@pytest.mark.slow
def test_a_person_draws_a_place_in_the_browser_and_removes_it(opened, wait, tmp_path):
    board, _, zones = watched(tmp_path, "gate")
    with open_page("0", None).serve(board, zones.actions()) as address:
        page = opened(address)
        wait(page, "document.querySelector('.picture')?.naturalWidth === 160")
        wait(page, "document.querySelectorAll('.zones polygon').length === 1")
        page.click("text=Ignore a place")
        box = page.locator(".screen").bounding_box()
        # The picture is wider than its frame of 4:3, so it has bars above and below.
        high = box["width"] * 90 / 160
        top = box["y"] + (box["height"] - high) / 2
        for x, y in TRIANGLE:
            page.mouse.click(box["x"] + x * box["width"], top + y * high)
        assert page.locator(".zones .drawn").count() == 1
        page.click("text=Save")
        wait(page, "document.querySelectorAll('.zones polygon:not(.drawn)').length === 2")
        (zone,) = read_zones(tmp_path)
        np.testing.assert_allclose(zone.polygon, TRIANGLE, atol=0.01)
        page.click("text=Ignore a place")
        page.keyboard.press("Escape")
        assert not page.is_visible("text=Save")
        page.click("[aria-label='Watch place 1 again']")
        wait(page, "document.querySelectorAll('.zones polygon').length === 1")
    assert read_zones(tmp_path) == ()


def test_zones_may_be_added_and_removed_by_several_at_once(tmp_path):
    def both(number):
        add_zone(tmp_path, TRIANGLE, name=f"place {number} of mine")
        remove_zone(tmp_path, f"place {number} of mine")

    threads = [threading.Thread(target=both, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_zones(tmp_path) == ()
