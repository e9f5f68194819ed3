"""What is worked out of frames is kept, and made anew once the code that makes it changes."""

import cv2
import numpy as np
import pytest
import yaml

from vadkit import plugins, registry
from vadkit.data.videos import Video
from vadkit.recipe import load_recipe
from vadkit.workflows.frames import store_flow, store_objects, store_videos

PLUGIN = """\
import numpy as np
import vadkit
from vadkit.data.objects import FrameBoxes, boxes_of_frames

@vadkit.register("flow", "own")
class Flow:
    def __init__(self, *, times: float = 1.0):
        self.times = times
    def __call__(self, previous, current):
        return np.full((*current.shape[:2], 2), {value} * self.times, np.float32)

@vadkit.register("objects", "own")
class Finder:
    reads_frames = True
    def __call__(self, video, length, frames):
        return boxes_of_frames(list(self.stream(frames)))
    def stream(self, frames):
        for _ in frames:
            yield FrameBoxes(np.array([[0, 0, {value}, 8.0]]), np.ones(1), -np.ones(1))

@vadkit.register("readers", "own")
def reader(path):
    for place in range(3):
        frame = np.zeros((32, 32, 3), np.uint8)
        frame[4 : 4 + {value}, 8 * place : 8 * place + 8] = 255
        yield frame
"""


@pytest.fixture
def video(tmp_path):
    """A video of three gray images, 32 pixels square."""
    folder = tmp_path / "videos" / "v"
    folder.mkdir(parents=True)
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((32, 32), 40 * number, np.uint8))
    return Video("v", "train", folder)


@pytest.fixture
def load(tmp_path, video, monkeypatch):
    """A function from a number in the plugin and sections to a recipe, as in a new process."""
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path / "cache"))

    def loaded(value, **sections):
        empty = {family: {} for family in registry.FAMILIES}
        monkeypatch.setattr(registry, "_registered", empty)
        monkeypatch.setattr(plugins, "_ran", {})
        monkeypatch.setattr(plugins, "_content", {})
        (tmp_path / "own.py").write_text(PLUGIN.format(value=value))
        data = {
            "dataset": {"type": "folder", "root": str(video.path.parent)},
            "clip": {"size": [32, 32], "channels": "gray"},
            "method": {"type": "conv-ae"},
            "plugins": [str(tmp_path / "own.py")],
            **sections,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(data))
        return load_recipe(path)

    return loaded


def flow_of(recipe, video):
    stored, _ = store_videos(recipe, [video])
    (flow,) = store_flow(recipe, stored)
    return flow


def boxes_of(recipe, video):
    stored, _ = store_videos(recipe, [video])
    return store_objects(recipe, [video], stored)["v"]


def test_flow_of_a_plugin_is_computed_again_when_the_plugin_changes(load, video):
    one = flow_of(load(1, flow={"type": "own"}), video)
    two = flow_of(load(2, flow={"type": "own"}), video)
    assert one.read(0, 3)[:, 5, 6, 0].tolist() == [0, 1, 1]
    assert two.read(0, 3)[:, 5, 6, 0].tolist() == [0, 2, 2]
    assert flow_of(load(1, flow={"type": "own"}), video).path == one.path
    three = flow_of(load(1, flow={"type": "own", "times": 3.0}), video)
    assert three.read(1, 2)[0, 5, 6].tolist() == [3, 3]


def test_built_in_flow_does_not_depend_on_plugins(load, video):
    paths = {flow_of(load(value, flow={"type": "dis"}), video).path for value in (1, 2)}
    assert len(paths) == 1
    assert flow_of(load(1, flow={"type": "dis", "preset": "fast"}), video).path not in paths


def test_boxes_of_a_plugin_are_found_again_when_the_plugin_changes(load, video):
    widths = [
        boxes_of(load(value, objects={"type": "own"}), video).xyxy[:, 2].tolist()
        for value in (1, 2, 1)
    ]
    assert widths == [[1, 1, 1], [2, 2, 2], [1, 1, 1]]


def test_boxes_are_found_again_when_a_readers_plugin_changes(load, tmp_path):
    settings = {"objects": {"type": "blobs"}, "data": {"readers": ["own"]}}
    video = Video("v", "train", tmp_path / "v.mp4")
    video.path.write_bytes(b"x")
    small, large = (boxes_of(load(value, **settings), video).xyxy for value in (4, 20))
    heights = [int((boxes[:, 3] - boxes[:, 1]).max()) for boxes in (small, large)]
    assert heights[0] <= 6 < 18 <= heights[1]


def test_built_in_objects_do_not_depend_on_plugins(load, video, tmp_path):
    for value in (1, 2):
        boxes_of(load(value, objects={"type": "blobs"}), video)
        assert len(list((tmp_path / "cache" / "objects").glob("*.npz"))) == 1
