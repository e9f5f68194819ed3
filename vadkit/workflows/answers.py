"""Answers of a person about alarms and normal video, kept in ``RUN/answers.jsonl``.

The file is only appended to, one line per answer, and each line is on the disk before the answer
counts as given. The last answer about a thing is valid; the earlier ones are its history.
"""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from pydantic import BaseModel, Field, ValidationError

from vadkit.errors import RecipeError, TrainingError
from vadkit.files import append_line, describe_os_error, open_regular
from vadkit.text import printable

EventAnswer = Literal["right", "false", "ignore-place"]
ReviewAnswer = Literal["normal", "not-normal", "ignore"]
About = Literal["event", "stretch"]
ANSWERS: dict[About, tuple[str, ...]] = {
    "event": get_args(EventAnswer),
    "stretch": get_args(ReviewAnswer),
}
_FILE = "answers.jsonl"
_LONGEST = 1 << 16
_log = logging.getLogger("vadkit.answers")


@dataclass(frozen=True)
class Answer:
    """An answer about an alarm ("event") or a stretch of normal video ("stretch").

    ``id`` is that of the event or stretch, and ``record`` describes it, so that the answer keeps
    its meaning if the event is deleted. ``at`` is the time of day in UTC, and ``by`` where the
    answer was given.
    """

    about: About
    id: str
    answer: str
    record: dict[str, Any]
    at: str
    by: str = "command line"

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        return asdict(self)


class Answers:
    """All answers of a run, in the order in which they were given."""

    def __init__(self, given: Iterable[Answer] = ()) -> None:
        self.given = list(given)
        self._last: dict[tuple[About, str], Answer] = {}
        self._history: dict[tuple[About, str], list[Answer]] = {}
        for one in self.given:
            self._last[one.about, one.id] = one
            self._history.setdefault((one.about, one.id), []).append(one)

    def last(self, about: About, id: str) -> Answer | None:
        """Return the valid answer about a thing, None if there is none."""
        return self._last.get((about, id))

    def history(self, about: About, id: str) -> list[Answer]:
        """Return all answers about a thing, the oldest first."""
        return list(self._history.get((about, id), ()))

    def valid(self, about: About, *answers: str) -> list[Answer]:
        """Return the valid answers of this kind, by default all, in the order of the things."""
        kept = [one for one in self._last.values() if one.about == about]
        return [one for one in kept if not answers or one.answer in answers]


class _Line(BaseModel):
    """A line of the file."""

    about: Literal["event", "stretch"]
    id: str = Field(max_length=1000)
    answer: str
    record: dict[str, Any] = {}
    at: str = Field(max_length=40)
    by: str = Field(default="", max_length=100)


def give_answer(
    run: Path, about: About, id: str, answer: str, record: dict[str, Any], by: str = "command line"
) -> Answer:
    """Append an answer; when this returns, it is on the disk.

    Raises ``RecipeError`` for an unknown answer, and ``TrainingError`` if it cannot be written;
    then nothing of it is kept.
    """
    if answer not in ANSWERS[about]:
        choices = ", ".join(ANSWERS[about])
        raise RecipeError(f"'{printable(answer, 100)}' is not an answer; choose one of: {choices}")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    given = Answer(about, id, answer, record, now.replace("+00:00", "Z"), by)
    if not run.is_dir():
        raise TrainingError(f"no run at {printable(str(run))}, so the answer is not kept")
    try:
        append_line(run / _FILE, json.dumps(given.as_data(), allow_nan=False))
    except OSError as error:
        raise TrainingError(f"the answer was not kept: {describe_os_error(error)}") from None
    return given


def read_answers(run: Path) -> Answers:
    """Return the answers of a run; a warning names damaged lines, which are left out."""
    given: list[Answer] = []
    damaged: list[int] = []
    try:
        with open_regular(run / _FILE) as file:
            for number, line in enumerate(_lines(file), start=1):
                try:
                    given.append(_parsed(line))
                except ValueError:
                    damaged.append(number)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise TrainingError(f"answers cannot be read: {describe_os_error(error)}") from None
    if damaged:
        _log.warning(
            "%s: %d damaged lines are left out, the first is line %d",
            run / _FILE,
            len(damaged),
            damaged[0],
        )
    return Answers(given)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield complete lines; of a line that is too long, only the start.

    The last line of a process that was killed is incomplete: its answer was not given.
    """
    while line := file.readline(_LONGEST):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST)
        if rest:
            yield line


def _parsed(line: bytes) -> Answer:
    """Raise ``ValueError`` for a line that is not an answer."""
    try:
        found = _Line.model_validate_json(line)
    except (ValidationError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if found.answer not in ANSWERS[found.about]:
        raise ValueError(found.answer)
    return Answer(found.about, found.id, found.answer, found.record, found.at, found.by)
