"""``vadkit report`` on a small run: what the page holds, and what is said when something lacks."""

import json
import re
import shutil
import sys

import numpy as np
import pytest


def data_of(page):
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', text)
    return json.loads(found[1])


@pytest.fixture
def run(evaluated_run, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(evaluated_run, tmp_path / "run")


def test_a_page_of_one_run(vadkit, run):
    code, out, err = vadkit("report", run)
    assert code == 0, err
    page = run / "report" / "report.html"
    assert out.strip() == str(page)
    text = page.read_text(encoding="utf-8")
    # Nothing is fetched: every script and style is inside, every picture a data URI.
    assert not re.search(r"<(script|link|img|video)\s[^>]*(src|href)=", text)
    [one] = data_of(page)["runs"]
    evaluation = json.loads((run / "eval.json").read_text())
    micro = next(m["value"] for m in evaluation["metrics"] if m["name"] == "micro-auc")
    assert one["table"]["rows"][0]["cells"]["micro-auc"]["value"] == micro
    raw, final, live = one["kinds"]
    assert raw["label"] == "raw" and final["label"].startswith("gaussian")
    # The recipe's scorers look ahead, so the threshold is for others, which are drawn too.
    threshold = json.loads((run / "calibration.json").read_text())["threshold"]
    assert (live["label"], live["level"]) == ("ema(halflife=4)", float(f"{threshold:.5g}"))
    assert raw["level"] is None and final["level"] is None
    assert raw["roc"]["area"] == pytest.approx(micro)
    assert one["notes"] == []
    aucs = [video["auc"] for video in one["videos"] if video["auc"] is not None]
    assert aucs == sorted(aucs)
    for video in one["videos"]:
        with np.load(run / "scores" / "test" / f"{video['id']}.npz") as saved:
            scores, labels = saved["scores"], saved["labels"].astype(bool)
        assert video["frames"] == len(scores)
        np.testing.assert_allclose(np.array(video["scores"]["raw"], float), scores, rtol=1e-4)
        marked = np.zeros(len(labels), bool)
        for start, stop in video["intervals"]:
            marked[start:stop] = True
        assert (marked == labels).all()
        assert f'id="{video["media"]["id"]}"' in text
    assert one["mistakes"]["alarms"] and one["mistakes"]["misses"]
    for mistake in (*one["mistakes"]["alarms"], *one["mistakes"]["misses"]):
        assert mistake["picture"] != mistake["heat"]
    assert "loss" in one["training"]["training"]


def test_several_runs_share_videos_and_get_unique_names(vadkit, run, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    out = tmp_path / "pages" / "both.html"
    code, text, err = vadkit("report", run, other, "--out", out, "--json")
    assert code == 0, err
    done = json.loads(text)
    assert (done["page"], done["bytes"]) == (str(out), out.stat().st_size)
    first, second = data_of(out)["runs"]
    assert (first["name"], second["name"]) == ("tiny, seed 0 run", "tiny, seed 0 other")
    assert [v["media"] for v in first["videos"]] == [v["media"] for v in second["videos"]]
    assert data_of(out)["differences"] == []
    recipe = other / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("seed: 0", "seed: 1"))
    assert vadkit("report", run, other, "--out", out).code == 0
    assert [one["name"] for one in data_of(out)["runs"]] == ["tiny, seed 0", "tiny, seed 1"]


def test_videos_are_next_to_a_page_that_would_be_too_large(run):
    from vadkit.workflows.report.report import report

    done = report([run], max_bytes=1000)
    assert done.videos == run / "report" / "report-videos"
    [one] = data_of(done.page)["runs"]
    files = [video["media"]["file"] for video in one["videos"]]
    assert all((done.page.parent / file).is_file() for file in files)
    assert "text/plain" not in done.page.read_text(encoding="utf-8").rpartition("report-data")[2]


def test_figures(vadkit, run, tmp_path):
    code, _, err = vadkit("report", run, "--figures", tmp_path / "figures")
    assert code == 0, err
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"roc.pdf", "roc.svg", "precision-recall.pdf", "histogram-raw.svg"} <= names
    videos = len(list((run / "scores" / "test").glob("*.npz")))
    assert len([name for name in names if name.startswith("timeline-")]) == 2 * videos


def test_saved_maps_are_used(vadkit, run):
    # A checkpoint that cannot be read proves that nothing was worked out.
    (run / "checkpoints" / "last.pt").write_bytes(b"")
    folder = run / "scores" / "test" / "maps"
    folder.mkdir()
    for path in (run / "scores" / "test").glob("*.npz"):
        frames = len(np.load(path)["scores"])
        np.save(folder / f"{path.stem}.npy", np.random.rand(frames, 6, 8).astype(np.float16))
    assert vadkit("report", run).code == 0
    [one] = data_of(run / "report" / "report.html")["runs"]
    assert one["notes"] == []
    assert all("heat" in mistake for mistake in one["mistakes"]["alarms"])


def test_a_run_without_eval_says_what_to_do(vadkit, run):
    (run / "eval.json").unlink()
    code, _, err = vadkit("report", run)
    assert code == 4
    assert "was not evaluated: it has no eval.json; run: vadkit eval" in err


