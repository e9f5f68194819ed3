"""What a project is fitted to: sizes, rates, and what is said of videos that differ."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit import registry
from vadkit.data.decoding.decode import VideoInfo
from vadkit.recipe import load_recipe
from vadkit.reports.video_writer import VideoWriter
from vadkit.workflows.init import project as init
from vadkit.workflows.init.project import (
    _notes_on_rates,
    _notes_on_sizes,
    fitted_size,
    make_project,
)


@pytest.mark.parametrize(
    ("size", "clip"),
    [
        ((576, 768), (240, 320)),
        ((1080, 1920), (216, 384)),
        ((1920, 1080), (384, 216)),
        ((240, 320), (240, 320)),
        ((120, 160), (120, 160)),
        ((10, 10), (8, 8)),
    ],
)
def test_sizes_of_cameras(size, clip):
    assert fitted_size(size) == clip


@given(st.integers(64, 4000), st.integers(64, 4000))
def test_a_size_has_the_shape_of_the_picture(high, wide):
    h, w = fitted_size((high, wide))
    assert h % 8 == w % 8 == 0 and h <= high and w <= wide
    assert h * w <= 110_000
    if 1 / 3 <= wide / high <= 3 and min(high, wide) >= 320:
        assert abs(math.log(w / h / (wide / high))) < 0.06
        assert h * w >= 60_000


def info(size=(480, 640), fps=25.0):
    return VideoInfo(fps, size, 100, "h264", "yuv420p", 4.0, False)


def test_notes_describe_unusual_videos():
    same = [info()] * 3
    assert _notes_on_sizes(same, (480, 640)) == [] and _notes_on_rates(same, 25.0) == []
    (scaled,) = _notes_on_sizes([*same, info((240, 320))], (480, 640))
    assert scaled == "most videos are 640x480, others 320x240 (1): all are scaled to one size"
    (stretched,) = _notes_on_sizes([*same, info((1080, 1920))], (480, 640))
    assert "another aspect ratio are stretched" in stretched
    assert _notes_on_rates([*same, info(fps=25.5)], 25.0) == []
    (rates,) = _notes_on_rates([*same, info(fps=10)], 25.0)
    assert rates.startswith("most videos have 25 frames per second, others 10 (1): speeds are")


@pytest.fixture
def videos(tmp_path):
    """Two portrait videos with a name that YAML would read as something else."""
    folder = tmp_path / "normal: #1"
    for name in ("a", "b"):
        with VideoWriter(folder / f"{name}.mp4", 10) as writer:
            for number in range(12):
                writer.write(np.full((96, 64, 3), 10 * number, np.uint8))
    (folder / "bad.mp4").write_text("no video")
    return folder


def test_a_project_can_be_trained_and_its_plugin_loads(videos, tmp_path):
    folder, footage, _ = make_project("gate", videos, folder=tmp_path / "gate")
    assert {path.name for path in folder.iterdir()} == {"README.md", "my_parts.py", "recipe.yaml"}
    assert (footage.videos, footage.size, footage.fps) == (3, (96, 64), 10)
    assert "bad.mp4" in footage.bad[0]
    recipe = load_recipe(str(folder / "recipe.yaml"))
    assert recipe.name == "gate" and recipe.clip.size == (96, 64)
    assert recipe.dataset.params["root"] == str(videos)
    assert recipe.data.on_bad_video == "skip"
    assert recipe.scorers[0].params["halflife"] == 4
    text = (folder / "README.md").read_text()
    assert f"vadkit train {folder}/recipe.yaml --runs {folder}/runs" in text

    hold = registry.build("scorers", "hold", {"frames": 2})
    scores = np.array([1.0, 3.0, 2.0, np.nan, 0.0, 0.5])
    found = hold({"a": scores})["a"]
    np.testing.assert_array_equal(found, [1, 3, 3, np.nan, 0, 0.5])
    step = hold.stream()
    np.testing.assert_array_equal([step(score) for score in scores], found)
    named = (folder / "recipe.yaml").read_text().replace("{type: ema, halflife: 4}", "{type: hold}")
    (folder / "recipe.yaml").write_text(named)
    assert load_recipe(str(folder / "recipe.yaml")).scorers[0].params == {"frames": 5}


def test_a_large_folder_is_sampled(videos, tmp_path, monkeypatch):
    monkeypatch.setattr(init, "_LOOKED_AT", 2)
    footage = init.look_at(videos)
    assert footage.videos == 3 and footage.notes == ["inspected 2 of 3 videos"]
