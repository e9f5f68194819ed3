"""The main path through the command line: train, evaluate, infer, on a tiny drawn scene."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 2}}
clip: {{frames: 5, size: [48, 64], channels: gray}}
method: {{type: {method}}}
{networks}
train: {{epochs: 2, batch_size: 8}}
hooks:
  - {{type: progress}}
  - {{type: metrics-log, every: 2}}
  - {{type: checkpoint, keep: 1}}
  - {{type: evaluate}}
  - {{type: lr-monitor}}
  - {{type: timing}}
  - {{type: tensorboard}}
  - {{type: early-stop, patience: 3}}
scorers: [{{type: gaussian, sigma: 2}}, {{type: minmax-per-video}}]
"""
NETWORKS = {
    "future-frame": "augments: [{type: tensor-flip}]\n"
    "networks: {generator: {width: 4}, discriminator: {width: 4}}",
    "conv-ae": "augments: [{type: fliplr}]\nnetworks: {autoencoder: {width: 8}}",
}


@pytest.mark.parametrize("method", NETWORKS)
def test_train_eval_infer(method, vadkit, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    root = tmp_path / "scene"
    recipe.write_text(RECIPE.format(root=root, method=method, networks=NETWORKS[method]))
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.strip().splitlines()[-1])
    assert run.parent == tmp_path / "runs" / "tiny"
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["status"] == "done"
    # 2 videos of 20 clips make 5 batches of 8 an epoch; conv-ae's defaults do not matter here.
    assert manifest["step"] == 10
    assert {p.name for p in (run / "checkpoints").iterdir()} == {
        "last.pt",
        "best.pt",
        "epoch-0002.pt",
    }
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    epochs = [line for line in lines if line["event"] == "epoch"]
    assert [line["epoch"] for line in epochs] == [1, 2]
    assert epochs[1]["loss"] < epochs[0]["loss"]
    assert all(
        key.startswith("lr/") is False or value > 0
        for key, value in epochs[0].items()
        if key != "event"
    )
    assert list((run / "tensorboard").iterdir())
    assert [line["event"] for line in lines].count("evaluated") == 2

    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, err
    first = json.loads(out)
    values = {(m["name"], m["protocol"].split(":")[0]): m["value"] for m in first["metrics"]}
    assert values["frames", "raw"] == 96
    # Both score one of a clip's 5 frames, so 4 frames of each of the 4 videos have no clip.
    assert values["unscored", "raw"] == 16
    assert 0 <= values["micro-auc", "raw"] <= 1
    assert {"raw", "online", "offline", "recipe"} <= {protocol for _, protocol in values}

    video = next(iter(manifest_videos(run).values()))
    copy = tmp_path / "copied.mp4"
    shutil.copyfile(video, copy)
    shutil.rmtree(root)
    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, "saved scores are enough: " + err
    assert json.loads(out)["metrics"] == first["metrics"]

    code, out, err = vadkit("infer", run, copy, "--json", "--out", tmp_path / "out")
    assert code == 0, err
    result = json.loads(out)[0]
    assert result["frames"] == 24
    files = {Path(path).suffix: Path(path) for path in result["files"]}
    assert all(path.stat().st_size for path in files.values())
    assert len(files[".jsonl"].read_text().splitlines()) == 24
    with np.load(files[".npz"]) as scored, np.load(run / "scores/test/01.npz") as saved:
        # The detector streams; the evaluation reads the store. The scores are the same.
        np.testing.assert_allclose(scored["raw"], saved["scores"], rtol=1e-4, atol=1e-6)


def manifest_videos(run):
    return json.loads((run / "manifest.json").read_text())["test"]["videos"]


def test_infer_continues_after_a_bad_video(vadkit, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    networks = "networks: {generator: {width: 2}, discriminator: null}"
    text = RECIPE.format(root=tmp_path / "scene", method="future-frame", networks=networks)
    recipe.write_text(text.partition("hooks:")[0])
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs", "--set", "train.epochs=1")
    assert code == 0, err
    run = out.strip()
    folder = next((tmp_path / "scene").glob("*/testing"))
    (folder / "00.mp4").write_text("no video")
    code, out, err = vadkit("infer", run, folder, "--workers", 1, "--json")
    assert code == 3
    assert "1 of 5 videos could not be scored" in err
    results = {Path(item["video"]).name: item for item in json.loads(out)}
    assert list(results) == ["00.mp4", "01.mp4", "02.mp4", "03.mp4", "04.mp4"]
    assert [name for name, item in results.items() if item["error"]] == ["00.mp4"]
    code, out, err = vadkit("infer", run, folder / "00.mp4")
    assert code == 3
    assert "00.mp4; check that it is a complete video file" in err
    code, out, err = vadkit("infer", run, tmp_path / "none*.mp4")
    assert code == 3
    assert "matches nothing" in err


def test_eval_of_a_folder_that_is_not_a_run(vadkit, tmp_path):
    assert vadkit("eval", tmp_path / "none").code == 4
    code, _, err = vadkit("eval", tmp_path)
    assert code == 4
    assert "is not a run folder" in err


def test_lists_and_schema(vadkit):
    families = json.loads(vadkit("list-components", "--json").out)
    listed = {entry["family"]: entry["components"] for entry in families}
    methods = json.loads(vadkit("list-components", "methods", "--json").out)
    assert listed["methods"] == len(methods)
    assert {"future-frame", "motion-field"} <= {entry["name"] for entry in methods}
    unet = json.loads(vadkit("list-components", "networks", "unet", "--json").out)
    assert unet["parameters"] == [
        {"name": "width", "type": "int", "default": "64", "bounds": ">= 1"},
        {"name": "skips", "type": "bool", "default": "True", "bounds": ""},
        {"name": "bounded", "type": "bool", "default": "True", "bounds": ""},
        {"name": "norm", "type": "bool", "default": "False", "bounds": ""},
    ]
    code, _, err = vadkit("list-components", "network")
    assert code == 2
    assert "did you mean 'networks'?" in err
    shipped = Path(__file__).parents[2] / "docs" / "recipe.schema.json"
    assert json.loads(vadkit("schema").out) == json.loads(shipped.read_text())
