"""The list of built-in recipes, and what is said to a wrong name."""

import json
from pathlib import Path

import pytest

from vadkit.recipe import find_recipe
from vadkit.recipe.locate import SHIPPED, nearest_recipes, shipped_files


def test_every_recipe_is_listed_in_80_columns(vadkit):
    code, out, err = vadkit("recipes", "--json")
    assert (code, err) == (0, "")
    listed = json.loads(out)
    on_disk = {path for folder in SHIPPED for path in folder.rglob("*.yaml")}
    assert {Path(one["path"]) for one in listed} == on_disk
    for one in listed:
        assert find_recipe(one["name"]) == Path(one["path"])
        assert all(one[key] for key in ("method", "dataset", "summary"))
    out = vadkit("recipes").out
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines[1:] if not line.startswith(" ")]
    assert names == [one["name"] for one in listed]


def test_a_word_selects_recipes(vadkit):
    listed = json.loads(vadkit("recipes", "SCENE-bank", "--json").out)
    assert [one["name"] for one in listed] == ["ped2/scene-bank"]
    assert listed[0]["method"] == "scene-bank" and listed[0]["dataset"] == "ucsd"
    code, out, err = vadkit("recipes", "ped2/memaa")
    assert (code, out) == (2, "")
    assert "did you mean 'ped2/memae'" in err


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("memae", "avenue/memae"),
        ("ped2-memae", "ped2/memae"),
        ("ped2/meme", "ped2/memae"),
        ("recipes/ped2/futureframe.yaml", "ped2/future-frame"),
        ("Quickstart", "quickstart"),
    ],
)
@pytest.mark.parametrize("command", ["train", "validate"])
def test_a_wrong_name_lists_similar_names(vadkit, tmp_path, monkeypatch, command, name, first):
    monkeypatch.chdir(tmp_path)
    code, out, err = vadkit(command, name)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {name}: recipe not found; did you mean '{first}'")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["zzzz", "x" * 5000, ".", "..", "/", "", "ä\udcff"])
def test_names_similar_to_no_recipe(name):
    assert nearest_recipes(name) == []


def test_a_checkout_without_recipes(monkeypatch, tmp_path):
    monkeypatch.setattr("vadkit.recipe.locate.SHIPPED", (tmp_path / "none",))
    assert shipped_files() == {} and nearest_recipes("quickstart") == []
