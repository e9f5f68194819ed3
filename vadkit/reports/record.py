"""What a report shows of one run, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.scoring.normal import NormalScores


@dataclass
class RunRecord:
    """One evaluated run.

    ``raw``, ``final`` and ``labels`` are ``{video: (N,)}``: scores from the method and after the
    recipe's scorers (``chain``, "raw" for none), NaN where a frame has none, and bool labels.
    ``chain_causal`` says whether a live system could use the scorers, ``chain_keeps_unit`` whether
    the level of ``normal`` means anything for ``final``. ``evaluation`` is eval.json,
    ``training`` the lines of metrics.jsonl, ``overrides`` those of the recipe that scores were made
    under. ``notes`` tell what the report had to leave out.
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
    notes: list[str] = field(default_factory=list)

    @property
    def level(self) -> float | None:
        """The raw score that 99.9% of normal training frames stay below, where it is known."""
        known = self.normal is not None and np.isfinite(self.normal.frame_q999)
        return self.normal.frame_q999 if self.normal is not None and known else None
