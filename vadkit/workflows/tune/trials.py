"""Trials of a search on disk, one per line, so that an interrupted search can continue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vadkit.errors import RecipeError
from vadkit.files import append_line, write_text


@dataclass(frozen=True)
class Trial:
    """One configuration: its values, and its result or the reason of its failure."""

    number: int
    values: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    failed: str | None = None

    @property
    def score(self) -> float | None:
        """The score to maximise; None if the trial failed."""
        return self.metrics.get("pseudo-auc")


def read_trials(path: Path, about: Mapping[str, Any]) -> list[Trial]:
    """Read the trials of the file; an empty list if there is no file.

    An incomplete last line of a killed process is dropped. Raises ``RecipeError`` if the file
    belongs to another search than ``about``.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"trials {path} cannot be read: {error}") from None
    whole = []
    for number, line in enumerate(lines, 1):
        try:
            whole.append(json.loads(line))
        except json.JSONDecodeError:
            if number < len(lines):
                raise RecipeError(
                    f"trials {path}:{number}: is not JSON; fix or delete it"
                ) from None
    if not whole:
        return []
    if whole[0] != json.loads(json.dumps(about)):
        raise RecipeError(
            f"{path} has the trials of another recipe, search or dataset; choose another --out, "
            "or delete the file to start again"
        )
    try:
        return [Trial(**line) for line in whole[1:]]
    except TypeError as error:
        raise RecipeError(f"trials {path} have other content: {error}") from None


def write_trials(path: Path, about: Mapping[str, Any], trials: Sequence[Trial]) -> None:
    """Write these trials to the file, atomically."""
    lines = [dict(about), *(asdict(trial) for trial in trials)]
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))


def append_trial(path: Path, trial: Trial) -> None:
    """Append a line; it is on disk when this returns."""
    append_line(path, json.dumps(asdict(trial)))
