"""A method that trains on object cubes in stages, from training to detections and streams."""

from pathlib import Path

import numpy as np
import pytest

from vadkit.data.detections import read_detections
from vadkit.workflows.detector import load_detector

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 30, train_videos: 3}}
clip: {{frames: 3, size: [48, 64], channels: gray}}
method: {{type: hf2-vad}}
networks: {{flow: {{width: 4, slots: 10}}, frame: {{width: 4}}}}
train: {{epochs: 3, batch_size: 16}}
calibration: {{holdout: 0.3}}
"""


@pytest.mark.slow
def test_from_training_to_streams(vadkit, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(RECIPE.format(root=tmp_path / "scene"))
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.strip().splitlines()[-1])
    assert "alarm threshold" in err
    code, out, err = vadkit("eval", run)
    assert code == 0, err
    found = read_detections(run / "scores/test/detections.npz")
    with np.load(run / "scores/test/01.npz") as saved:
        scores = saved["scores"]
    rows = found["01"]
    highest = {int(frame): rows[rows[:, 0] == frame, 5].max() for frame in rows[:, 0]}
    assert all(scores[frame] >= value - 1e-4 for frame, value in highest.items())
    # A stream cuts the same cubes from whole frames.
    (video,) = tmp_path.glob("scene/**/testing/01.mp4")
    streamed = np.array([one.raw for one in load_detector(run).stream(video)])
    np.testing.assert_allclose(streamed, scores, rtol=1e-3, atol=1e-3)
