"""`vadkit eval --maps`: maps kept on disk, measured against masks, and why there are none."""

import json
from pathlib import Path

import numpy as np
import pytest

from vadkit.data.datasets.synthetic import Synthetic
from vadkit.data.videos import Track
from vadkit.evaluation.pixels import PixelAuc
from vadkit.evaluation.region_detection import RegionDetection
from vadkit.methods.conv_ae import ConvAutoEncoder
from vadkit.methods.method import Scores

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 2}}
clip: {{frames: 5, size: [32, 48], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 1, batch_size: 8}}
hooks: [{{type: checkpoint}}, {{type: evaluate}}]
evaluators: [{{type: frame-auc}}{evaluators}]
"""


@pytest.fixture
def train(vadkit, tmp_path):
    def run(evaluators=""):
        recipe = tmp_path / "tiny.yaml"
        recipe.write_text(RECIPE.format(root=tmp_path / "scene", evaluators=evaluators))
        code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
        assert code == 0, err
        return Path(out.strip().splitlines()[-1])

    return run


def evaluated(vadkit, run, *arguments):
    code, out, err = vadkit("eval", run, "--json", *arguments)
    assert code == 0, err
    return json.loads(out)


def of_maps(data):
    return [metric for metric in data["metrics"] if metric["protocol"].startswith("raw maps")]


def test_maps_are_saved_and_evaluated(vadkit, train):
    run = train()
    folder = run / "scores" / "test" / "maps"
    assert not of_maps(evaluated(vadkit, run)) and not folder.exists()
    code, _, err = vadkit("eval", run, "--maps")
    assert code == 0, err
    assert "saving maps of 96 frames at 32x48: 0.28 MiB" in err
    maps = {path.stem: np.load(path) for path in sorted(folder.glob("*.npy"))}
    assert list(maps) == ["01", "02", "03", "04"]
    for name, own in maps.items():
        assert (own.shape, own.dtype) == ((24, 32, 48), np.float16)
        with np.load(run / "scores/test" / f"{name}.npz") as saved:
            # conv-ae's score is the mean of its map, here in another unit.
            scale = json.loads((folder / "meta.json").read_text())["scale"]
            means = own.astype(np.float64).mean(axis=(1, 2)) / scale
            np.testing.assert_allclose(means, saved["scores"], rtol=2e-3)

    made = (folder / "01.npy").stat().st_mtime_ns
    data = evaluated(vadkit, run, "--maps")
    assert (folder / "01.npy").stat().st_mtime_ns == made
    assert data["not_measured"] == {}
    dataset = Synthetic(root=run.parents[2] / "scene", size=(48, 64), frames=24, train_videos=2)
    masks = {video.id: video.masks() for video in dataset.videos("test")}
    wanted = {
        (metric.name, sigma): metric.value
        for sigma in (0.0, 5.0)
        for evaluator in (PixelAuc(sigma=sigma), RegionDetection(sigma=sigma))
        for metric in evaluator(maps, masks)
    }
    got = {
        (metric["name"], 5.0 if "sigma 5" in metric["protocol"] else 0.0): metric["value"]
        for metric in of_maps(data)
    }
    assert got == pytest.approx(wanted)
    assert all("checkpoint last" in metric["protocol"] for metric in of_maps(data))
    assert json.loads((run / "eval.json").read_text()) == data


def test_a_recipe_chooses(vadkit, train):
    run = train(", {type: region-detection, beta: 0.3, sigma: 2, thresholds: 20}")
    metrics = of_maps(evaluated(vadkit, run))
    assert {metric["name"] for metric in metrics} >= {"rbdc", "tbdc"}
    assert "pixelwise-auc" not in {metric["name"] for metric in metrics}
    assert "sigma 2 pixels, alpha 0.1, beta 0.3" in metrics[0]["protocol"]


def test_a_method_without_maps(vadkit, train, monkeypatch):
    score = ConvAutoEncoder.score
    monkeypatch.setattr(
        ConvAutoEncoder, "score", lambda self, clips: Scores(score(self, clips).frames)
    )
    run = train()
    data = evaluated(vadkit, run, "--maps")
    reason = "method 'conv-ae' returns no score maps"
    assert data["not_measured"] == {"pixel-auc": reason, "region-detection": reason}
    assert not list((run / "scores").rglob("*.npy"))
    assert f"pixel-auc not measured: {reason}." in vadkit("eval", run, "--maps").out


def without_masks(monkeypatch, **changes):
    videos = Synthetic.videos

    def changed(self, split):
        found = videos(self, split)
        return [type(one)(**{**vars(one), "masks": None, **changes}) for one in found]

    monkeypatch.setattr(Synthetic, "videos", changed)


def test_data_without_masks(vadkit, train, monkeypatch):
    run = train()
    without_masks(monkeypatch)
    data = evaluated(vadkit, run, "--maps")
    assert data["not_measured"] == {
        "pixel-auc": "dataset 'synthetic' has no pixel masks",
        "region-detection": "dataset 'synthetic' has neither pixel masks nor tracks",
    }
    assert not (run / "scores/test/maps").exists()


def test_tracks_are_enough_for_regions(vadkit, train, monkeypatch):
    run = train()
    track = Track(np.array([10, 11]), np.array([[4, 4, 20, 20], [5, 4, 21, 20]]))
    without_masks(monkeypatch, tracks=lambda: [track])
    data = evaluated(vadkit, run, "--maps")
    assert list(data["not_measured"]) == ["pixel-auc"]
    counts = {metric["name"]: metric["value"] for metric in of_maps(data)}
    assert (counts["regions"], counts["tracks"]) == (8, 4)


def test_maps_are_of_a_run(vadkit, tmp_path):
    code, _, err = vadkit("eval", "--scores", tmp_path, "--labels", tmp_path, "--maps")
    assert code == 2
    assert "--maps needs a run" in err


def test_a_damaged_map_file(vadkit, train):
    run = train()
    evaluated(vadkit, run, "--maps")
    (run / "scores/test/maps/02.npy").write_bytes(b"no array")
    code, _, err = vadkit("eval", run, "--maps")
    assert code == 3
    assert "02.npy cannot be read" in err and "delete" in err
