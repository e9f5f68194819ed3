"""``vadkit bench`` through the command line."""

import json

import pytest

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 1}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
method: {{type: {method}}}
{more}
"""
TRAINED = "networks: {generator: {width: 4}}\ntrain: {epochs: 1, batch_size: 4}"


@pytest.fixture
def recipe(tmp_path):
    def write(method, more):
        path = tmp_path / "tiny.yaml"
        root = tmp_path / "videos"
        path.write_text(RECIPE.format(root=root, method=method, more=more), encoding="utf-8")
        return path

    return write


@pytest.mark.slow
def test_figures_of_a_method_with_gradients(vadkit, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["bench", recipe("mnad", TRAINED), "--seconds", "0.05", "--device", "cpu"]
    done = vadkit(*arguments, "--json")
    assert done.code == 0, done.err
    data = json.loads(done.out)
    figures = {one["name"]: one for one in data["figures"]}
    assert data["method"] == "mnad" and data["batch_size"] == 4
    assert figures["clips of one batch"]["value"] == pytest.approx(
        4 * figures["steps of one batch"]["value"]
    )
    assert figures["frames in training"]["value"] == pytest.approx(
        4 * figures["training with loader"]["value"]
    )
    assert 0 < figures["share of the device's peak"]["value"] < 2
    for name in ("scoring", "scoring, end to end from the file"):
        assert figures[name]["unit"] == "frames/s" and figures[name]["value"] > 0
    assert not (tmp_path / "runs").exists()
    before = tmp_path / "before.json"
    before.write_text(done.out, encoding="utf-8")
    again = vadkit(*arguments, "--against", before)
    assert again.code == 0, again.err
    compared = json.loads(vadkit(*arguments, "--against", before, "--json").out)
    assert compared["before"] == {name: one["value"] for name, one in figures.items()}
    (row,) = [line for line in again.out.splitlines() if line.startswith("work of a step")]
    assert row.split()[-1] == "1.00"


@pytest.mark.slow
def test_a_method_without_gradients_is_fitted(vadkit, recipe):
    path = recipe("motion-field", "train: {epochs: 1, batch_size: 4}")
    done = vadkit("bench", path, "--seconds", "0.05", "--json")
    assert done.code == 0, done.err
    names = [one["name"] for one in json.loads(done.out)["figures"]]
    assert "clips in fitting" in names and "steps of one batch" not in names


def test_another_file_is_not_compared(vadkit, recipe, tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"runs": []}', encoding="utf-8")
    done = vadkit("bench", recipe("mnad", TRAINED), "--against", other)
    assert done.code == 3 and done.out == ""
    assert "other.json is not a file of `vadkit bench --json`" in done.err
