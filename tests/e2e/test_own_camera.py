"""The recipe for one's own camera, unchanged but for the folder, from video to scores."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from vadkit.data.datasets.synthetic import Synthetic
from vadkit.data.tensors import Clips
from vadkit.recipe import load_recipe
from vadkit.workflows.detector import Detector


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """A folder of three short normal videos of an odd size, and a video with a runner."""
    folder = tmp_path_factory.mktemp("camera")
    drawn = Synthetic(
        root=folder / "scene", train_videos=3, test_videos=4, frames=90, size=(62, 86)
    )
    (folder / "videos" / "monday").mkdir(parents=True)
    for number, video in enumerate(drawn.videos("train")):
        shutil.copy(video.path, folder / "videos" / ("monday" if number else ".") / video.path.name)
    return folder / "videos", drawn.videos("test")[0]


def test_normal_videos_in_and_scores_with_their_part_out(camera, vadkit, tmp_path, caplog):
    videos, runner = camera
    # The size is small only to be quick.
    code, out, err = vadkit(
        "train", "own-camera", "--runs", tmp_path, "--set", f"dataset.root={videos}",
        "--set", "clip.size=[60,80]",
    )  # fmt: skip
    assert code == 0, err
    # Two videos are held out together, then the third.
    assert not caplog.text
    run = Path(out.strip().splitlines()[-1])
    normal = json.loads((run / "normal.json").read_text())
    # Of held-out video: 2% of the frames of each part are above level 1.
    assert -0.2 < normal["frame_q50"] < 0.9 < normal["frame_q99"] and normal["frames"] > 100

    code, out, err = vadkit("infer", run, runner.path, "--json")
    assert code == 0, err
    (result,) = json.loads(out)
    scores = np.load(next(path for path in result["files"] if path.endswith(".npz")))["raw"]
    labels = runner.labels(90)
    assert np.isfinite(scores[20:]).all()
    assert np.nanmax(scores[labels]) > np.nanmax(scores[~labels]) + 0.5

    method = Detector.load(run).method
    frames = torch.rand(1, 3, method.clip.frames, 60, 80)
    flow = torch.zeros(1, 2, len(method.clip.flow), 60, 80)
    assert set(method.score(Clips(frames, flow)).parts) == {"motion", "places"}


def test_parts_without_a_network_find_a_bag_that_was_left(tmp_path, vadkit):
    drawn = Synthetic(root=tmp_path / "scene", train_videos=6, test_videos=4, frames=120)
    bag = drawn.videos("test")[3]
    code, out, err = vadkit("train", "quickstart-fusion", "--runs", tmp_path / "runs",
                            "--set", f"dataset.root={tmp_path / 'scene'}")  # fmt: skip
    assert code == 0, err
    code, out, err = vadkit("infer", out.strip().splitlines()[-1], bag.path, "--json")
    assert code == 0, err
    (result,) = json.loads(out)
    scores = np.load(next(path for path in result["files"] if path.endswith(".npz")))["raw"]
    labels = bag.labels(120)
    assert np.nanmedian(scores[labels]) > np.nanmax(scores[~labels]) + 0.5


def test_the_recipe_asks_for_a_folder_and_nothing_else():
    recipe = load_recipe("own-camera")
    assert recipe.dataset.params["root"] == "videos"
    assert (recipe.networks, recipe.optimizers, recipe.scorers) == ({}, {}, [])
    assert recipe.flow.params == {"preset": "fast", "upscale": 2}
    # 16:9 to within a percent, and in whole cells.
    assert recipe.clip.size == (240, 428)


def test_videos_too_short_to_hold_out_are_reported(camera, vadkit, tmp_path):
    videos, _ = camera
    code, _, err = vadkit(
        "train", "own-camera", "--runs", tmp_path, "--set", f"dataset.root={videos}",
        "--set", "clip.size=[60,80]", "--set", "clip.frames=87",
    )  # fmt: skip
    assert code == 4
    assert "there are 12 training clips, too few to hold any out" in err
