"""The cells of docs/notebook.md, run in order with smaller videos."""

from __future__ import annotations

import ast
import logging
import re
import sys
import types
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

import vadkit
from vadkit import plugins, registry
from vadkit.workflows.train import train as real_train

PAGE = (Path(__file__).parents[1] / "docs" / "notebook.md").read_text()
CELLS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SMALL = ["dataset.frames=24", "dataset.size=[48, 64]", "clip.size=[48, 64]"]
SMALL += [
    "dataset.train_videos=2",
    "train.max_steps=4",
    "augments=[]",
    "networks.generator.width=4",
]


def run_cell(cell: str, scope: dict[str, object]) -> object:
    """Run a cell; the value of its last line if that is an expression, as Jupyter shows it."""
    body = ast.parse(cell).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "<cell>", "exec"), scope)
    return None if last is None else eval(compile(ast.Expression(last.value), "<c>", "eval"), scope)


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """The namespace of a notebook in an empty folder; recipes get smaller."""
    load = vadkit.load_recipe
    monkeypatch.chdir(tmp_path)
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(
        vadkit,
        "load_recipe",
        lambda name, overrides: load(name, [*SMALL, *overrides]),
        raising=False,
    )
    monkeypatch.setattr(
        vadkit,
        "train",
        lambda recipe, overrides=(), **more: real_train(
            recipe,
            overrides=[*SMALL, *overrides] if isinstance(recipe, str) else overrides,
            **more,
        ),
        raising=False,
    )
    with mpl.rc_context({"backend": "agg"}):
        yield main.__dict__


@pytest.mark.slow
def test_the_cells_run_in_order(notebook, caplog):
    with caplog.at_level(logging.WARNING, "vadkit.train"):
        shown = [run_cell(cell, notebook) for cell in CELLS]
    recipe, run, evaluation, auc, table, scored, _, comparison, _, confirmed, copies = shown
    assert repr(recipe) == "Recipe('first': future-frame on synthetic)"
    assert (run / "checkpoints" / "last.pt").is_file()
    assert auc == evaluation["raw"]["micro-auc"] and 0 <= auc <= 1
    assert "<table>" in evaluation._repr_html_()
    assert table.value.iloc[0] == auc and set(table.metric) == {"micro-auc"}
    saved = np.load(run / "scores" / "test" / "01.npz")["scores"]
    np.testing.assert_array_equal(scored.raw, saved)
    assert notebook["abnormal"].sum() > 0
    names = [text.get_text() for text in notebook["axes"].get_legend().get_texts()]
    assert names == ["raw", "score", "threshold", "abnormal"]
    assert Path("compare.png").stat().st_size > 5000
    assert [one.name for one in comparison.runs] == ["first", "wider"]
    assert comparison.runs[1].difference is not None
    assert confirmed.protocol.steps == "confirmed"
    assert copies == ["my_parts.py"]
    # Only what came from cells, and nothing was trained with that.
    assert "not registered by a plugin file" not in caplog.text


def test_a_cell_can_be_run_again(notebook):
    (cell,) = (cell for cell in CELLS if "class Confirmed" in cell)
    run_cell(CELLS[0], notebook)
    for _ in range(2):
        run_cell(cell, notebook)
    final = notebook["Confirmed"]()({"a": np.array([1.0, 5.0, 2.0, 3.0])})["a"]
    assert final.tolist() == [1, 1, 2, 2]
    assert registry.find("scorers", "confirmed").load() is notebook["Confirmed"]


def test_the_scorer_in_a_file_is_the_same_in_batches_and_in_streams(tmp_path):
    (cell,) = (cell for cell in CELLS if "class Lowest" in cell)
    file = tmp_path / "my_parts.py"
    file.write_text(re.findall(r"'''\n(.*?)'''", cell, re.DOTALL)[0])
    plugins.load_plugin(file)
    scorer = registry.build("scorers", "lowest", {"frames": 2})
    values = np.array([np.nan, 3, 1, 2, 4, np.nan, 5])
    expected = [np.nan, np.nan, 1, 1, 2, np.nan, np.nan]
    np.testing.assert_array_equal(scorer({"a": values})["a"], expected)
    step = scorer.stream()
    np.testing.assert_array_equal([step(value) for value in values], expected)
