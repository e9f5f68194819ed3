"""Heads on ShanghaiTech's weak split, by tracks: what a recipe of theirs is worth at least."""

from __future__ import annotations

from pathlib import Path

import pytest

from vadkit.workflows.evaluate.evaluation import evaluate
from vadkit.workflows.train import train

RECIPES = Path(__file__).parents[3] / "recipes" / "shanghaitech"


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "raw", "smoothed"), [("top-k", 0.74, 0.80), ("rtfm", 0.74, 0.80)]
)
def test_a_head_learns_from_video_labels(head, raw, smoothed, real_data, tmp_path):
    folder = real_data / "shanghaitech"
    run = train(
        RECIPES / f"weak-{head}.yaml",
        overrides=[
            f"dataset.split={folder}/labels.json",
            f"features.files=[{folder}/tracks_train.npz, {folder}/tracks_test.npz]",
            "calibration=null",
        ],
        runs=tmp_path,
    )
    areas = {one.protocol.name: one["micro-auc"] for one in evaluate(run).results}
    print(head, areas)
    first, *_, last = areas.values()
    assert first > raw and last > smoothed, areas
