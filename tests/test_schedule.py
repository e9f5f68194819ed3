"""Hours and days: which minutes of the week a schedule covers."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.schedule import DAYS, is_on, spans

MONDAY = datetime.datetime(2026, 11, 23)
TIMES = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")


def at(hour, minute=0, days=0):
    return MONDAY + datetime.timedelta(days=days, hours=hour, minutes=minute)


def test_hours_may_go_past_midnight_and_belong_to_the_day_they_start_on():
    assert is_on("22:00-06:00", None, at(23)) and is_on("22:00-06:00", None, at(5, 59))
    assert not is_on("22:00-06:00", None, at(6)) and not is_on("22:00-06:00", None, at(21, 59))
    assert is_on("22:00-06:00", ["mon"], at(5, days=1)) and not is_on("22:00-06:00", ["mon"], at(5))
    assert is_on("08:00-12:00, 13:00-24:00", None, at(23, 59))
    assert not is_on("08:00-12:00, 13:00-24:00", None, at(12, 30))
    assert is_on(None, ["sun"], at(0, days=6)) and not is_on(None, ["sun"], at(0))
    assert is_on("0:00-24:00", None, at(0)) and is_on("24:00-01:00", ["tue"], at(0, days=1))


@given(TIMES, TIMES, st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True))
def test_as_many_minutes_of_the_week_are_on_as_the_hours_have(start, end, days):
    if start == end:
        with pytest.raises(ValueError, match="same time"):
            spans(f"{start}-{end}")
        return
    ((first, last),) = spans(f"{start}-{end}")
    week = [MONDAY + datetime.timedelta(minutes=n) for n in range(7 * 24 * 60)]
    assert sum(is_on(f"{start}-{end}", days, one) for one in week) == len(days) * (last - first)


@pytest.mark.parametrize(
    "text", ["", "22-06", "22:00", "25:00-26:00", "12:60-13:00", "a", "٢٢:00-23:00", "24:01-25:00"]
)
def test_other_texts_are_refused_with_an_example_or_the_wrong_time(text):
    with pytest.raises(ValueError, match=r"hours such as|not a time of day"):
        spans(text)
