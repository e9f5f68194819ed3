"""The data that a report shows for one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.scoring.calibration import Calibration
from vadkit.scoring.normal import NormalScores
from vadkit.scoring.scorer import chain_label


@dataclass
class RunRecord:
    """One evaluated run, or frame scores of other code, which have no recipe.

    ``raw``, ``final`` and ``labels`` are ``{video: (N,)}``: scores of the method; scores after the
    recipe's scorers, or live scores if there are none (``chain``, "raw" for no scorers); and bool
    labels. Scores are NaN for frames without a score. ``chain_causal`` says whether a live system
    could use the scorers, ``chain_keeps_unit`` whether the level of ``normal`` applies to
    ``final``. ``calibration`` is the run's, if any. ``evaluation`` is eval.json, ``training`` the
    lines of metrics.jsonl, ``overrides`` those of the recipe that scores were made with, ``rates``
    the frames a second by video, if known. ``notes`` say what the report had to leave out.
    """

    name: str
    folder: Path
    recipe: dict[str, Any]
    recipe_text: str
    manifest: dict[str, Any]
    evaluation: dict[str, Any]
    training: list[dict[str, Any]]
    normal: NormalScores | None
    chain: str
    chain_causal: bool
    chain_keeps_unit: bool
    raw: dict[str, np.ndarray]
    final: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    overrides: tuple[str, ...] = ()
    rates: dict[str, float] = field(default_factory=dict)
    calibration: Calibration | None = None
    notes: list[str] = field(default_factory=list)

    def level(self, chain: str) -> float | None:
        """Return the threshold for scores after the scorers ``chain`` ("raw" for none), if any.

        It is the calibrated threshold, which applies to only one chain. Without calibration, it is
        the raw score that 99.9% of normal training frames stay below.
        """
        if self.calibration is not None:
            made_for = chain_label(self.calibration.chain())
            return self.calibration.threshold if chain == made_for else None
        known = self.normal is not None and np.isfinite(self.normal.frame_q999)
        if self.normal is None or not known or (chain != "raw" and not self.chain_keeps_unit):
            return None
        return self.normal.frame_q999
