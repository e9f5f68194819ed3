"""The page of past events: days and hours, pictures, clips, and answers."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from vadkit.errors import RecipeError
from vadkit.inference.store.schema import unix_time
from vadkit.reading import checked
from vadkit.text import counted, printable
from vadkit.workflows.past_events import PastEvent, answer_events, event_file, past_events

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

CHOICES = [
    {"answer": "right", "label": "Right", "help": "Something unusual happened."},
    {"answer": "false", "label": "False", "help": "It was normal; vadkit update learns it."},
    {"answer": "ignore-place", "label": "Ignore this place", "help": "Nothing here matters."},
]
# A page with more than this is slow; older events are on the pages of their days.
_MOST = 500


class EventPage:
    """What the page of past events shows, and what it may change.

    ``run`` is a run, or a folder of `watch --out`.
    """

    def __init__(self, run: Path) -> None:
        self.run = run

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the page, for another server."""
        from vadkit.reports.answer_page import answer_routes

        return answer_routes(self.items, self.media, self.answer, self.of_day)

    def items(self) -> dict[str, Any]:
        """Return the newest events as JSON-like data for the page."""
        events = past_events(self.run)
        return self._shown(events, events)

    def of_day(self, day: str) -> dict[str, Any]:
        """Return the events of a day in local time, such as 2026-11-27.

        Raises ``RecipeError`` for another text.
        """
        try:
            datetime.date.fromisoformat(day)
        except ValueError:
            raise RecipeError(f"'{printable(day, 50)}' is not a day such as 2026-11-27") from None
        events = past_events(self.run)
        return self._shown(events, [one for one in events if _day(one) == day])

    def _shown(self, events: Sequence[PastEvent], chosen: Sequence[PastEvent]) -> dict[str, Any]:
        left = sum(event.answer is None for event in events)
        note = "False alarms become normal with vadkit update; with right ones, vadkit eval RUN "
        note += "--answers measures the model."
        if len(chosen) > _MOST:
            note += f" The newest {_MOST} of {len(chosen):,} are shown."
        days = Counter(day for event in events if (day := _day(event)))
        unanswered = Counter(_day(event) for event in events if event.answer is None)
        return {
            "kicker": "vadkit events",
            "title": f"{counted(len(events), 'past alarm')}, {left:,} without an answer",
            "note": note,
            "items": [_item(event) for event in chosen[: -_MOST - 1 : -1]],
            "days": [
                {"day": day, "count": days[day], "open": unanswered[day]} for day in sorted(days)
            ],
        }

    def media(self, id: str, ending: str) -> Path | None:
        """Return the picture or the clip of an event, None if there is none."""
        return event_file(self.run, id, ending)

    def answer(self, data: Any) -> Any:
        """Keep an answer; what the page sends is checked."""
        sent = checked(Sent, data)
        (given,) = answer_events(self.run, [sent.id], sent.answer, "page")
        return {"answer": given.answer, "at": given.at}


class Sent(BaseModel):
    """An answer as a page sends it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    answer: str


def _local(event: PastEvent) -> datetime.datetime | None:
    at = unix_time(event.record)
    return None if at is None else datetime.datetime.fromtimestamp(at)


def _day(event: PastEvent) -> str | None:
    at = _local(event)
    return None if at is None else at.date().isoformat()


def _item(event: PastEvent) -> dict[str, Any]:
    record, at = event.record, _local(event)
    if at is not None:
        facts = [at.strftime("%Y-%m-%d %H:%M:%S")]
    else:
        facts = [str(record["started_at"] or f"at {record['start']:.1f} s")]
    if record["end"] is not None:
        facts.append(f"{record['end'] - record['start']:.1f} s long")
    if record["peak_score"] is not None and record["threshold"] is not None:
        facts.append(f"peak {record['peak_score']:.4g} (alarm at {record['threshold']:.4g})")
    facts += record["reasons"] or ([record["part"]] if record["part"] else [])
    if record["kind"] != "alarm":
        facts.append(record["kind"])
    return {
        "id": event.id,
        "name": record["source"],
        "part": record["part"],
        "minute": None if at is None else 60 * at.hour + at.minute,
        "facts": facts,
        "answer": event.answer,
        "history": [{"answer": one.answer, "at": one.at} for one in event.answers],
        "choices": CHOICES,
        "picture": event.picture is not None,
        "clip": event.clip is not None,
    }
