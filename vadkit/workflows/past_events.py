"""The past events of a run with their answers, pictures and clips."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vadkit.errors import DataError, RecipeError
from vadkit.files import describe_os_error, open_regular
from vadkit.registry import find
from vadkit.text import printable
from vadkit.workflows.answers import Answer, Answers, give_answer, read_answers
from vadkit.workflows.run import load_run
from vadkit.zones import add_zone, read_zones, remove_zone

# The folders of a run that `watch` and `infer` write events to.
_FOLDERS = ("watch", "infer")
_FILE = "events.jsonl"
_LONGEST = 1 << 16
# An ignored place is this share of the event's box larger on each side.
_LARGER = 0.1
_ID = "[A-Za-z0-9_.-]{1,200}"
_Side = Annotated[int, Field(ge=1)]
_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Record(BaseModel):
    """What is used of an event's line; the rest is kept as it is."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(pattern=f"^{_ID}$")]
    kind: str = "alarm"
    state: Literal["begun", "over"] = "over"
    source: str
    start: _Number
    end: _Number | None = None
    started_at: str | None = None
    peak_time: _Number | None = None
    peak_score: _Number | None = None
    threshold: _Number | None = None
    region: tuple[int, int, int, int] | None = None
    reasons: list[str] = []
    size: tuple[_Side, _Side] | None = None
    part: str | None = None


@dataclass(frozen=True)
class PastEvent:
    """An event as it was recorded, the folder with its files, and the answers about it.

    ``picture`` and ``clip`` are None if there is no such file.
    """

    record: dict[str, Any]
    folder: Path | None
    answers: tuple[Answer, ...] = ()

    @property
    def id(self) -> str:
        """The id of the event."""
        return str(self.record["id"])

    @property
    def answer(self) -> str | None:
        """The valid answer, None if there is none."""
        return self.answers[-1].answer if self.answers else None

    @property
    def picture(self) -> Path | None:
        """The picture of the peak."""
        return self._file(".jpg")

    @property
    def clip(self) -> Path | None:
        """The clip from before to after the event."""
        return self._file(".mp4")

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        files = {"picture": self.picture, "clip": self.clip}
        return {
            **self.record,
            "answer": self.answer,
            "answers": [{"answer": a.answer, "at": a.at, "by": a.by} for a in self.answers],
            **{name: None if path is None else str(path) for name, path in files.items()},
        }

    def _file(self, ending: str) -> Path | None:
        return None if self.folder is None else _file_of(self.folder, self.id, ending)


def event_file(run: Path, id: str, ending: str) -> Path | None:
    """Return the file of an event with this ending; None if there is none, or for another id."""
    if not re.fullmatch(_ID, id):
        return None
    found = (_file_of(run / name, id, ending) for name in reversed(_FOLDERS))
    return next((path for path in found if path is not None), None)


def _file_of(folder: Path, id: str, ending: str) -> Path | None:
    path = folder / "events" / f"{id}{ending}"
    return path if path.is_file() and not path.is_symlink() else None


def past_events(run: Path, answers: Answers | None = None) -> list[PastEvent]:
    """Return the events that ``watch`` and ``infer`` recorded in a run, in order of time.

    Outages of cameras are left out. Events that only an answer still knows are included. Raises
    ``DataError`` if a file of events cannot be read.
    """
    answers = read_answers(run) if answers is None else answers
    found: dict[str, tuple[dict[str, Any], Path | None]] = {}
    for one in answers.valid("event"):
        with contextlib.suppress(ValueError):
            found[one.id] = (_checked(one.record), None)
    for folder in (run / name for name in _FOLDERS):
        # The last line of an event is complete.
        found.update({record["id"]: (record, folder) for record in _records(folder / _FILE)})
    events = [
        PastEvent(record, folder, tuple(answers.history("event", id)))
        for id, (record, folder) in found.items()
        if not record["kind"].startswith("source-")
    ]
    return sorted(events, key=_in_time)


