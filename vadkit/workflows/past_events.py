"""The past events of a run with their answers, pictures and clips."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vadkit.errors import RecipeError
from vadkit.inference.store.keep import Removed, prune
from vadkit.inference.store.records import ID, LINES, checked_record
from vadkit.inference.store.schema import FILE
from vadkit.inference.store.store import EventStore, Wanted
from vadkit.recipe import Keep
from vadkit.registry import find
from vadkit.text import printable
from vadkit.workflows.answers import Answer, Answers, give_answer, read_answers
from vadkit.workflows.run import check_run, load_run
from vadkit.zones import add_zone, read_zones, remove_zone

# The folders of a run that `watch` and `infer` write events to.
_FOLDERS = ("watch", "infer")
# An ignored place is this share of the event's box larger on each side.
_LARGER = 0.1


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


def event_file(place: Path, id: str, ending: str) -> Path | None:
    """Return the file of an event with this ending; None if there is none, or for another id.

    ``place`` is a run, or a folder of `watch --out`.
    """
    if not re.fullmatch(ID, id):
        return None
    found = (_file_of(folder, id, ending) for folder in reversed(event_folders(place)))
    return next((path for path in found if path is not None), None)


def _file_of(folder: Path, id: str, ending: str) -> Path | None:
    path = folder / "events" / f"{id}{ending}"
    return path if path.is_file() and not path.is_symlink() else None


def is_folder_of_events(place: Path) -> bool:
    """Whether `watch --out` wrote events to this folder; otherwise it is taken for a run."""
    return any((place / name).exists() for name in (FILE, LINES))


def check_place(place: Path) -> None:
    """Raise ``TrainingError`` if a place is neither a run nor a folder of events."""
    if not is_folder_of_events(place):
        check_run(place)


def prune_events(place: Path, days: float | None, gib: float | None, *, dry: bool) -> Removed:
    """Remove old events of a run or folder with their files; see ``prune``."""
    answers = _answers_of(place) if is_folder_of_events(place) else read_answers(place)
    answered = {one.id for one in answers.valid("event")}
    events: tuple[str, ...] = ()
    freed = left = 0
    for folder in event_folders(place):
        # The folder of `watch` has most, so it is first; the limit holds for each.
        removed = prune(folder, Keep(days=days, gib=gib), answered, dry=dry)
        events, freed, left = (
            events + removed.events,
            freed + removed.bytes,
            left + removed.left,
        )
    return Removed(events, freed, left)


def event_folders(place: Path) -> list[Path]:
    """Return the folders with the events of a run, or of a folder of `watch --out`."""
    return [place] if is_folder_of_events(place) else [place / name for name in _FOLDERS]


def past_events(
    place: Path,
    answers: Answers | None = None,
    wanted: Wanted | None = None,
    newest: int | None = None,
) -> list[PastEvent]:
    """Return the events that ``watch`` and ``infer`` recorded, in order of time.

    ``place`` is a run, or a folder of `watch --out`. ``wanted`` says which; by default all but
    outages of cameras. With ``newest``, only the last ones are read and returned. Events that only
    an answer still knows are included. Raises ``DataError`` if they cannot be read.
    """
    folders = event_folders(place)
    found: dict[str, tuple[dict[str, Any], Path | None]] = {}
    if is_folder_of_events(place):
        answers = answers or _answers_of(place)
    else:
        answers = read_answers(place) if answers is None else answers
        for one in answers.valid("event"):
            with contextlib.suppress(ValueError):
                found[one.id] = (checked_record(one.record), None)
    wanted = wanted or Wanted()
    found = {id: one for id, one in found.items() if wanted.has(one[0])}
    for folder in folders:
        found.update({one["id"]: (one, folder) for one in EventStore(folder).find(wanted, newest)})
    events = [
        PastEvent(record, folder, tuple(answers.history("event", id)))
        for id, (record, folder) in found.items()
    ]
    events.sort(key=_in_time)
    return events if newest is None else events[-newest:]


def _answers_of(folder: Path) -> Answers:
    """Return the answers of all runs that watched cameras into a folder."""
    runs = set(EventStore(folder).runs().values())
    return Answers(one for run in sorted(runs) if run.is_dir() for one in read_answers(run).given)


def run_of(place: Path, camera: str) -> Path:
    """Return the run that keeps answers about a camera's events; ``RecipeError`` if none does."""
    if not is_folder_of_events(place):
        return place
    run = EventStore(place).runs().get(camera)
    if run is None or not run.is_dir():
        raise RecipeError(
            f"the run that watched '{printable(camera)}' is unknown or gone, so there is no place "
            "for an answer"
        )
    return run


def answer_events(
    place: Path, ids: Sequence[str], answer: str, by: str = "command line"
) -> list[Answer]:
    """Answer several events; raise ``RecipeError`` for an unknown one before any is answered.

    The place of an event that was answered ``ignore-place`` becomes a zone of the run.
    """
    known = {event.id: event for event in past_events(place)}
    for id in ids:
        if id not in known:
            near = get_close_matches(id, known, 3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise RecipeError(
                f"the run has no event '{printable(id, 200)}'{hint} "
                f"(`vadkit events {place}` lists them)"
            )
    runs = [run_of(place, known[id].record["source"]) for id in ids]
    given = []
    for id, run in zip(ids, runs, strict=True):
        event = known[id]
        ignores = answer == "ignore-place" and ignores_places(run)
        given.append(give_answer(run, "event", id, answer, event.record, by))
        picture = None if event.picture is None else event.picture.read_bytes()
        camera = event.record["source"] if is_folder_of_events(place) else None
        keep_place(run, event.record, answer, picture, ignores=ignores, camera=camera)
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


def _in_time(event: PastEvent) -> tuple[str, str, float]:
    record = event.record
    return record["started_at"] or "", record["source"], record["start"]
