"""Files of a run that was trained, evaluated and tuned before metrics had fields of their own."""

import json
import re
import shutil
from pathlib import Path

import pytest

from vadkit.cli.tune import print_tuned
from vadkit.workflows.tune.search import Tuned
from vadkit.workflows.tune.trials import read_trials

FILES = Path(__file__).parent / "files" / "before_structured_metrics"


@pytest.fixture
def run(tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(FILES / "run", tmp_path / "run")


def test_report_reads_it(vadkit, run, tmp_path):
    code, _, err = vadkit("report", run, "--set", f"dataset.root={tmp_path}")
    assert code == 0, err
    page = (run / "report" / "report.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="report-data">(.*?)</script>', page)[1])["runs"][0]
    rows = {row["name"]: row for row in data["table"]["rows"]}
    frames = "unscored frames dropped, checkpoint last, labels labels.json"
    assert rows["raw"]["details"] == f"not smoothed, not normalised, {frames}"
    assert rows["recipe"]["details"] == f"gaussian(sigma=3), {frames}"
    assert rows["raw"]["cells"]["micro-auc"]["value"] == 0.5833333333333334
    assert data["sentences"][-1].endswith("Under online.")
    # One curve per kind of pseudo-anomaly, none per strength.
    kinds = [name.partition("[pseudo-anomalies made")[0] for name in data["training"]["pseudo"]]
    assert {"pseudo-auc", "pseudo-auc[pace]", "pseudo-auc[texture]"} < set(kinds)
    assert not any("@" in name for name in kinds)


def test_eval_adds_keys_and_keeps_the_old_ones(vadkit, run, tmp_path):
    before = json.loads((FILES / "run" / "eval.json").read_text())
    code, out, err = vadkit("eval", run, "--set", f"dataset.root={tmp_path}", "--json")
    assert code == 0, err
    now = json.loads(out)
    assert set(before) <= set(now)
    for ours, theirs in zip(now["protocols"], before["protocols"], strict=True):
        assert {key: ours[key] for key in theirs} == theirs
        assert f"{ours['name']}: {ours['description']}" == ours["words"]
    kept = [metric for metric in now["metrics"] if metric["name"] != "alarm-time"]
    for ours, theirs in zip(kept, before["metrics"], strict=True):
        assert set(theirs) <= set(ours)
        assert ours["name"] == theirs["name"]
        assert ours["value"] == pytest.approx(theirs["value"], abs=0.02, rel=0.02)
        assert ours["interval"] == (None if "low" not in theirs else [ours["low"], ours["high"]])
    of_frames = [metric for metric in now["metrics"] if metric["protocol_name"] != "raw maps"]
    parts = {metric["name"]: metric for metric in of_frames}
    assert parts["tpr@10/h"]["rate"] == 10 and parts["tpr@10/h"]["measure"] == "tpr"
    assert parts["pseudo-auc[pace]"]["category"] == "pace"
    assert parts["pseudo-auc[pace@-1]"]["strength"] == -1


def test_compare_reads_it(vadkit, run, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    plot, root = tmp_path / "plot.png", f"dataset.root={tmp_path}"
    code, out, err = vadkit("compare", run, other, "--set", root, "--plot", plot, "--json")
    assert code == 0, err
    first, second = json.loads(out)["runs"]
    assert first["metrics"]["micro-auc"] == pytest.approx(0.5833333333333334, abs=0.02)
    assert second["difference"]["value"] == 0


def test_trials_of_an_earlier_search_are_read_and_shown(capsys):
    log = FILES / "old-run-tuned.trials.jsonl"
    about = json.loads(log.read_text().splitlines()[0])
    trials = read_trials(log, about)
    print_tuned(Tuned(Path("best.yaml"), log, trials, ["03"], ["pace", "texture"]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["trial", "AUC", "pace", "texture", "alarms/h", "s"]
    assert lines[1].split()[:4] == ["0", "0.1101", "0.139", "0.081"]
    assert lines[2] == "    unchanged recipe"
