"""Zones: polygons as masks, and the file of a run."""

import json
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.errors import RecipeError, TrainingError
from vadkit.recipe import Zone
from vadkit.schedule import local_time
from vadkit.zones import add_zone, always_digest, mask, now_on, read_zones, remove_zone

SHARES = st.floats(0, 1, allow_nan=False)
TRIANGLE = [(0, 0), (1, 0), (1, 1)]


def zone(polygon, **more):
    return Zone(name="tree", polygon=tuple(polygon), **more)


def test_a_zone_covers_the_pixels_whose_centres_are_in_its_polygon():
    found = mask((zone([(0.25, 0.5), (1, 0.5), (1, 1), (0.25, 1)]),), (4, 8))
    assert found.astype(int).tolist() == [[0] * 8] * 2 + [[0, 0, *[1] * 6]] * 2
    assert mask((), (4, 8)) is None
    # Too small for the centre of a pixel.
    assert mask((zone([(0, 0), (0.01, 0), (0.01, 0.01)]),), (4, 8)) is None


@given(SHARES, SHARES, SHARES, SHARES)
def test_a_rectangle_covers_its_share_of_the_picture_whichever_way_round_it_is_drawn(a, b, c, d):
    left, right, top, bottom = min(a, b), max(a, b), min(c, d), max(c, d)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if (right - left) * (bottom - top) < 1e-5:
        return
    one, other = (mask((zone(each),), (60, 80)) for each in (corners, corners[::-1]))
    rows = [(top < (n + 0.5) / 60) and ((n + 0.5) / 60 < bottom) for n in range(60)]
    columns = [(left < (n + 0.5) / 80) and ((n + 0.5) / 80 < right) for n in range(80)]
    wanted = np.outer(rows, columns)
    for found in (one, other):
        found = np.zeros((60, 80), bool) if found is None else found
        # A side through the centre of a pixel may count for either.
        assert (found != wanted).sum() <= 2 * (60 + 80) and found.sum() >= wanted.sum() - 280
        if not any((x * 80 - 0.5).is_integer() for x in (left, right)) and not any(
            (y * 60 - 0.5).is_integer() for y in (top, bottom)
        ):
            assert (found == wanted).all()


def test_zones_with_hours_or_a_camera_hold_only_then_and_there():
    always, night, door = (
        zone(TRIANGLE),
        zone(TRIANGLE, hours="22:00-06:00"),
        zone(TRIANGLE, camera="door"),
    )
    every = (always, night, door)
    assert now_on(every) == (always,)
    assert now_on(every, camera="door") == (always, door)
    midnight = local_time(0).replace(hour=23)
    assert now_on(every, midnight) == (always, night)
    assert always_digest([night, door]) == "" != always_digest([always])


def test_added_zones_are_kept_with_the_run_and_removed_by_name(tmp_path):
    assert read_zones(tmp_path) == ()
    first = add_zone(tmp_path, TRIANGLE)
    second = add_zone(tmp_path, TRIANGLE, name="street", camera="door")
    assert [one.name for one in read_zones(tmp_path)] == ["place 1", "street"]
    assert read_zones(tmp_path) == (first, second)
    with pytest.raises(RecipeError, match="already a zone 'street'"):
        add_zone(tmp_path, TRIANGLE, name="street")
    remove_zone(tmp_path, "place 1")
    assert read_zones(tmp_path) == (second,)
    with pytest.raises(RecipeError, match="no added zone 'place 1'"):
        remove_zone(tmp_path, "place 1")


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        ([(0, 0), (1, 1)], "polygon: .*at least 3"),
        ([(0, 0), (0.5, 0.5), (1, 1)], "no area"),
        ([(0, 0), (0, 0), (0, 0)], "no area"),
        ([(0, 0), (2, 0), (1, 1)], "polygon.1.0: .*less than or equal to 1"),
        ([(0, 0), (float("nan"), 0), (1, 1)], "polygon"),
        ([(0, 0, 0)] * 3, "polygon"),
        ([("0", 0), (1, 0), (1, 1)], "polygon.0.0"),
        ([(n / 300, (n % 2) / 2) for n in range(300)], "at most 200"),
    ],
)
def test_polygons_that_are_none_are_refused_and_nothing_is_written(tmp_path, polygon, said):
    with pytest.raises(RecipeError, match=said):
        add_zone(tmp_path, polygon)
    assert not (tmp_path / "zones.json").exists()


def test_a_damaged_file_is_named_and_zones_of_several_writers_are_all_kept(tmp_path):
    threads = [threading.Thread(target=add_zone, args=(tmp_path, TRIANGLE)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_zones(tmp_path)) == 8
    (tmp_path / "zones.json").write_text(json.dumps({"zones": [{"name": "x"}]}))
    with pytest.raises(TrainingError, match=r"zones\.json is damaged: .*polygon"):
        read_zones(tmp_path)
    with pytest.raises(TrainingError, match="does not exist"):
        add_zone(tmp_path / "none", TRIANGLE)
