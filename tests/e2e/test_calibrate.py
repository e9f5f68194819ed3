"""Calibration by the command line: after training, anew, and where it is used."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest

PLUGIN = """\
from vadkit import register
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores
import torch

@register("methods", "mean-frame")
class MeanFrame(Method):
    '''Distance to the mean of training frames.'''

    defaults = {"clip": {"frames": 2, "size": [48, 64], "channels": "gray"},
                "train": {"epochs": 1, "batch_size": 16}}
    fits = []

    def __init__(self, networks, losses, clip):
        super().__init__(networks, losses, clip)
        self.register_buffer("mean", torch.zeros(1, 48, 64))
        self.seen = []

    @classmethod
    def clip_spec(cls, frames, size, channels, step):
        return ClipSpec(frames, size, channels, (frames - 1,), step)

    def collect(self, clips):
        self.seen.append(clips.frames[:, :, -1])

    def finalize(self):
        seen = torch.cat(self.seen)
        self.fits.append(len(seen))
        self.mean.copy_(seen.mean(dim=0))

    def score(self, clips):
        return Scores((clips.frames[:, :, -1] - self.mean).square().mean(dim=(1, 2, 3))[:, None])
"""
RECIPE = """\
name: mean
plugins: [plugin.py]
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 60, train_videos: {videos}}}
method: {{type: mean-frame}}
calibration: {{folds: 3, false_alarms_per_hour: 500}}
alarms: {{merge_s: 0.1}}
"""


@pytest.fixture
def train(vadkit, tmp_path):
    def run(videos=5, *options):
        (tmp_path / "plugin.py").write_text(PLUGIN)
        recipe = tmp_path / "mean.yaml"
        recipe.write_text(RECIPE.format(root=tmp_path / "scene", videos=videos))
        code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs", *options)
        assert code == 0, err
        return tmp_path / "runs" / "mean" / out.split("/")[-1].strip(), err

    return run


def read(run):
    return json.loads((run / "calibration.json").read_text())


def fits():
    from vadkit.registry import find

    return find("methods", "mean-frame").load().fits


def test_training_calibrates_on_folds_and_eval_uses_it(vadkit, train, tmp_path):
    run, err = train()
    assert "by pot on 12 s of training videos, each scored by a fit on the others (3 folds)" in err
    # 59 clips a video: all of them, then without videos 0 and 3, 1 and 4, 2.
    assert fits() == [5 * 59, 3 * 59, 3 * 59, 4 * 59]
    found = read(run)
    assert found["scorers"] == [{"type": "ema", "halflife": 4.0}]
    assert (found["evidence"]["videos"], found["false_alarms_per_hour"]) == (5, 500)
    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, err
    thresholds = {
        metric["protocol"].split(":")[0]: metric["value"]
        for metric in json.loads(out)["metrics"]
        if metric["name"] == "threshold"
    }
    assert thresholds == {"online": found["threshold"]}

    # Another rate takes the scores that are kept.
    rate = ("--false-alarms-per-hour", 50000, "--alarm-time", 1)
    code, out, err = vadkit("calibrate", run, *rate, "--json")
    assert code == 0, err
    assert json.loads(out) == read(run)
    assert read(run)["threshold"] < found["threshold"]
    assert len(fits()) == 4
    # A run from before calibration gets the same from its training video.
    (run / "scores" / "normal.npz").unlink()
    assert vadkit("calibrate", run).code == 0
    assert len(fits()) == 7
    assert read(run) == found


def test_other_normal_video_can_be_given(vadkit, train, tmp_path):
    run, _ = train()
    (folder,) = (tmp_path / "scene").iterdir()
    code, out, err = vadkit(
        "calibrate",
        run,
        "--videos",
        folder / "training",
        "--method",
        "conformal",
        "--false-alarms-per-hour",
        100,
    )
    assert code == 0, err
    assert "5 videos: the videos in" in out and "ema(halflife=4)" in out
    assert "warning: from 5 normal videos, 12 s in total, no rate" in err
    with np.load(run / "scores" / "normal.npz") as saved:
        assert len(saved["names"]) == 5 and saved["lengths"].tolist() == [60] * 5
        assert np.isnan(saved["scores"][::60]).all()
    assert "warning: the run was trained on these videos, so the threshold is too low" in err
    assert vadkit("calibrate", run, "--videos", tmp_path / "none").code == 3
    code, _, err = vadkit("calibrate", run, "--alarm-time", 1.5)
    assert code == 2 and "above 0 and at most 1; got 1.5" in err
    code, _, err = vadkit("calibrate", run, "--list", "--alarm-time", 0.1)
    assert code == 2 and "--list cannot be used with other options" in err
    code, _, err = vadkit("calibrate", run, "--false-alarms-per-hour", 0)
    assert code == 2 and "more than 0 false alarms per hour" in err


def test_a_folder_with_training_videos_gives_a_warning(vadkit, train, tmp_path):
    """Copies under another name count; videos that were held out or are new do not."""
    run, _ = train(5, "--set", "calibration.holdout=0.4")
    (scene,) = (tmp_path / "scene").iterdir()
    files = sorted((scene / "training").iterdir())

    def warned(*chosen):
        folder = tmp_path / "chosen"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number, path in enumerate(chosen):
            shutil.copyfile(path, folder / f"copy {number}.mp4")
        code, _, err = vadkit("calibrate", run, "--videos", folder)
        assert code == 0, err
        lines = [line for line in err.splitlines() if "was trained on" in line]
        kept = [text for text in read(run)["warnings"] if "was trained on" in text]
        assert [f"warning: {text}" for text in kept] == lines and len(lines) < 2
        return lines[0] if lines else ""

    # Of five videos, numbers 1 and 3 are held out.
    new = next((scene / "testing").glob("*.mp4"))
    assert warned(files[1], files[3], new) == ""
    assert "trained on 1 of these 2 videos" in warned(files[0], files[1])
    assert "trained on these videos" in warned(files[2])
    code, _, err = vadkit("calibrate", run)
    assert code == 0 and "was trained on" not in err


def test_a_single_video_is_split_by_time(train):
    run, err = train(1)
    # 20 frames a fold, one frame between: fits on frames 21 to 59; 0 to 18, 41 to 59; 0 to 38.
    assert fits() == [59, 38, 18 + 18, 38]
    assert read(run)["evidence"]["videos"] == 1
    assert "training video, each part scored by a fit on the others (3 folds)" in err


def test_held_out_video_is_not_trained_on(train):
    run, err = train(5, "--set", "calibration.holdout=0.4")
    assert fits() == [3 * 59]
    assert read(run)["evidence"]["videos"] == 2
    assert "training videos that were held out of training" in err


def test_gradients_see_all_video_and_a_warning_says_so(vadkit, tmp_path):
    recipe = tmp_path / "ae.yaml"
    recipe.write_text(
        f"dataset: {{type: synthetic, root: {tmp_path / 'scene'}, size: [48, 64], frames: 40}}\n"
        "clip: {frames: 4, size: [48, 64]}\nmethod: {type: conv-ae}\n"
        "networks: {autoencoder: {width: 8}}\ntrain: {max_steps: 2, batch_size: 8}\n"
        "scorers: [{type: ema, halflife: 2}]\n"
    )
    code, out, err = vadkit("train", recipe, "--runs", tmp_path)
    assert code == 0, err
    run = tmp_path / "ae" / out.split("/")[-1].strip()
    assert "the method was trained on these videos" in read(run)["warnings"][0]
    assert read(run)["scorers"] == [{"type": "ema", "alpha": None, "halflife": 2.0}]
    code, _, err = vadkit("train", recipe, "--runs", tmp_path, "--set", "calibration=null")
    assert code == 0 and "threshold" not in err


def test_a_failed_calibration_keeps_the_run(train, vadkit):
    run, err = train(1, "--set", "calibration.folds=60")
    assert not (run / "calibration.json").exists()
    assert json.loads((run / "manifest.json").read_text())["status"] == "done"
    assert "no alarm threshold:" in err
    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, err
    assert math.isfinite(
        next(m["value"] for m in json.loads(out)["metrics"] if m["name"] == "threshold")
    )


def test_faults_of_the_sections_are_reported(vadkit, tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "dataset: {type: folder, root: x}\nmethod: {type: conv-ae}\n"
        "calibration: {methd: pot, folds: 1}\nalarms: {merge: 2}\nsinks: [{type: webhok}]\n"
    )
    code, _, err = vadkit("validate", recipe)
    assert code == 2
    assert "r.yaml:3: calibration.methd: unknown parameter; did you mean 'method'?" in err
    assert "calibration.folds: must be greater than or equal to 2; got 1" in err
    assert "r.yaml:4: alarms.merge: unknown parameter; did you mean 'merge_s'?" in err
    assert "no sinks component named 'webhok'; did you mean 'webhook'?" in err
