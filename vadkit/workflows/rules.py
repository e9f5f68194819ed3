"""Rules of alarms for one call of ``infer`` or ``watch``, without changing the run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.errors import RecipeError
from vadkit.recipe import AlarmSettings, Keep
from vadkit.text import printable
from vadkit.workflows.answers import read_answers
from vadkit.workflows.calibrate.saved import current_scores
from vadkit.workflows.calibrate.threshold import fit_reviewed, settings_like
from vadkit.workflows.run import load_run

if TYPE_CHECKING:
    from vadkit.scoring.calibration import Calibration
    from vadkit.workflows.detector import Detector

# Sections of a recipe that a trained model does not depend on.
_CHANGEABLE = ("alarms", "keep")


@dataclass(frozen=True)
class Rules:
    """Changed rules: settings of alarms, how long events are kept, and another threshold.

    ``calibration`` is None if the threshold stays.
    """

    alarms: AlarmSettings
    keep: Keep
    calibration: Calibration | None = None

    def apply(self, detector: Detector) -> None:
        """Let a detector follow these rules."""
        detector.alarms, detector.keep = self.alarms, self.keep
        if self.calibration is not None:
            detector.calibration = self.calibration

    @property
    def digest(self) -> str:
        """A digest of all that changes alarms."""
        threshold = None if self.calibration is None else self.calibration.threshold
        text = f"{self.alarms.model_dump_json()} {threshold!r}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def changed_rules(run: Path, sets: Sequence[str], per_hour: float | None) -> Rules | None:
    """Return the rules of a run with these changes, None without any.

    ``sets`` are changes of the recipe, such as ``alarms.merge_s=5``. ``per_hour`` false alarms set
    the threshold again from the scores of the active calibration. Raises ``RecipeError`` for a
    change that would need a new training, and for an exported file.
    """
    if not sets and per_hour is None:
        return None
    if not run.is_dir():
        raise RecipeError(
            f"{printable(str(run))} is an exported file with fixed rules; change those of its "
            "run and export it again"
        )
    known = " and ".join(_CHANGEABLE)
    for text in sets:
        section = text.partition("=")[0].strip().partition(".")[0]
        if section not in _CHANGEABLE:
            raise RecipeError(
                f"--set {printable(text, 200)}: '{printable(section, 50)}' is part of the trained "
                f"model; without training, only {known} can be changed"
            )
    recipe = load_run(run, tuple(sets))
    if per_hour is None:
        return Rules(recipe.alarms, recipe.keep)
    now, normal = current_scores(run)
    settings = settings_like(recipe, now).model_copy(update={"false_alarms_per_hour": per_hour})
    found = fit_reviewed(recipe, normal, settings, read_answers(run))
    return Rules(recipe.alarms, recipe.keep, found)
