"""Zones of a recipe and of a run, from training to scores, calibration and alarms."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from vadkit.workflows.detector import load_detector
from vadkit.zones import add_zone

pytestmark = pytest.mark.slow
RECIPE = """\
name: zoned
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 60, train_videos: 2}}
clip: {{size: [48, 64]}}
method: {{type: motion-field, person: 16}}
{more}
"""
LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]


@pytest.fixture
def trained(vadkit, tmp_path):
    def train(more=""):
        recipe = tmp_path / "zoned.yaml"
        recipe.write_text(RECIPE.format(root=tmp_path / "data", more=more))
        done = vadkit("train", recipe, "--runs", tmp_path / "runs")
        assert done.code == 0, done.err
        return Path(done.out.split()[-1])

    return train


def test_a_zone_added_later_holds_in_every_command_and_marks_what_is_from_before(vadkit, trained):
    run = trained()
    assert vadkit("eval", run).code == 0
    first = {path: path.stat().st_mtime_ns for path in (run / "scores" / "test").glob("*.npz")}
    meta = json.loads((run / "scores" / "test" / "meta.json").read_text())
    video = json.loads((run / "manifest.json").read_text())["test"]["videos"].popitem()[1]
    before = np.array([one.raw for one in load_detector(run).stream(video)])
    assert vadkit("infer", run, video, "--sink", "npz").code == 0
    assert "already finished" in vadkit("infer", run, video, "--sink", "npz").out
    assert "other zones" not in vadkit("calibrate", run, "--list").out
    add_zone(run, LEFT)
    after = np.array([one.raw for one in load_detector(run).stream(video)])
    known = np.isfinite(before)
    assert (after[known] <= before[known] + 1e-3).all() and (after != before)[known].any()
    assert vadkit("eval", run).code == 0
    assert all(path.stat().st_mtime_ns > first[path] for path in first)
    now = json.loads((run / "scores" / "test" / "meta.json").read_text())
    assert meta["zones"] == "" != now["zones"]
    again = {path: path.stat().st_mtime_ns for path in first}
    assert vadkit("eval", run).code == 0
    assert again == {path: path.stat().st_mtime_ns for path in first}
    assert "already finished" not in vadkit("infer", run, video, "--sink", "npz").out
    assert "other zones" in vadkit("calibrate", run, "--list").out
    assert vadkit("calibrate", run).code == 0
    with np.load(run / "scores" / "normal.npz") as saved:
        assert now["zones"] in str(saved["record"])


def test_a_zone_of_the_recipe_holds_in_training_and_is_kept_with_the_run(vadkit, trained):
    zone = f"zones: [{{name: left, polygon: {LEFT}}}]"
    run, plain = trained(zone), trained()
    one, other = (load_detector(each) for each in (run, plain))
    assert [each.name for each in one.zones] == ["left"] and other.zones == ()
    assert one.method.ignored[:, :32].all() and not one.method.ignored[:, 32:].any()
    assert not one.method.sums[0, 0, :, :6].any() and other.method.sums[0, 0, :, :6].any()


def test_zones_of_a_method_that_cannot_are_one_line(vadkit, evaluated_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(evaluated_run, run)
    add_zone(run, LEFT)
    for command in (["eval", run], ["infer", run, tmp_path]):
        done = vadkit(*command)
        assert done.code in (2, 3, 4) and "Traceback" not in done.err
    done = vadkit("eval", run)
    assert done.code == 2
    assert "method 'conv-ae' cannot leave a place out of its score" in done.err
    (run / "zones.json").write_text("{}")
    done = vadkit("eval", run)
    assert done.code == 4 and "zones.json is damaged" in done.err


def test_what_has_hours_does_not_hold_in_files_and_is_said(vadkit, trained):
    zone = f"zones: [{{name: night, polygon: {LEFT}, hours: '22:00-06:00'}}]"
    run = trained(zone + "\nalarms: {hours: '22:00-06:00'}")
    video = json.loads((run / "calibration.json").read_text())
    assert any("zones 'night' do not hold here" in one for one in video["warnings"])
    assert load_detector(run).method.ignored is None
    video = next((run.parents[2] / "data").rglob("*.mp4"))
    done = vadkit("infer", run, video, "--sink", "npz")
    assert done.code == 0 and "zones 'night' do not hold here" in done.err
    assert "alarms are raised at all times here" in done.err
