"""Errors in a recipe, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vadkit.errors import RecipeError
from vadkit.registry import did_you_mean
from vadkit.text import printable

# The number of faults in an error message; there may be thousands more.
_SHOWN = 20

# A place in a recipe: keys and list positions, such as ("augments", 0, "type").
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """One error: its place (empty for the whole recipe) and a message."""

    place: Place
    message: str


@dataclass
class Origin:
    """The origin of a recipe's values: the file, the line of each place, and overrides."""

    source: str
    lines: dict[Place, int] = field(default_factory=dict)
    overrides: dict[Place, str] = field(default_factory=dict)

    def locate(self, place: Place) -> str:
        """Return ``recipe.yaml:12`` or ``--set train.epochs=x`` for the nearest known place."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.overrides:
                return f"--set {self.overrides[place[:end]]}"
            if place[:end] in self.lines:
                return f"{self.source}:{self.lines[place[:end]]}"
        return self.source


class RecipeFaults(RecipeError):
    """All errors in one recipe; its text has a line for each of the first ones."""

    def __init__(self, faults: Iterable[Fault], origin: Origin) -> None:
        self.faults = sorted(faults, key=lambda fault: _order(fault, origin))
        self.origin = origin
        lines = [render(fault, origin) for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            more = len(self.faults) - _SHOWN
            lines.append(f"{printable(origin.source)}: and {more:,} more errors")
        super().__init__("\n".join(lines))


def render(fault: Fault, origin: Origin) -> str:
    """``recipe.yaml:12: networks.generator.widht: unknown parameter; did you mean 'width'?``"""
    dotted = printable(".".join(str(part) for part in fault.place), 200)
    where, message = printable(origin.locate(fault.place), 300), printable(fault.message, 2000)
    return ": ".join(part for part in (where, dotted, message) if part)


def _order(fault: Fault, origin: Origin) -> tuple[int, list[tuple[int, str]]]:
    # Entry 2 of a list comes before entry 10.
    keys = [(part, "") if isinstance(part, int) else (0, part) for part in fault.place]
    for end in range(len(fault.place), -1, -1):
        if fault.place[:end] in origin.lines:
            return origin.lines[fault.place[:end]], keys
    return 0, keys


_EXPECTED = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "path_type": "must be a path",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of names to values",
    "model_attributes_type": "must be a mapping of names to values",
    "too_short": "is too short",
    "too_long": "is too long",
}


def from_pydantic(
    error: Mapping[str, Any], prefix: Place, known: Iterable[str], what: str = "parameter"
) -> Fault:
    """Convert an entry of ``ValidationError.errors()``; ``known`` names are used for hints."""
    place = prefix + tuple(error["loc"])
    kind, value = error["type"], error.get("input")
    if kind == "extra_forbidden":
        known = list(known)
        hint = did_you_mean(str(place[-1]), known)
        if not hint:
            hint = f"; known: {', '.join(known)}" if known else "; none are known here"
        return Fault(place, f"unknown {what}{hint}")
    if kind == "missing" and isinstance(place[-1], int):
        return Fault(place[:-1], f"is too short; got {describe(value)}")
    if kind == "missing":
        return Fault(place, f"missing; this {what} is required")
    if kind in _EXPECTED:
        return Fault(place, f"{_EXPECTED[kind]}; got {describe(value)}")
    message = str(error["msg"])
    message = message.removeprefix("Input should be ").removeprefix("Value error, ")
    if message != error["msg"] and not error["msg"].startswith("Value error"):
        message = f"must be {message}"
    return Fault(place, f"{message}; got {describe(value)}")


def count(number: int, what: str) -> str:
    """Format a count: "1 value" or "2 values"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def describe(value: Any) -> str:
    """Format a value as in a recipe, shortened."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        items = ("null" if item is None else describe(item) for item in value[:30])
        text = f"[{', '.join(items)}]"
        short = len(text) <= 60 and len(value) <= 30
        return text if short else f"a list of {count(len(value), 'value')}"
    # Of a long text, a part is enough because it is cut below.
    text = repr(value[:120]) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
