"""Files written by the version of 2026-11-26 load and give the same figures.

``tests/old_files`` has two runs, what that version printed for them, and the videos. Do not write
them again with a newer version.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

OLD = Path(__file__).parents[1] / "old_files"
VIDEOS = OLD / "videos"
HERE = [
    *("--set", f"dataset.root={VIDEOS / 'training'}"),
    *("--set", f"dataset.test={VIDEOS / 'testing'}"),
    *("--set", f"dataset.labels={VIDEOS / 'labels.json'}"),
]


@pytest.fixture(params=["conv-ae", "motion"])
def run(request, tmp_path):
    return Path(shutil.copytree(OLD / request.param, tmp_path / request.param))


def figures(evaluation):
    return {
        (metric["name"], metric["protocol"]): (metric["value"], metric.get("low"))
        for metric in evaluation["metrics"]
    }


def test_saved_scores_give_the_same_figures(vadkit, run, all_samples):
    expected = json.loads((run / "expected_eval.json").read_text())
    code, out, err = vadkit("eval", run, "--trust-plugins", "--json")
    assert code == 0, err
    assert "using the saved scores" in err
    found = figures(json.loads(out))
    for key, (value, low) in figures(expected).items():
        assert found[key] == (pytest.approx(value, nan_ok=True), pytest.approx(low, nan_ok=True)), (
            key
        )


def test_checkpoints_give_the_same_scores(vadkit, run):
    before = {path.name: np.load(path)["scores"] for path in run.glob("scores/test/*.npz")}
    assert len(before) == 4
    shutil.rmtree(run / "scores")
    code, _, err = vadkit("eval", run, "--trust-plugins", "--json", *HERE)
    assert code == 0, err
    for name, scores in before.items():
        now = np.load(run / "scores" / "test" / name)["scores"]
        np.testing.assert_allclose(now, scores, rtol=1e-3, atol=1e-5)


def test_infer_gives_the_same_scores_and_alarms(vadkit, run, tmp_path):
    (expected,) = json.loads((run / "expected_infer.json").read_text())
    out = tmp_path / "out"
    arguments = (VIDEOS / "testing" / "01.mp4", "--sink", "npz", "--out", out, "--json")
    code, printed, err = vadkit("infer", run, *arguments, "--trust-plugins")
    assert code == 0, err
    (found,) = json.loads(printed)
    for key in ("frames", "scored", "alarms", "status", "error"):
        assert found[key] == expected[key], key
    assert found["peak"] == pytest.approx(expected["peak"], rel=1e-3)
    with np.load(run / "expected_infer.npz") as before, np.load(next(out.rglob("*.npz"))) as now:
        assert set(before) <= set(now)
        for name in ("raw", "final"):
            np.testing.assert_allclose(now[name], before[name], rtol=1e-3, atol=1e-5)


def test_every_other_command_takes_them(vadkit, run, tmp_path):
    assert vadkit("validate", run / "recipe.yaml").code == 0
    trust = "--trust-plugins"
    code, out, err = vadkit("calibrate", run, "--use", "training", trust, "--json")
    assert code == 0, err
    saved = json.loads((OLD / run.name / "calibration.json").read_text())
    assert json.loads(out)["threshold"] == saved["threshold"]
    other = shutil.copytree(
        OLD / ("motion" if run.name == "conv-ae" else "conv-ae"), tmp_path / "b"
    )
    plot = tmp_path / "compare.png"
    assert vadkit("compare", run, other, trust, "--plot", plot).code == 0
    assert plot.stat().st_size > 0
    page = tmp_path / "page"
    code, _, err = vadkit("report", run, trust, "--out", page)
    assert code == 0, err
    scores = run / "scores" / "test"
    (scores / "meta.json").unlink()
    code, out, err = vadkit(
        "eval", "--scores", scores, "--labels", VIDEOS / "labels.json", "--fps", 25, "--json"
    )
    assert code == 0, err
    before = figures(json.loads((run / "expected_eval.json").read_text()))
    micro = [value for (name, protocol), (value, _) in before.items() if name == "micro-auc"]
    found = [m["value"] for m in json.loads(out)["metrics"] if m["name"] == "micro-auc"]
    assert found[0] == pytest.approx(micro[0])
