"""The search space of recipe values: ranges and choices, from a section or from text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from vadkit.errors import RecipeError
from vadkit.recipe.faults import RecipeFaults, describe
from vadkit.recipe.model import Section
from vadkit.recipe.source import parse_value
from vadkit.text import printable

_Number = int | Annotated[float, Field(allow_inf_nan=False)]


class Range(Section):
    """Numbers from ``low`` to ``high``, inclusive; integers if both ends are integers.

    With ``log``, values are drawn uniformly on a logarithmic scale.
    """

    low: _Number
    high: _Number
    log: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"is empty: {self.low} is not below {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"cannot be logarithmic from {self.low} on; start above 0")
        return self

    @property
    def whole(self) -> bool:
        """Whether the range contains only integers: 1 to 4, not 1.0 to 4.0."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> list[Any]:
        """Values to test whether the range fits the parameter."""
        return [self.low, self.high]


class Choices(Section):
    """A list of two or more plain values."""

    values: Annotated[list[bool | int | float | str | None], Field(min_length=2)]

    @property
    def ends(self) -> list[Any]:
        """All values."""
        return list(self.values)


# By place in the recipe, such as ``method.memory``.
Space = dict[str, Range | Choices]


def read_space(given: Mapping[str, Any], place: str) -> Space:
    """Read a section such as ``{method.memory: {low: 0, high: 1}, flow.preset: [fast, medium]}``.

    Raises ``RecipeError`` with the place of the error; ``place`` is that of the section.
    """
    for key, fault in space_faults(given):
        raise RecipeError(f"{place}.{key}: {fault}")
    return {key: _read(value) for key, value in given.items()}


def space_faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find all errors in a search section, by place."""
    for key, value in given.items():
        if not isinstance(value, list | Mapping):
            yield (
                key,
                "must be a range such as {low: 0.1, high: 0.9} or a list of choices; got "
                + describe(value),
            )
            continue
        try:
            _read(value)
        except ValidationError as error:
            yield key, _words(error)


def _read(value: Any) -> Range | Choices:
    if isinstance(value, list):
        return Choices.model_validate({"values": value}, strict=True)
    return Range.model_validate(value, strict=True)


def parse_search(text: str) -> tuple[str, Range | Choices]:
    """Parse ``method.memory=0.2:0.9``, ``...=1:64:log`` or ``flow.preset=fast,medium``.

    Raises ``RecipeError`` that names the option.
    """
    key, equals, value = text.partition("=")
    key, text = key.strip(), printable(text, 100)
    if not equals or not key or not value.strip():
        raise RecipeError(
            f"--search {text}: must be KEY=LOW:HIGH, KEY=LOW:HIGH:log or KEY=ONE,TWO,..., such as "
            "method.memory=0.2:0.9"
        )
    try:
        if ":" in value:
            low, high, *more = (part.strip() for part in value.split(":"))
            if more not in ([], ["log"]):
                raise RecipeError(
                    f"--search {text}: after the second ':' only 'log' is allowed; got {more[0]!r}"
                )
            return key, Range(low=_number(low, text), high=_number(high, text), log=bool(more))
        return key, Choices(values=[parse_value(part, "--search") for part in value.split(",")])
    except ValidationError as error:
        raise RecipeError(f"--search {text}: {_words(error)}") from None
    except RecipeFaults as error:
        message = error.faults[0].message
        raise RecipeError(
            f"--search {text}: {describe(value)} is not a list of plain values: {message}"
        ) from None


def _number(text: str, option: str) -> Any:
    try:
        number = parse_value(text, "--search")
    except RecipeFaults:
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise RecipeError(f"--search {option}: {describe(text)} is not a number")
    return number


def _words(error: ValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "too_short":
        return "one choice leaves nothing to search; give two or more"
    message = str(first["msg"]).removeprefix("Value error, ")
    where = ".".join(str(part) for part in first["loc"] if part in Range.model_fields)
    if first["type"] == "missing":
        message = "missing"
    if first["type"] == "extra_forbidden":
        message = f"unknown; a range has {', '.join(Range.model_fields)}"
    return f"{where}: {message}" if where else message
