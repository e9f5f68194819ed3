"""Whether a camera shows the scene that its run was trained on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vadkit.workflows.scene import FILE, SceneCheck, read_scene, write_scene


def scene(seed, step=0):
    """A picture of blocks and texture, with a person who walks."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(rng.integers(30, 220, (9, 12, 3), np.uint8), (320, 240))
    for _ in range(12):
        x, y = rng.integers(0, 280), rng.integers(0, 200)
        color = tuple(int(one) for one in rng.integers(20, 235, 3))
        cv2.rectangle(ground, (x, y), (x + 36, y + 30), color, -1)
    left = 10 * step % 280
    cv2.rectangle(ground, (left, 120), (left + 24, 190), (240, 240, 30), -1)
    return ground


class Stored:
    """A video of a scene, as the frame store gives it."""

    def __init__(self, seed):
        self.seed = seed

    def __len__(self):
        return 60

    def read(self, start, stop, out=None):
        return np.stack([scene(self.seed, step) for step in range(start, stop)])


def watched(check, seed, score=0.0, seconds=40, shift=0):
    said = []
    for number in range(seconds * 5):
        frame = np.roll(scene(seed, number), shift, axis=1)
        said.append(check.push(number / 5, score, frame))
    return [one for one in said if one]


@pytest.fixture
def references(tmp_path):
    write_scene(tmp_path, [Stored(1), Stored(2)])
    return read_scene(tmp_path)


def test_the_own_scene_is_known_and_another_is_said_once(references):
    assert len(references) == 32
    for seed in (1, 2):
        assert watched(SceneCheck(references, 1.0), seed) == []
    (said,) = watched(SceneCheck(references, 1.0), 7)
    assert "view differs from all of the training video" in said


def test_scores_above_the_threshold_are_said_without_pictures(tmp_path):
    assert read_scene(tmp_path) == []
    assert watched(SceneCheck([], 1.0), 7) == []
    (said,) = watched(SceneCheck([], 1.0), 7, score=2.0)
    assert said.startswith("100% of the first scores")
    assert watched(SceneCheck([], float("nan")), 7, score=2.0) == []


def test_a_damaged_file_is_no_scene(tmp_path, caplog):
    (tmp_path / FILE).write_bytes(b"nothing")
    assert read_scene(tmp_path) == []
    assert "its scene is unknown" in caplog.text
    np.savez(tmp_path / FILE, grey=np.zeros((2, 3, 4), np.uint8))
    assert read_scene(tmp_path) == []
