"""Measure a model on what a person answered: right and false alarms, and normal video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.errors import DataError
from vadkit.text import counted
from vadkit.workflows.answered.judge import Judged, judge
from vadkit.workflows.answered.versions import read_versions
from vadkit.workflows.answers import read_answers
from vadkit.workflows.calibrate.reviewed import live_normal_scores, without_marked
from vadkit.workflows.calibrate.saved import kept_calibrations, scores_of
from vadkit.workflows.past_events import past_events
from vadkit.workflows.run import load_run

# Bootstrap samples, the frames of normal video for them, and the pieces that it is cut into.
_DRAWS, _FRAMES, _PIECES = 200, 20_000, 50
# With fewer right alarms than this, the numbers say little.
_FEW = 30


@dataclass(frozen=True)
class Measure:
    """A number with its 95% interval, NaN if unknown, and a description."""

    name: str
    value: float
    low: float
    high: float
    words: str

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        known = {name: None if one != one else one for name, one in numbers.items()}
        return {"name": self.name, **known, "words": self.words}


@dataclass(frozen=True)
class Measured:
    """The measures of a model, the alarms that they are based on, and their limits."""

    right: int
    false: int
    measures: list[Measure]
    notes: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        return {
            "right": self.right,
            "false": self.false,
            "measures": [one.as_data() for one in self.measures],
            "notes": self.notes,
        }


def measure(run: Path) -> Measured:
    """Measure the current version of a run's model on all answered alarms and normal video.

    Raises ``DataError`` if no alarm was answered as right, or if the run has no threshold.
    """
    from vadkit.workflows.detector import load_detector

    recipe, answers = load_run(run), read_answers(run)
    active = next((one for one in kept_calibrations(run) if one.current), None)
    if active is None:
        raise DataError(f"the run has no alarm threshold; set one with: vadkit calibrate {run}")
    judged = judge([load_detector(run)], run, past_events(run, answers))
    right = [one for one in judged if one.answer == "right"]
    if not right:
        raise DataError(
            "no alarm with a video or clip was answered as right, so there is nothing to find; "
            f"answer alarms with: vadkit feedback {run} EVENT right"
        )
    learned = set(read_versions(run)[-1].accepted)
    false = [one for one in judged if one.answer == "false"]
    unlearned = [one for one in false if one.id not in learned]
    normal = without_marked(scores_of(run, active.name), answers)
    live = live_normal_scores(recipe, normal, active.found)
    kept = {
        name: values[np.isfinite(values)]
        for name, values in live.items()
        if not name.startswith("false alarm ")
    }
    seen = active.found.evidence
    measures = [
        _frame_auc(right, unlearned, list(kept.values())),
        *_event_auc(right, unlearned),
        _share("right-found", "right alarms that it still finds", right),
        *([_share("false-left", "false alarms that it still raises", false)] if false else []),
        Measure(
            "false-alarms/h",
            seen.alarms / seen.hours,
            seen.rate_low,
            seen.rate_high,
            f"false alarms per hour, counted in {seen.hours:.3g} h of normal video",
        ),
    ]
    return Measured(len(right), len(false), measures, _notes(right, false, unlearned, judged))


def _share(name: str, words: str, events: Sequence[Judged]) -> Measure:
    from scipy.stats import binomtest

    found = sum(one.peaks[-1][1] for one in events)
    low, high = binomtest(found, len(events)).proportion_ci(method="wilson")
    return Measure(name, found / len(events), low, high, f"{words} ({found} of {len(events)})")


def _frame_auc(
    right: Sequence[Judged], false: Sequence[Judged], normal: Sequence[np.ndarray]
) -> Measure:
    """Return the AUC of frames, with an interval over alarms and pieces of normal video."""
    step = max(1, sum(map(len, normal)) // _FRAMES)
    thinned = np.concatenate([values[::step] for values in normal])
    pieces = [piece for piece in np.array_split(thinned, _PIECES) if len(piece)]
    negatives = [*pieces, *(one.scores for one in false)]
    positives = [one.scores for one in right]
    value = _auc(positives, negatives)
    draw = np.random.default_rng(0)
    drawn = [_auc(_sample(positives, draw), _sample(negatives, draw)) for _ in range(_DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist() if len(right) > 1 else (np.nan, np.nan)
    words = "AUC of frames: right alarms against normal video and false alarms not learned"
    return Measure("frame-auc", value, low, high, words)


def _event_auc(right: Sequence[Judged], false: Sequence[Judged]) -> list[Measure]:
    """Return how often a right alarm has a higher peak than a false one; nothing without both."""
    if not false:
        return []
    sides = [[np.array([one.peaks[-1][0]]) for one in events] for events in (right, false)]
    draw = np.random.default_rng(0)
    drawn = [_auc(*(_sample(side, draw) for side in sides)) for _ in range(_DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    words = "how often a right alarm has a higher peak than a false alarm not learned"
    return [Measure("alarm-auc", _auc(*sides), low, high, words)]


def _sample(units: Sequence[np.ndarray], draw: np.random.Generator) -> list[np.ndarray]:
    return [units[number] for number in draw.integers(len(units), size=len(units))]


def _auc(positives: Sequence[np.ndarray], negatives: Sequence[np.ndarray]) -> float:
    """Return the probability that a positive value is above a negative one; ties count half."""
    high, low = np.concatenate(positives), np.sort(np.concatenate(negatives))
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / 2 / len(low))


def _notes(
    right: Sequence[Judged],
    false: Sequence[Judged],
    unlearned: Sequence[Judged],
    judged: Sequence[Judged],
) -> list[str]:
    notes = [
        "only alarms were judged: what the model missed is unknown, so these numbers are better "
        "than on all video; compare them only between models of this camera"
    ]
    if len(right) < _FEW:
        notes.append(
            f"there are only {counted(len(right), 'right alarm')}, so the intervals are wide, and "
            "too narrow still if the alarms resemble each other"
        )
    if learned := len(false) - len(unlearned):
        notes.append(
            f"the AUC leaves out {counted(learned, 'false alarm')} that this model has learned"
        )
    if clips := sum(not one.exact for one in judged):
        notes.append(
            f"{counted(clips, 'alarm')} could be scored only on a saved clip, which has fewer "
            "frames than the camera"
        )
    return notes
