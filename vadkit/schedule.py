"""Hours of the day and days of the week, such as ``22:00-06:00``."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Sequence

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_SPAN = re.compile(r"\s*(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*", re.ASCII)


@functools.lru_cache(maxsize=64)
def spans(hours: str) -> tuple[tuple[int, int], ...]:
    """Return the spans of ``hours``, such as ``08:00-12:00, 13:00-17:00``, in minutes.

    A span whose end is not after its start goes past midnight. Raises ``ValueError``.
    """
    found = []
    for text in hours.split(","):
        match = _SPAN.fullmatch(text)
        if match is None:
            raise ValueError("must be hours such as '22:00-06:00' or '08:00-12:00, 13:00-17:00'")
        start, end = _minutes(match[1], match[2]), _minutes(match[3], match[4])
        if start == end:
            raise ValueError(
                f"'{text.strip()}' starts and ends at the same time; leave the hours out for the "
                "whole day"
            )
        found.append((start % _DAY, end if end > start else end + _DAY))
    return tuple(found)


def _minutes(hour: str, minute: str) -> int:
    found = 60 * int(hour) + int(minute)
    if int(minute) > 59 or found > _DAY:
        raise ValueError(f"'{hour}:{minute}' is not a time of day")
    return found


def is_on(hours: str | None, days: Sequence[str] | None, when: datetime.datetime) -> bool:
    """Whether a time of day is within the hours and days; None is always.

    Hours past midnight belong to the day on which they start.
    """
    minute = 60 * when.hour + when.minute
    day, before = DAYS[when.weekday()], DAYS[when.weekday() - 1]
    for start, end in spans(hours) if hours is not None else ((0, _DAY),):
        if start <= minute < end and (days is None or day in days):
            return True
        if minute + _DAY < end and (days is None or before in days):
            return True
    return False


def local_time(seconds: float) -> datetime.datetime:
    """Return a Unix time as the local time of this computer, which schedules are in."""
    return datetime.datetime.fromtimestamp(seconds)
