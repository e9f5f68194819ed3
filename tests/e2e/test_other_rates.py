"""A model on video of another frame rate or picture shape than its training video."""

import json
import logging

import av
import numpy as np
import pytest
import torch
import yaml

import vadkit
from vadkit.recipe import load_recipe
from vadkit.workflows.build import load_method, load_videos
from vadkit.workflows.frames import load_extras, store_videos

LABELS = {"format": "vadkit-labels-1", "videos": {"fast": {"frames": 60, "abnormal": [[41, 60]]}}}


def walk(seconds, *, pixels_per_s=10, fps=10, repeat=1):
    """A block that walks over a textured floor, (N, 48, 64, 3); every frame ``repeat`` times."""
    floor = np.random.default_rng(0).integers(60, 120, (48, 64), np.uint8)
    frames = []
    for number in range(round(seconds * fps)):
        picture = floor.copy()
        x = int(number / fps * pixels_per_s) % 72 - 8
        picture[20:36, max(0, x) : max(0, x + 8)] = 230
        frames += [np.repeat(picture[..., None], 3, axis=2)] * repeat
    return frames


def write(path, frames, fps):
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on 12 s at 10 frames per second, with test video at 20."""
    home = tmp_path_factory.mktemp("rates")
    for name in ("a", "b"):
        write(home / "train" / f"{name}.mkv", walk(6), 10)
    write(home / "test" / "fast.mkv", walk(3, repeat=2), 20)
    (home / "labels.json").write_text(json.dumps(LABELS))
    recipe = {
        "name": "rates",
        "dataset": {
            "type": "folder",
            "root": str(home / "train"),
            "test": str(home / "test"),
            "labels": str(home / "labels.json"),
        },
        "clip": {"size": [48, 64], "frames": 3},
        "method": {"type": "motion-field", "person": 16},
        "train": {"device": "cpu"},
    }
    (home / "rates.yaml").write_text(yaml.safe_dump(recipe))
    return vadkit.train(home / "rates.yaml", runs=home / "runs")


def test_the_rate_and_shape_of_training_are_kept(run):
    clip = yaml.safe_load((run / "recipe.yaml").read_text())["clip"]
    assert (clip["fps"], clip["aspect"]) == (10.0, pytest.approx(4 / 3, abs=1e-3))
    assert json.loads((run / "manifest.json").read_text())["dataset"]["fps"] == 10.0


def test_other_rates_score_like_the_same_scene_at_the_rate_of_training(run, tmp_path, caplog):
    videos = {
        "same": write(tmp_path / "same.mkv", walk(4), 10),
        "twice": write(tmp_path / "twice.mkv", walk(4, fps=20), 20),
        "repeated": write(tmp_path / "repeated.mkv", walk(4, repeat=2), 20),
        "half": write(tmp_path / "half.mkv", walk(4, fps=5), 5),
    }
    detector = vadkit.Detector.load(run)
    with caplog.at_level(logging.WARNING, "vadkit.infer"):
        scores = {name: detector.score(path) for name, path in videos.items()}
    assert len(caplog.messages) == 3
    level = {name: np.nanmedian(one.raw) for name, one in scores.items()}
    # In standard deviations of a speed; twice the speed of training is about 20 of them.
    for name in ("twice", "repeated", "half"):
        assert level[name] == pytest.approx(level["same"], abs=1.5), name
    np.testing.assert_array_equal(scores["repeated"].raw[::2], scores["same"].raw)
    np.testing.assert_array_equal(scores["repeated"].raw[1::2], scores["same"].raw)


def test_eval_scores_faster_video_like_infer(run):
    vadkit.evaluate(run)
    (file,) = (run / "scores" / "test").glob("*.npz")
    saved = np.load(file)
    assert saved["times"] == pytest.approx(np.arange(60) / 20)
    recipe = load_recipe(run / "recipe.yaml")
    (video,) = load_videos(recipe, "test")
    streamed = vadkit.Detector.load(run).score(video.path)
    np.testing.assert_allclose(saved["scores"], streamed.raw.astype(np.float32), rtol=1e-5)
    stored, _ = store_videos(recipe, [video])
    assert len(stored[0]) == 30
    method, _ = load_method(recipe, run / "checkpoints" / "last.pt", torch.device("cpu"))
    (extras,) = load_extras(recipe, method.clip.scoring, [video], stored)
    assert len(extras.flow) == 30
    assert method.clip.fps == 10


def test_another_picture_shape_needs_a_word(run, tmp_path):
    tall = [np.zeros((64, 48, 3), np.uint8)] * 12
    path = write(tmp_path / "tall.mkv", tall, 10)
    (found,) = vadkit.infer(run, path, out=tmp_path / "out", sinks=["npz"])
    assert "48x64 pixels are 0.75 times as wide as high, those of training 1.33" in found.error
    (found,) = vadkit.infer(run, path, out=tmp_path / "out", sinks=["npz"], stretch=True)
    assert found.error is None
    assert found.frames == 12


def test_calibration_on_other_video_says_that_its_rate_differs(run, tmp_path, caplog):
    write(tmp_path / "fast" / "a.mkv", walk(4, repeat=2), 20)
    with caplog.at_level(logging.WARNING, "vadkit.infer"):
        found = vadkit.calibrate(run, videos=tmp_path / "fast", name="fast")
    assert "has 20 frames per second, and the model was trained at 10" in caplog.text
    assert found.evidence.hours == pytest.approx(4 / 3600, rel=0.1)
