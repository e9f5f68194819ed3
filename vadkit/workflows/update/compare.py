"""Compare two versions of a model on all answered events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.errors import TrainingError
from vadkit.workflows.answered.judge import Judged, judge
from vadkit.workflows.answered.versions import Version, read_versions
from vadkit.workflows.past_events import past_events

if TYPE_CHECKING:
    from vadkit.workflows.detector import Detector


def compare_versions(run: Path) -> list[Judged]:
    """Return what the version before the current one, and the current one, say about events."""
    from vadkit.workflows.detector import load_detector

    versions = read_versions(run)
    base = next((one for one in versions if one.number == versions[-1].base), None)
    if base is None:
        raise TrainingError(f"the model of {run} has only one version, so nothing to compare")
    return judge([_detector(run, base), load_detector(run)], run, past_events(run))


def _detector(run: Path, version: Version) -> Detector:
    from vadkit.scoring.calibration import load_calibration
    from vadkit.workflows.detector import load_detector

    detector = load_detector(run, f"version-{version.number}")
    if version.calibration is None:
        return replace(detector, calibration=None)
    found = load_calibration(run / "calibrations" / version.calibration)
    return replace(detector, calibration=found or detector.calibration)