def test_no_run_at_all(vadkit, tmp_path):
    code, _, err = vadkit("report", tmp_path / "nothing")
    assert code != 0
    assert "nothing" in err and "Traceback" not in err


@pytest.mark.parametrize("name", ["eval.json", "scores/test/meta.json"])
def test_damaged_files_are_named(vadkit, run, name):
    (run / name).write_text("{")
    code, _, err = vadkit("report", run)
    assert code == 4
    assert f"{run / name} is damaged" in err


def test_damaged_scores_are_named(vadkit, run):
    path = next((run / "scores" / "test").glob("*.npz"))
    path.write_bytes(b"")
    code, _, err = vadkit("report", run)
    assert code == 3
    assert f"saved scores {path} cannot be read" in err


def test_a_folder_is_not_a_page(vadkit, run, tmp_path):
    code, _, err = vadkit("report", run, "--out", tmp_path)
    assert code == 3
    assert "it is a folder; give a file name, .html" in err


def test_videos_that_do_not_fit_the_scores_are_not_shown(vadkit, run):
    changed = f"dataset.root={run.parent / 'few'}", "dataset.frames=20"
    code, _, err = vadkit("report", run, "--set", changed[0], "--set", changed[1])
    assert code == 0, err
    [one] = data_of(run / "report" / "report.html")["runs"]
    assert all(video["media"] is None for video in one["videos"])
    assert "it has 20 frames now, but 40 scores" in one["videos"][0]["reason"]
    assert all("picture" not in mistake for mistake in one["mistakes"]["alarms"])


def test_a_missing_data_set_gets_a_note(vadkit, run):
    code, _, err = vadkit("report", run, "--set", f"dataset={{type: ucsd, root: {run / 'gone'}}}")
    assert code == 0, err
    [one] = data_of(run / "report" / "report.html")["runs"]
    assert one["notes"][0].startswith("No videos and thumbnails: ")
    assert "--set dataset.root=FOLDER" in one["notes"][0]
    assert one["videos"][0]["reason"] == "The dataset no longer has this test video."


def test_scores_of_only_nan_get_a_note_and_no_plot(vadkit, run):
    for path in (run / "scores" / "test").glob("*.npz"):
        with np.load(path) as saved:
            labels = saved["labels"]
        np.savez(path, scores=np.full(len(labels), np.nan, np.float32), labels=labels)
    code, _, err = vadkit("report", run, "--figures", run / "figures")
    assert code == 0, err
    [one] = data_of(run / "report" / "report.html")["runs"]
    assert one["notes"][0].startswith("No frame has a score in: ")
    assert "roc" not in one["kinds"][0]
    assert one["mistakes"] == {"alarms": [], "misses": []}


def test_without_the_extra_it_says_what_to_install(vadkit, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    code, _, err = vadkit("report", run)
    assert code == 2
    assert "vadkit report needs jinja2: pip install 'vadkit[report]'" in err


def test_scores_of_other_code_stand_next_to_a_run(vadkit, run, tmp_path):
    """On the run's videos and with its labels: here its own scores, unchanged and flipped."""
    saved = sorted((run / "scores" / "test").glob("*.npz"))
    own = {path.stem: np.load(path)["scores"] for path in saved}
    np.savez(tmp_path / "same.npz", **own)
    np.savez(tmp_path / "flipped.npz", **{name: -values for name, values in own.items()})
    out = tmp_path / "all.html"
    given = (run, tmp_path / "same.npz", tmp_path / "flipped.npz")
    code, _, err = vadkit("report", *given, "--out", out)
    assert code == 0, err
    first, same, flipped = data_of(out)["runs"]
    assert [same["name"], flipped["name"]] == ["same.npz", "flipped.npz"]
    area = first["kinds"][0]["roc"]["area"]
    assert same["kinds"][0]["roc"]["area"] == pytest.approx(area)
    assert flipped["kinds"][0]["roc"]["area"] == pytest.approx(1 - area)
    row = same["table"]["rows"][0]
    assert row["cells"]["micro-auc"]["value"] == pytest.approx(area)
    media = {video["id"]: video["media"] for video in first["videos"]}
    assert {video["id"]: video["media"] for video in same["videos"]} == media
    assert same["sentences"][0].startswith("Frame scores of other code")
    # They are comparable with the run: the same videos, labels, frames and protocols.
    assert data_of(out)["differences"] == []
    assert {row["name"] for row in first["table"]["rows"]} >= {
        row["name"] for row in same["table"]["rows"]
    }
    assert (
        "picture" in same["mistakes"]["alarms"][0] and "heat" not in same["mistakes"]["alarms"][0]
    )


def test_scores_of_other_code_need_a_run_first(vadkit, run, tmp_path):
    np.savez(tmp_path / "scores.npz", v=np.zeros(3))
    code, _, err = vadkit("report", tmp_path / "scores.npz", run)
    assert code == 2
    assert "scores.npz has scores of other code; give a run first" in err
    code, _, err = vadkit("report", run, "--segment", 16)
    assert (code, err.strip()) == (2, "error: --offset and --segment need scores of other code")
