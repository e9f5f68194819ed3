"""Trials of a search on disk: a line each, so that a search goes on where it was stopped."""

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
    """One configuration: what it sets in the recipe, and how it did, or why it could not."""

    number: int
    values: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    failed: str | None = None

    @property
    def score(self) -> float | None:
        """What is maximised; None where it failed."""
        return self.metrics.get("pseudo-auc")


def read_trials(path: Path, about: Mapping[str, Any]) -> list[Trial]:
    """Trials of the file so far, none where there is no file.

    A last line that a killed process left unfinished is dropped. Raises ``RecipeError`` where the
    file is about another search than ``about``.
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
                    f"trials {path}:{number}: is not JSON; mend or delete it"
                ) from None
    if not whole:
        return []
    if whole[0] != json.loads(json.dumps(about)):
        raise RecipeError(
            f"{path} holds the trials of another recipe, search or data set; choose another --out, "
            "or delete the file to start anew"
        )
    try:
        return [Trial(**line) for line in whole[1:]]
    except TypeError as error:
        raise RecipeError(f"trials {path} hold something else: {error}") from None


def write_trials(path: Path, about: Mapping[str, Any], trials: Sequence[Trial]) -> None:
    """The file with these trials and no unfinished line, whole or not at all."""
    lines = [dict(about), *(asdict(trial) for trial in trials)]
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))


def append_trial(path: Path, trial: Trial) -> None:
    """One more line, on the disk when this returns."""
    append_line(path, json.dumps(asdict(trial)))
