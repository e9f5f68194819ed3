"""docs/results.md: its tables are made from records by ``benchmarks/results.py``."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from vadkit.recipe import find_recipe, load_recipe

ROOT = Path(__file__).parents[1]
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(ROOT / "benchmarks")
    results, tables = (importlib.import_module(name) for name in ("results", "results_page"))
PAGE = tables.PAGE.read_text("utf-8")
RECORDS = tables.load()
ROWS = {f"{table}/{row}": one for table, rows in RECORDS.items() for row, one in rows.items()}
OWN = {name: one for name, one in ROWS.items() if "same" not in one}


def test_the_page_has_the_tables_of_the_records():
    assert tables.rendered(PAGE, RECORDS) == PAGE


def test_every_table_of_the_page_has_records():
    shown = re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
    assert len(shown) == len(tables.TABLES) == len(RECORDS)


def test_an_altered_figure_is_found():
    altered = PAGE.replace(".988 [", ".989 [", 1)
    assert altered != PAGE
    assert tables.rendered(altered, RECORDS) == PAGE


def test_a_removed_row_is_found():
    altered = re.sub(r"\| scene-bank .*\n", "", PAGE, count=1)
    assert altered != PAGE
    assert tables.rendered(altered, RECORDS) == PAGE


def test_a_page_without_a_marker_is_an_error():
    with pytest.raises(SystemExit, match="table: ped2"):
        tables.rendered(PAGE.replace("<!-- table: ped2 -->", ""), RECORDS)


@pytest.mark.parametrize("name", [name for name, one in OWN.items() if "recipe" in one])
def test_the_recipe_of_a_row_loads_with_its_settings(name):
    record = ROWS[name]
    load_recipe(find_recipe(record["recipe"]), record["set"])
    assert record["commands"] == results.commands(record)
    assert record["recipe"] in record["commands"][0].split()


@pytest.mark.parametrize("name", OWN)
def test_a_row_says_how_and_when_it_was_measured(name):
    record = ROWS[name]
    assert record["commands"]
    if record["figures"]:
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", record["measured"]["date"])
        values = [one for one in record["figures"].values() if "values" in one]
        assert {len(one["values"]) for one in values} <= {len(record.get("seeds", [0]))}


def test_records_name_no_folder_of_a_machine():
    assert not re.findall(r"/(?:home|work|tmp|root|data|mnt)\b[^\"]*", tables.RECORDS.read_text())


def test_names_of_data_are_replaced_by_folders_and_names_of_files_are_not(monkeypatch):
    found = []
    monkeypatch.setattr(
        results.subprocess, "run", lambda words, **_: found.append(words[1:]) or _Done()
    )
    results.run(
        "vadkit train ped2/vec --set 'dataset={root: UCSDped2, split: UCSDped2/UCSDped2.m}'",
        {"UCSDped2": "/a b"},
    )
    assert found[0][-1] == "dataset={root: /a b, split: /a b/UCSDped2.m}"
    with pytest.raises(SystemExit, match="UCSDped2=FOLDER"):
        results.run("vadkit eval --labels UCSDped2/UCSDped2.m", {})


class _Done:
    returncode, stdout = 0, ""


def test_figures_of_several_runs_and_of_one():
    metric = {"name": "micro-auc", "protocol_name": "raw", "value": 0.5, "interval": [0.25, 0.75]}
    text = results.json.dumps({"metrics": [metric]})
    assert results.figures_of([text]) == {
        "raw micro-auc": {"values": [0.5], "interval": [0.25, 0.75]}
    }
    other = text.replace("0.5,", "0.7,")
    figures = results.figures_of([text, other])
    assert figures == {"raw micro-auc": {"values": [0.5, 0.7]}}
    record = {"figures": figures}
    assert tables.number(record, "raw micro-auc", None) == ".600 ± .141"
    assert tables.number(record, "raw micro-auc", 1) == ".700"
    assert tables.number(record, "online micro-auc", None) == "-"


def test_a_run_of_another_recipe_is_refused(monkeypatch):
    record = {"recipe": "quickstart", "set": ["dataset.root=UCSDped2", "dataset.type=ucsd"]}

    def check(*settings):
        path = find_recipe("quickstart")
        own = ["dataset.root=/data/ped2", "dataset.type=ucsd", *settings]
        monkeypatch.setattr("vadkit.workflows.run.load_run", lambda _: load_recipe(path, own))
        return results.check(record, [Path("run")])

    assert check("train.seed=7", "calibration=null") == [Path("run").absolute()]
    with pytest.raises(SystemExit, match=r"\.train\.epochs: 9 instead of 4"):
        check("train.epochs=9")


def test_the_record_of_two_runs(monkeypatch, tmp_path):
    metric = {"name": "micro-auc", "protocol_name": "raw", "value": 0.5}
    printed = results.json.dumps({"metrics": [metric]})
    asked = []
    monkeypatch.setattr(results, "run", lambda *given: asked.append(given) or printed)
    runs = [tmp_path / "a", tmp_path / "b"]
    for seed, run in enumerate(runs, 3):
        run.mkdir()
        manifest = {
            "seed": seed,
            "finished": f"2026-11-2{seed}T01:02:03+00:00",
            "versions": {"vadkit": "0.1.0"},
            "git": "0123456789ab-dirty",
            "device": "cpu",
            "training_seconds": 1.0,
            "seconds": 2.0 + seed,
        }
        (run / "manifest.json").write_text(results.json.dumps(manifest))
    record = {"recipe": "quickstart", "set": [], "seeds": [0], "read": "vadkit eval RUN -x"}
    found = results.of_runs(record, runs, {}, 1)
    assert asked == [("vadkit eval RUN -x --json", {"RUN": str(run)}) for run in runs]
    assert found["seeds"] == [3, 4]
    assert found["commands"] == ["vadkit train quickstart --seeds 3,4", "vadkit eval RUN -x"]
    assert found["measured"]["date"] == "2026-11-24"
    assert found["measured"]["commit"] == "0123456789ab-dirty"
    assert found["figures"]["seconds"] == {"values": [5.0, 6.0]}
    assert found["figures"]["raw micro-auc"] == {"values": [0.5, 0.5]}


def test_a_row_may_repeat_another_one():
    assert "objects/hf2-vad-small" in results.chosen(RECORDS, ["ped2/hf2-*"])
    with pytest.raises(SystemExit, match="no row ped2/nothing"):
        results.chosen(RECORDS, ["ped2/nothing"])


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        ({}, "2026-11-28 (earlier), 9 s"),
        ({"commit": "0123456789ab", "threads": 1, "device": "cpu"}, "2026-11-28 `0123456`, 9 s"),
        (
            {"commit": "0123456789ab-dirty", "threads": 2, "device": "H200"},
            "2026-11-28 `0123456` changed, H200, 2 threads, 9 s",
        ),
    ],
)
def test_when_a_row_was_measured(measured, shown):
    record = {"measured": {"date": "2026-11-28", **measured}, "figures": {}}
    record["figures"]["seconds"] = {"values": [9.3]}
    assert tables.when_measured(record, timed=True) == shown