def answer_events(
    run: Path, ids: Sequence[str], answer: str, by: str = "command line"
) -> list[Answer]:
    """Answer several events; raise ``RecipeError`` for an unknown one before any is answered.

    The place of an event that was answered ``ignore-place`` becomes a zone of the run.
    """
    known = {event.id: event for event in past_events(run)}
    for id in ids:
        if id not in known:
            near = get_close_matches(id, known, 3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise RecipeError(
                f"the run has no event '{printable(id, 200)}'{hint} "
                f"(`vadkit events {run}` lists them)"
            )
    ignores = answer == "ignore-place" and ignores_places(run)
    given = []
    for id in ids:
        event = known[id]
        given.append(give_answer(run, "event", id, answer, event.record, by))
        picture = None if event.picture is None else event.picture.read_bytes()
        keep_place(run, event.record, answer, picture, ignores=ignores)
    return given


def ignores_places(run: Path) -> bool:
    """Whether the method of a run can leave places out of its score."""
    recipe = load_run(run)
    method: Any = find("methods", recipe.method.type).load()
    return bool(method.can_ignore(recipe.method.params))


def keep_place(
    run: Path,
    record: Mapping[str, Any],
    answer: str,
    picture: bytes | None,
    *,
    ignores: bool,
    camera: str | None = None,
) -> None:
    """Ignore the place of an event from now on, or no longer, as its answer says.

    ``picture`` is a JPEG of the whole frame, and ``camera`` the camera that the place is ignored
    for, None for all. ``ignores`` says whether the method can ignore places. Raises ``RecipeError``
    if it cannot, or if the place is unknown; the answer is kept.
    """
    name = f"alarm {record['id']}"[:100]
    if answer != "ignore-place":
        if any(zone.name == name for zone in read_zones(run)):
            remove_zone(run, name)
        return
    if not ignores:
        raise RecipeError(
            f"the answer about {record['id']} is kept, but the method cannot leave a place out of "
            "its score, so the place is not ignored"
        )
    # Records of earlier versions have no size, and their pictures no text below.
    size = record.get("size") or (None if picture is None else _picture_size(picture))
    if record.get("region") is None or size is None:
        raise RecipeError(
            f"the answer about {record['id']} is kept, but its place is unknown, so it is not "
            "ignored; draw the place on the page of `vadkit watch --web`"
        )
    if all(zone.name != name for zone in read_zones(run)):
        add_zone(run, _larger(record["region"], size), name=name, camera=camera)


def _picture_size(jpeg: bytes) -> tuple[int, int] | None:
    """Return the height and width of a picture, None if it is none."""
    import cv2
    import numpy as np

    frame = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE) if jpeg else None
    return None if frame is None else (frame.shape[0], frame.shape[1])


def _larger(region: Sequence[float], size: tuple[int, int]) -> list[tuple[float, float]]:
    """Return the corners of a box, made larger by a tenth on each side, as shares of a picture."""
    left, top, right, bottom = region
    more_x, more_y = _LARGER * (right - left), _LARGER * (bottom - top)
    xs = [min(1.0, max(0.0, x / size[1])) for x in (left - more_x, right + more_x)]
    ys = [min(1.0, max(0.0, y / size[0])) for y in (top - more_y, bottom + more_y)]
    return [(xs[0], ys[0]), (xs[1], ys[0]), (xs[1], ys[1]), (xs[0], ys[1])]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with open_regular(path) as file:
            while line := file.readline(_LONGEST):
                # Lines that vadkit did not write, or not completely, are no events.
                with contextlib.suppress(ValueError, RecursionError):
                    yield _checked(json.loads(line))
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"events cannot be read: {describe_os_error(error)}") from None


def _checked(data: Any) -> dict[str, Any]:
    """Return the record of an event; ``ValueError`` if it is none."""
    record: dict[str, Any] = _Record.model_validate(data).model_dump(mode="json")
    return record


def _in_time(event: PastEvent) -> tuple[str, str, float]:
    record = event.record
    return record["started_at"] or "", record["source"], record["start"]
