"""From a recipe to the features of its videos."""

from __future__ import annotations

import json

import numpy as np

from vadkit.features.track_segments import NAMES, UNUSUAL
from vadkit.recipe.resolve import resolve
from vadkit.workflows.build import load_videos
from vadkit.workflows.feature_sets import segment_videos


def test_people_of_test_videos_are_compared_with_normal_training_videos(tmp_path):
    speeds = {"a": 1, "b": 1, "run": 9, "c": 9}
    for name, speed in speeds.items():
        # Five people each: the fifth nearest would be one of `run`.
        rows = [
            [frame + 1, track, speed * frame, 0, 10, 20]
            for frame in range(16)
            for track in range(1, 6)
        ]
        np.savetxt(tmp_path / f"{name}.txt", rows, delimiter=",")
    videos = {name: {"frames": 16, "abnormal": [[0, 16]] * (name == "run")} for name in speeds}
    split = {"weak_split": {"train": ["a", "b", "run"], "test": ["c"]}, "videos": videos}
    (tmp_path / "split.json").write_text(json.dumps(split))
    features = {"type": "track-segments", "files": [str(tmp_path / f"{n}.txt") for n in speeds]}
    recipe = resolve(
        {
            "name": "x",
            "dataset": {"type": "listed", "split": str(tmp_path / "split.json")},
            "features": {**features, "size": [100, 200], "context": 0, "unusual": True},
            "method": {"type": "top-k"},
        }
    )
    (one,) = segment_videos(recipe, load_videos(recipe, "test"))
    found = dict(zip(NAMES + UNUSUAL, one.crop(0)[0], strict=True))
    # The video `run`, with the same speed, is no normal one.
    assert found["unusual-motion-most"] > np.log(0.5)
