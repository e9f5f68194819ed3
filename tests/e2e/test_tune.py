"""`vadkit tune`, and training with evaluation on pseudo-anomalies, on drawn videos."""

import json
from pathlib import Path

import pytest
import yaml

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [96, 128], frames: 50, train_videos: {videos}}}
clip: {{frames: 4, size: [96, 128], channels: gray}}
flow: {{type: dis, preset: ultrafast, upscale: 1}}
method: {{type: motion-field}}
evaluators:
  - {{type: pseudo-anomaly, clips: 1, frames: 6, kinds: [{{type: pace}}, {{type: playback}}]}}
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return tmp_path_factory.mktemp("scene")


@pytest.fixture
def recipe(tmp_path, scene):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.format(root=scene, videos=3))
    return path


SEARCH = ("--search", "method.memory=0.0:0.9", "--search", "method.lost_frames=true,false")


def test_tune_writes_trials_and_the_best_recipe(vadkit, recipe, tmp_path):
    out = tmp_path / "best.yaml"
    code, text, err = vadkit("tune", recipe, *SEARCH, "--trials", 3, "--out", out, "--json")
    assert code == 0, err
    found = json.loads(text)
    assert found["held_out"] == ["03"]
    assert [trial["number"] for trial in found["trials"]] == [0, 1, 2]
    assert found["trials"][0]["values"] == {}
    best = max(found["trials"], key=lambda trial: trial["metrics"]["pseudo-auc"])
    assert found["best"] == best["number"]
    for trial in found["trials"]:
        areas = [trial["metrics"][f"pseudo-auc[{kind}]"] for kind in ("pace", "playback")]
        assert trial["metrics"]["pseudo-auc"] == pytest.approx(sum(areas) / 2)
        assert 0 <= trial["values"].get("method.memory", 0) <= 0.9
    written = yaml.safe_load(out.read_text())
    for key, value in best["values"].items():
        assert written["method"][key.removeprefix("method.")] == value
    assert vadkit("validate", out).code == 0

    # A search that was killed while it wrote goes on: two trials are there, one is made anew.
    log = tmp_path / "best.trials.jsonl"
    lines = log.read_text().splitlines()
    log.write_text("\n".join([*lines[:3], lines[3][:20]]))
    code, text, err = vadkit("tune", recipe, *SEARCH, "--trials", 3, "--out", out)
    assert code == 0, err
    assert "trial 2:" in err
    assert "trial 1:" not in err
    assert text.splitlines()[-1] == str(out)
    again = log.read_text().splitlines()
    assert again[:3] == lines[:3]
    assert len(again) == 4

    code, _, err = vadkit("tune", recipe, "--search", "method.prior=1:9", "--out", out)
    assert code == 2
    assert "has the trials of another recipe, search or dataset; choose another --out" in err


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (
            "method.memroy=0.1:0.9",
            "--search method.memroy: unknown parameter; did you mean 'memory'?",
        ),
        ("method.memory=0.9:0.1", "is empty: 0.9 is not below 0.1"),
        ("method.memory=0.5:1.5", "--search method.memory: must be less than 1; got 1.5"),
        ("flow.preset=fast,slow", "--search flow.preset: must be 'ultrafast', 'fast' or 'medium'"),
    ],
)
def test_an_invalid_search_is_reported_before_anything_runs(vadkit, recipe, search, message):
    code, out, err = vadkit("tune", recipe, "--search", search)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_one_video_is_too_few(vadkit, tmp_path, scene):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.format(root=scene / "one", videos=1))
    code, out, err = vadkit("tune", path, *SEARCH)
    assert (code, out) == (3, "")
    assert "held out of training, but there is only 1 training video; give two or more" in err


LEARNED = """\
name: learned
dataset: {{type: synthetic, root: {root}, size: [96, 128], frames: 50, train_videos: 3}}
clip: {{frames: 4, size: [96, 128], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 4}}}}
train: {{epochs: 4, batch_size: 8, max_steps: 40}}
hooks:
  - {{type: metrics-log}}
  - {{type: evaluate, on: pseudo-anomaly}}
  - {{type: early-stop, monitor: pseudo-auc, patience: 1, min_delta: 2.0}}
  - {{type: checkpoint, best_on_pseudo: pseudo-auc}}
evaluators:
  - {{type: frame-auc}}
  - {{type: pseudo-anomaly, clips: 1, frames: 4, kinds: [{{type: pace}}]}}
"""


def test_training_stops_and_keeps_a_checkpoint_without_labels(vadkit, tmp_path, scene):
    path = tmp_path / "learned.yaml"
    path.write_text(LEARNED.format(root=scene))
    code, out, err = vadkit("train", path, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.split()[-1])
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["dataset"]["held_out"] == ["03"]
    assert manifest["dataset"]["videos"] == 2
    # No rise of 2 is possible: the second evaluation is the first without one.
    assert manifest["stopped_early"] == "pseudo-auc has not risen for 1 evaluations"
    assert manifest["epochs"] == 2
    assert (run / "checkpoints" / "best_on_pseudo.pt").is_file()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    tested = [line for line in lines if line["event"] == "evaluated"]
    assert tested
    assert all(any(name.startswith("pseudo-auc[pace@2]") for name in line) for line in tested)

    code, out, err = vadkit("eval", run, "--checkpoint", "best_on_pseudo")
    assert code == 0, err
    assert "pseudo-anomalies, micro AUC 0." in out
    # A run that has seen the video is not tested with it.
    manifest["dataset"]["held_out"] = []
    (run / "manifest.json").write_text(json.dumps(manifest))
    code, out, err = vadkit("eval", run)
    assert code == 0, err
    assert "pseudo-anomaly not measured: the run was trained on video '03'" in out
