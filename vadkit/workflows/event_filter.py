"""Which past events a person asks for: cameras, times, parts, kinds and answers."""

from __future__ import annotations

import datetime
import re
import time
from pathlib import Path

from vadkit.errors import RecipeError
from vadkit.inference.store.store import Wanted
from vadkit.text import printable
from vadkit.workflows.past_events import PastEvent, past_events

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def listed_events(
    place: Path, wanted: Wanted, answered: bool | None, newest: int | None = None
) -> list[PastEvent]:
    """Return the events of a run or folder that are asked for, in order of time."""
    if answered is None:
        return past_events(place, wanted=wanted, newest=newest)
    found = [
        event
        for event in past_events(place, wanted=wanted)
        if answered == (event.answer is not None)
    ]
    return found if newest is None else found[-newest:]


def parse_time(text: str, option: str) -> float:
    """Return the Unix time of a text: ``2026-11-27``, ``2026-11-27T09:30``, or ``3d`` ago.

    A time without a zone is local. Raises ``RecipeError`` for another text.
    """
    ago = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([mhdw])", text.strip())
    if ago:
        return time.time() - float(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise RecipeError(
            f"{option} {printable(text, 50)}: not a time; give a day such as 2026-11-27, a time "
            "such as 2026-11-27T09:30, or how long ago, such as 90m, 12h, 3d or 2w"
        ) from None
