"""A method that takes optical flow and boxes, from training to new video."""

import json
from pathlib import Path

import numpy as np

PLUGIN = '''\
import torch
import vadkit
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores


@vadkit.register("methods", "motion-of-objects")
class MotionOfObjects(Method):
    """Mean speed in the frame, and the area of its objects, against those of training."""

    defaults = {
        "clip": {"frames": 2, "size": [48, 64], "channels": "gray"},
        "flow": {"type": "dis", "preset": "ultrafast"},
        "objects": {"type": "blobs"},
        "train": {"epochs": 1, "batch_size": 8},
    }

    def __init__(self, networks, losses, clip):
        super().__init__(networks, losses, clip)
        self.register_buffer("usual", torch.zeros(()))
        self.seen = []

    @classmethod
    def clip_spec(cls, frames, size, channels, step):
        return ClipSpec(frames, size, channels, (1,), step, flow=(1,), boxes=1)

    def raw(self, clips):
        areas = [((b[:, 2:] - b[:, :2]).prod(1)).sum() for b in clips.boxes]
        return clips.flow.abs().mean((1, 2, 3, 4)) + torch.stack(areas) / 3072

    def collect(self, clips):
        self.seen.append(self.raw(clips))

    def finalize(self):
        self.usual.copy_(torch.cat(self.seen).mean())

    @torch.no_grad()
    def score(self, clips):
        return Scores((self.raw(clips) - self.usual)[:, None])
'''
RECIPE = """\
plugins: [moves.py]
dataset: {{type: synthetic, root: {root}, size: [96, 128], frames: 24, train_videos: 2}}
method: {{type: motion-of-objects}}
"""


def test_flow_and_boxes_from_training_to_new_video(vadkit, tmp_path):
    (tmp_path / "moves.py").write_text(PLUGIN)
    recipe = tmp_path / "moves.yaml"
    recipe.write_text(RECIPE.format(root=tmp_path / "scene"))
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.strip())
    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, err
    video = min((run / "scores" / "test").glob("*.npz"))
    saved = np.load(video)["scores"]
    assert np.isnan(saved[0]) and np.isfinite(saved[1:]).all() and np.ptp(saved[1:]) > 0.01

    source = json.loads((run / "manifest.json").read_text())["test"]["videos"][video.stem]
    code, out, err = vadkit("infer", run, source, "--out", tmp_path / "out")
    assert code == 0, err
    lines = next((tmp_path / "out").rglob("*.jsonl")).read_text().splitlines()
    found = [json.loads(line)["score"] for line in lines]
    assert found[0] is None
    np.testing.assert_allclose(np.array(found[1:]), saved[1:], rtol=1e-5, atol=1e-6)


def test_a_method_that_needs_them_says_so(vadkit, tmp_path):
    (tmp_path / "moves.py").write_text(PLUGIN)
    recipe = tmp_path / "moves.yaml"
    recipe.write_text(RECIPE.format(root=tmp_path / "scene") + "flow: null\nobjects: null\n")
    code, _, err = vadkit("train", recipe, "--dry-run")
    assert code == 2
    assert "moves.yaml:4: flow: this method needs optical flow, such as {type: dis}" in err
    assert "moves.yaml:5: objects: this method needs objects, such as {type: blobs}" in err


def test_boxes_from_a_file_do_not_work_for_new_video(vadkit, tmp_path):
    (tmp_path / "moves.py").write_text(PLUGIN)
    recipe = tmp_path / "moves.yaml"
    recipe.write_text(RECIPE.format(root=tmp_path / "scene"))
    np.savez(tmp_path / "boxes.npz", **{f"{n:02d}": np.zeros((0, 5)) for n in range(1, 9)})
    boxes = ["--set", "objects.type=boxes-file", "--set", f"objects.train={tmp_path / 'boxes.npz'}"]
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs", *boxes)
    assert code == 0, err
    code, _, err = vadkit("infer", out.strip(), tmp_path / "scene")
    assert code == 2
    assert "boxes-file has objects only for its dataset" in err
