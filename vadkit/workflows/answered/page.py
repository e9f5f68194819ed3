"""The page of past events, where each can be answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from vadkit.reading import checked
from vadkit.text import counted
from vadkit.workflows.past_events import PastEvent, answer_events, event_file, past_events

CHOICES = [
    {"answer": "right", "label": "Right", "help": "Something unusual happened."},
    {"answer": "false", "label": "False", "help": "It was normal; vadkit update learns it."},
    {"answer": "ignore-place", "label": "Ignore this place", "help": "Nothing here matters."},
]
# A page with more than this is slow; older events are in the list of `vadkit events`.
_MOST = 500


class EventPage:
    """What the page of past events shows, and what it may change."""

    def __init__(self, run: Path) -> None:
        self.run = run

    def items(self) -> dict[str, Any]:
        """Return the newest events as JSON-like data for the page."""
        events = past_events(self.run)
        left = sum(event.answer is None for event in events)
        note = "False alarms become normal with vadkit update; with right ones, vadkit eval RUN "
        note += "--answers measures the model."
        if len(events) > _MOST:
            note += f" The newest {_MOST} of {len(events):,} are shown."
        return {
            "kicker": "vadkit events",
            "title": f"{counted(len(events), 'past alarm')}, {left:,} without an answer",
            "note": note,
            "items": [_item(event) for event in events[: -_MOST - 1 : -1]],
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


def _item(event: PastEvent) -> dict[str, Any]:
    record = event.record
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
        "facts": facts,
        "answer": event.answer,
        "history": [{"answer": one.answer, "at": one.at} for one in event.answers],
        "choices": CHOICES,
        "picture": event.picture is not None,
        "clip": event.clip is not None,
    }
