"""`vadkit eval --detections`, and the detections that a run saves."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vadkit.data.datasets.synthetic import Synthetic
from vadkit.data.detections import read_detections, write_detections
from vadkit.errors import DataError, RecipeError
from vadkit.evaluation.regions import truth_of_masks
from vadkit.workflows.outside.detections import evaluate_detections

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 2}}
clip: {{frames: 3, size: [48, 64], channels: gray, step: 1}}
method: {{type: ocae, clusters: 2, samples: 200}}
networks: {{before: {{width: 4}}, appearance: {{width: 4}}, after: {{width: 4}}}}
train: {{epochs: 1, batch_size: 8}}
hooks: [{{type: checkpoint}}]
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.format(root=tmp_path / "scene"))
    return path


def perfect(root):
    """The abnormal regions of the test videos as detections."""
    dataset = Synthetic(root=root, size=(48, 64), frames=24, train_videos=2)
    found = {}
    for video in dataset.videos("test"):
        known = truth_of_masks(video.masks())
        found[video.id] = np.column_stack([known.frame, known.xyxy, np.ones(len(known.frame))])
    return found


def test_a_recipe_has_the_regions(tmp_path, recipe):
    found = perfect(tmp_path / "scene")
    write_detections(tmp_path / "found.npz", found)
    result = evaluate_detections(tmp_path / "found.npz", recipe)
    got = {metric.name: metric.value for metric in result.metrics}
    assert (got["rbdc"], got["tbdc"], got["frames"]) == (1, 1, 96)
    assert result.as_data()["label_source"]
    assert "from detections" in str(result.metrics[0].protocol)


def test_tracks_need_the_videos(tmp_path):
    (tmp_path / "tracks").mkdir()
    (tmp_path / "tracks/a.txt").write_text("0,1,2,2,5,5\n")
    (tmp_path / "a.txt").write_text("1,2,2,5,5,0.5\n3,5,2,2,5,0.9\n")
    (tmp_path / "found").mkdir()
    (tmp_path / "a.txt").rename(tmp_path / "found/a.txt")
    with pytest.raises(RecipeError, match="needs --videos"):
        evaluate_detections(tmp_path / "found", tmp_path / "tracks")
    for frame in range(4):
        (tmp_path / "videos/a").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / f"videos/a/{frame}.png"), np.zeros((8, 8), np.uint8))
    videos = tmp_path / "videos"
    result = evaluate_detections(tmp_path / "found", tmp_path / "tracks", videos=videos)
    # A false detection in four frames comes first.
    assert result.metrics[0].value == 0.75
    assert "1 of 2 detections have a box that ends before its start" in result.notes[0]
    (videos / "a/3.png").unlink()
    with pytest.raises(DataError, match="has 3 frames, but detections in frame 3"):
        evaluate_detections(tmp_path / "found", tmp_path / "tracks", videos=videos)


def test_a_run_saves_its_detections(vadkit, tmp_path, recipe):
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.strip().splitlines()[-1])
    code, out, err = vadkit("eval", run, "--maps", "--json")
    assert code == 0, err
    of_boxes = [m for m in json.loads(out)["metrics"] if m["protocol_name"] == "raw detections"]
    got = {metric["name"]: metric["value"] for metric in of_boxes}
    saved = run / "scores" / "test" / "detections.npz"
    found = read_detections(saved)
    assert got["detections"] == sum(map(len, found.values())) > 0
    for video, rows in found.items():
        with np.load(run / "scores" / "test" / f"{video}.npz") as scores:
            for frame in np.unique(rows[:, 0]).astype(int):
                highest = rows[rows[:, 0] == frame, 5].max()
                assert scores["scores"][frame] >= highest - 1e-5
    code, out, err = vadkit("eval", "--detections", saved, "--labels", recipe)
    assert code == 0, err
    assert f"RBDC {got['rbdc']:.4f}" in out
    code, _, err = vadkit("eval", "--detections", saved)
    assert code == 2 and "--detections needs --labels" in err
