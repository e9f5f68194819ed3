"""A run that learns from video labels on features from files: train, resume, evaluate."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import vadkit
from vadkit.errors import RecipeError
from vadkit.recipe.resolve import resolve
from vadkit.testing_bags import planted_videos
from vadkit.workflows.detector import Detector
from vadkit.workflows.train import plan, resume


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A feature set with two crops and a split with labels."""
    root = tmp_path_factory.mktemp("weak")
    split = {"train": [], "test": [], "videos": {}}
    for number, video in enumerate(planted_videos(40, 16)):
        rows = video.crop(0)
        np.save(root / f"{video.id}_i3d.npy", np.stack([rows, rows + 0.1], axis=1))
        event = rows[:, :8].reshape(-1, 2, 4).mean(axis=2).max(axis=1) > 1.6
        (places,) = np.nonzero(event & bool(video.abnormal))
        abnormal = [[int(places.min()) * 16, int(places.max() + 1) * 16]] if len(places) else []
        split["train" if number < 24 else "test"].append(video.id)
        split["videos"][video.id] = {"frames": len(video), "abnormal": abnormal}
    (root / "split.json").write_text(json.dumps(split))
    return root


def recipe(material, **sections):
    return resolve(
        {
            "name": "weak",
            "dataset": {"type": "listed", "split": str(material / "split.json"), "fps": 30},
            "features": {"type": "files", "root": str(material)},
            "method": {"type": "top-k"},
            "train": {"epochs": 12, "batch_size": 12},
            "bags": {"holdout": 0.25},
            **sections,
        }
    )


def test_train_and_evaluate(material, tmp_path):
    run = vadkit.train(recipe(material), runs=tmp_path)
    found = vadkit.evaluate(run)
    assert found["raw"]["micro-auc"] > 0.9
    saved = np.load(run / "scores" / "test" / "024.npz")
    scores, labels = saved["scores"], saved["labels"]
    assert len(scores) == len(labels) and len(scores) % 16 == 0
    # Every frame has the score of its segment.
    assert (scores.reshape(-1, 16) == scores[::16, None]).all()
    resolved = vadkit.load_recipe(run / "recipe.yaml")
    assert resolved.bags.dim == 16 and resolved.clip.frames == 16
    # Held out videos, and only normal ones, decide about the threshold.
    calibration = json.loads((run / "calibration.json").read_text())
    assert "held out" in json.dumps(calibration)
    normal = np.load(run / "scores" / "normal.npz")
    kept = [name for name in normal.files if name.isdigit() or name[:3].isdigit()]
    assert all(int(name[:3]) % 2 == 0 for name in kept)
    with pytest.raises(RecipeError, match="has features only for its dataset"):
        Detector.load(run)


def test_a_resumed_run_has_the_same_bits(material, tmp_path):
    whole = vadkit.train(recipe(material), runs=tmp_path / "whole")
    half = vadkit.train(
        recipe(material, train={"epochs": 12, "batch_size": 12, "max_steps": 6}),
        runs=tmp_path / "half",
    )
    text = (half / "recipe.yaml").read_text().replace("max_steps: 6", "max_steps: null")
    (half / "recipe.yaml").write_text(text)
    resume(half)
    one, two = (
        torch.load(run / "checkpoints" / "last.pt", weights_only=True)["method"]
        for run in (whole, half)
    )
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_dry_run_knows_the_size_of_the_network(material):
    # 16 features to 128, and 128 to 1, with biases.
    assert plan(recipe(material))["networks"]["head"]["parameters"] == 17 * 128 + 129


def test_held_out_videos_stop_training_and_choose_a_checkpoint(material, tmp_path):
    hooks = [
        {"type": "metrics-log"},
        {"type": "evaluate", "on": "held-out"},
        {"type": "early-stop", "monitor": "held-out-auc", "patience": 2, "min_delta": 0.5},
        {"type": "checkpoint", "best_on_held_out": "held-out-auc"},
    ]
    run = vadkit.train(recipe(material, hooks=hooks), runs=tmp_path)
    assert (run / "checkpoints" / "best_on_held_out.pt").is_file()
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["stopped_early"] == "held-out-auc has not risen for 2 evaluations"
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    found = [line for line in lines if line.get("on") == "held-out"]
    assert found and 0 <= found[0]["held-out-auc[raw]"] <= 1
    assert vadkit.evaluate(run, checkpoint="best_on_held_out")["raw"]["micro-auc"] > 0.5


def test_held_out_videos_must_exist(material, tmp_path):
    hooks = [{"type": "evaluate", "on": "held-out"}]
    with pytest.raises(RecipeError, match=r"'on: held-out' needs normal and abnormal"):
        vadkit.train(recipe(material, hooks=hooks, bags={}), runs=tmp_path)
    hooks = [{"type": "early-stop", "monitor": "held-out-auc"}]
    with pytest.raises(RecipeError, match=r"add the hook \{type: evaluate, on: held-out\}"):
        vadkit.train(recipe(material, hooks=hooks), runs=tmp_path)


def test_what_features_do_not_allow_is_said(material, tmp_path):
    from vadkit.workflows.bench import bench
    from vadkit.workflows.update.update import update

    with pytest.raises(RecipeError, match="bench measures methods on frames"):
        bench(recipe(material))
    run = vadkit.train(recipe(material, train={"epochs": 1, "batch_size": 12}), runs=tmp_path)
    with pytest.raises(RecipeError, match="learns from features and cannot take in single videos"):
        update(run, videos=tmp_path)
