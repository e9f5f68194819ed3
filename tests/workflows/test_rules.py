"""Rules of alarms that change for one call, and not in the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vadkit.errors import RecipeError
from vadkit.scoring.calibration import load_calibration
from vadkit.workflows.detector import load_detector
from vadkit.workflows.infer.archive import infer
from vadkit.workflows.rules import changed_rules


@pytest.fixture
def run(evaluated_run, tmp_path) -> Path:
    return Path(shutil.copytree(evaluated_run, tmp_path / "run"))


def files(run):
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_without_changes_there_are_no_rules(run):
    assert changed_rules(run, (), None) is None


def test_settings_and_rate_change_the_detector_and_not_the_run(run):
    before, detector = files(run), load_detector(run)
    rules = changed_rules(run, ["alarms.merge_s=5", "keep.days=3"], None)
    rules.apply(detector)
    assert (detector.rules.merge_s, detector.keep.days) == (5.0, 3.0)
    assert detector.calibration == load_calibration(run)
    thresholds = []
    for per_hour in (1.0, 100.0, 100_000.0):
        rules = changed_rules(run, [], per_hour)
        rules.apply(detector)
        thresholds.append(detector.threshold)
        assert detector.calibration.false_alarms_per_hour == per_hour
    assert thresholds[0] >= thresholds[1] >= thresholds[2]
    # The limit of the run gives the threshold of the run.
    own = load_calibration(run)
    same = changed_rules(run, [], own.false_alarms_per_hour).calibration
    assert same.threshold == own.threshold
    assert files(run) == before


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("clip.size=[8,8]", "part of the trained model"),
        ("alarms.merge=5", "did you mean 'merge_s'"),
        ("alarms.merge_s=-1", "alarms.merge_s"),
        ("alarms", "--set"),
    ],
)
def test_what_cannot_be_changed_is_said(run, text, match):
    with pytest.raises(RecipeError, match=match):
        changed_rules(run, [text], None)


def test_an_exported_file_has_fixed_rules(tmp_path):
    with pytest.raises(RecipeError, match="export it again"):
        changed_rules(tmp_path / "model.onnx", ["alarms.merge_s=5"], None)


def test_infer_scores_again_with_other_rules(run):
    videos = json.loads((run / "manifest.json").read_text())["test"]["videos"].values()
    video = next(iter(videos))

    def scored(**how):
        (result,) = infer(run, video, sinks=["npz"], **how)
        return result

    assert not scored().kept and scored().kept
    changed = scored(sets=["alarms.min_duration_s=1000"])
    assert (changed.kept, changed.alarms) == (False, 0)
    assert scored(sets=["alarms.min_duration_s=1000"]).kept
