"""The user's folder of data sets, in place of ``datasets`` in recipes."""

import pytest

from vadkit.errors import RecipeError
from vadkit.recipe.data_folder import data_folder, used_folder, with_data_folder
from vadkit.recipe.load import load_recipe

RECIPE = """
name: test
dataset: {type: folder, root: datasets/gate/normal, labels: datasets/gate/labels.json}
method: {type: conv-ae}
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty current folder, and no settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def settings(tmp_path):
    """A function that writes the user's settings."""

    def write(text):
        (tmp_path / "config" / "vadkit").mkdir(parents=True, exist_ok=True)
        (tmp_path / "config" / "vadkit" / "settings.yaml").write_text(text)

    return write


def folder(path, *names):
    for name in names:
        (path / name).mkdir(parents=True)
    return path


def test_without_a_folder_paths_stay(here):
    (here / "recipe.yaml").write_text(RECIPE)
    recipe = load_recipe("recipe.yaml")
    assert recipe.dataset.params["root"] == "datasets/gate/normal"
    assert data_folder() is None and used_folder(recipe.as_data()) is None


def test_the_folder_of_the_environment_is_used_everywhere_and_told(
    here, tmp_path, monkeypatch, settings
):
    settings(f"data: {tmp_path / 'nowhere'}")
    data = folder(tmp_path / "data", "gate/normal")
    monkeypatch.setenv("VADKIT_DATA", str(data))
    (here / "recipe.yaml").write_text(RECIPE)
    recipe = load_recipe("recipe.yaml")
    assert recipe.dataset.params["root"] == f"{data}/gate/normal"
    # Neither folder has it, so an error will name the one that the user set.
    assert recipe.dataset.params["labels"] == f"{data}/gate/labels.json"
    assert used_folder(recipe.as_data()) == {"path": str(data), "from": "VADKIT_DATA"}
    other = load_recipe("recipe.yaml", ["dataset.root=/other", "dataset.labels=labels.json"])
    assert other.dataset.params["root"] == "/other"
    assert used_folder(other.as_data()) is None


def test_the_folder_of_the_settings(tmp_path, settings):
    data = folder(tmp_path / "data", "gate")
    settings(f"data: {data}\n")
    found = with_data_folder({"features": {"files": ["datasets/gate", "datasets2/gate"]}})
    assert found == {"features": {"files": [f"{data}/gate", "datasets2/gate"]}}
    source = str(tmp_path / "config" / "vadkit" / "settings.yaml")
    assert data_folder() == (data, source)


def test_what_only_the_current_folder_has_stays(here, tmp_path, monkeypatch):
    monkeypatch.setenv("VADKIT_DATA", str(folder(tmp_path / "data", "both")))
    folder(here, "datasets/both", "datasets/own")
    found = with_data_folder({"a": "datasets/both", "b": "datasets/own"})
    assert found == {"a": f"{tmp_path}/data/both", "b": "datasets/own"}


def test_wrong_folders_and_settings_are_one_line(tmp_path, monkeypatch, settings):
    monkeypatch.setenv("VADKIT_DATA", str(tmp_path / "gone"))
    with pytest.raises(RecipeError, match=r"^VADKIT_DATA: the folder of data sets .*gone does not"):
        with_data_folder({"root": "datasets/x"})
    assert with_data_folder({"root": "/elsewhere"}) == {"root": "/elsewhere"}
    monkeypatch.delenv("VADKIT_DATA")
    for text, said in (
        ("folder: /x", "folder: extra inputs are not permitted; the only setting is 'data'"),
        ("- /x", "the file: input should be"),
        ("data: [", "cannot be read as YAML"),
    ):
        settings(text)
        with pytest.raises(RecipeError, match=said) as caught:
            with_data_folder({"root": "datasets/x"})
        assert "\n" not in str(caught.value)
    settings("")
    assert with_data_folder({"root": "datasets/x"}) == {"root": "datasets/x"}
