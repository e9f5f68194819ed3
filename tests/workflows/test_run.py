"""Run folders: what they say about components whose code they do not contain."""

from __future__ import annotations

import json
import logging

import pytest

import vadkit
from vadkit import plugins, registry
from vadkit.workflows.export import export
from vadkit.workflows.ray_tasks import map_on_ray

RECIPE = """\
dataset: {{type: synthetic, root: {root}, size: [32, 48], frames: 12, train_videos: 1}}
clip: {{frames: 4, size: [32, 48], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 4}}}}
train: {{epochs: 1, batch_size: 4}}
hooks: [{{type: checkpoint}}]
scorers: [{{type: twice}}]
{more}
"""
TWICE = """
import vadkit

@vadkit.register("scorers", "twice")
class Twice:
    causal, keeps_unit, label = True, True, "twice"

    def __call__(self, scores):
        return {video: 2 * values for video, values in scores.items()}

    def stream(self):
        return lambda score: 2 * score
"""


def train(folder, more=""):
    (folder / "tiny.yaml").write_text(RECIPE.format(root=folder / "scene", more=more))
    return vadkit.train(folder / "tiny.yaml", runs=folder / "runs")


def test_a_run_lists_components_without_saved_code(tmp_path, caplog, monkeypatch, request):
    """As after `register` in a notebook: the run works there, and elsewhere the error says why."""
    exec(TWICE, {"__name__": __name__})
    with caplog.at_level(logging.WARNING, "vadkit.train"):
        run = train(tmp_path)
    assert "scorers 'twice': not registered by a plugin file" in caplog.text
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["loose_components"] == {"scorers": ["twice"]}
    assert "twice" in vadkit.evaluate(run).results[-1].protocol.steps
    # Another process knows nothing of it.
    empty = {family: {} for family in registry.FAMILIES}
    monkeypatch.setattr(registry, "_registered", empty)
    with pytest.raises(vadkit.RecipeError, match="no scorers component named 'twice'") as caught:
        vadkit.evaluate(run)
    assert "registered scorers 'twice' itself; register the same there" in str(caught.value)
    with pytest.raises(vadkit.RecipeError) as caught:
        vadkit.evaluate(run, overrides=["scorers=[{type: thrice}]"])
    assert "itself" not in str(caught.value)
    # A command gets the code from a file; an exported model cannot contain it.
    monkeypatch.setattr(plugins, "_given", [])
    (tmp_path / "mine.py").write_text(TWICE)
    command = request.getfixturevalue("vadkit")
    code, _, err = command("eval", run, "--plugin", tmp_path / "mine.py", "--json")
    assert code == 0, err
    assert [one.path.name for one in plugins.given()] == ["mine.py"]
    with pytest.raises(vadkit.RecipeError, match="scorers 'twice' is code of a plugin, which an"):
        export(run)
    with pytest.raises(vadkit.RecipeError, match="--plugin and --ray exclude each other"):
        next(map_on_ray("local", print, [1], print))


def test_a_run_with_its_plugin_says_nothing(tmp_path, caplog):
    (tmp_path / "parts.py").write_text(TWICE)
    with caplog.at_level(logging.WARNING, "vadkit.train"):
        run = train(tmp_path, "plugins: [parts.py]")
    assert "plugin file" not in caplog.text
    assert "loose_components" not in json.loads((run / "manifest.json").read_text())
    assert (run / "plugins" / "parts.py").read_text() == TWICE
