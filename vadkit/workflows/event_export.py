"""Export past events: a table, JSON, or a folder with pictures and clips."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vadkit.errors import RecipeError
from vadkit.files import write_json, write_text, write_whole_folder
from vadkit.workflows.past_events import PastEvent

_COLUMNS = (
    "id",
    "kind",
    "source",
    "started_at",
    "start",
    "end",
    "peak_time",
    "peak_score",
    "threshold",
    "part",
    "reasons",
    "sure",
    "message",
    "answer",
    "picture",
    "clip",
)


def export_events(events: Sequence[PastEvent], place: Path) -> int:
    """Write events to ``place`` and return how many files it has.

    A name that ends in ``.csv`` or ``.json`` is a table; a new folder gets both, with the pictures
    and clips. Raises ``RecipeError`` for another ending, and for a folder that exists.
    """
    if place.suffix == ".csv":
        write_text(place, _table([event.as_data() for event in events]))
        return 1
    if place.suffix == ".json":
        write_json(place, [event.as_data() for event in events])
        return 1
    if place.suffix:
        raise RecipeError(
            f"--export {place}: give a name that ends in .csv or .json, or a new folder for "
            "pictures and clips"
        )
    if place.exists():
        raise RecipeError(f"--export {place}: exists already; give the name of a new folder")
    with write_whole_folder(place) as folder:
        rows = [_copied(event, folder) for event in events]
        write_text(folder / "events.csv", _table(rows))
        write_json(folder / "events.json", rows)
        return sum(1 for _ in folder.iterdir())


def _copied(event: PastEvent, folder: Path) -> dict[str, Any]:
    """Copy the files of an event; return its data with their names."""
    data = event.as_data()
    for name, path in (("picture", event.picture), ("clip", event.clip)):
        if path is not None:
            shutil.copyfile(path, folder / path.name)
            data[name] = path.name
    return data


def _table(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for row in rows:
        table.writerow([_cell(row.get(name)) for name in _COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    # A spreadsheet would run a text that begins like this as a formula.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
