"""Calibrations of a run: all are kept, one is in use."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def run(evaluated_run, tmp_path) -> Path:
    return Path(shutil.copytree(evaluated_run, tmp_path / "run"))


@pytest.fixture
def videos(run, tmp_path) -> Path:
    """A folder of other normal video."""
    folder = tmp_path / "day two"
    folder.mkdir()
    paths = json.loads((run / "manifest.json").read_text())["test"]["videos"].values()
    for number, path in enumerate(list(paths)[:2]):
        shutil.copyfile(path, folder / f"{number}.mp4")
    return folder


def current(run):
    return json.loads((run / "calibration.json").read_text())


def listed(vadkit, run):
    code, out, err = vadkit("calibrate", run, "--list", "--json")
    assert code == 0, err
    return {one["name"]: one for one in json.loads(out)}


def test_a_folder_does_not_replace_the_training_scores(vadkit, run, videos):
    before = current(run)
    scores = (run / "scores" / "normal.npz").read_bytes()
    code, _, err = vadkit("calibrate", run, "--videos", videos)
    assert code == 0, err
    other = current(run)
    assert other["evidence"]["videos"] == 2 and other["threshold"] != before["threshold"]
    assert (run / "scores" / "normal.npz").read_bytes() == scores
    kept = listed(vadkit, run)
    assert set(kept) == {"training", "day_two"}
    assert kept["day_two"]["current"] and not kept["training"]["current"]
    assert not any(one["stale"] for one in kept.values())
    # Without a folder it is always the training video.
    code, _, _ = vadkit("calibrate", run)
    assert code == 0 and current(run) == before
    assert listed(vadkit, run)["training"]["current"]
    # The way back, and forth.
    code, out, _ = vadkit("calibrate", run, "--use", "day_two", "--json")
    assert code == 0 and json.loads(out) == other == current(run)
    code, _, _ = vadkit("calibrate", run, "--use", "training")
    assert code == 0 and current(run) == before
    assert set(listed(vadkit, run)) == {"training", "day_two"}


def test_another_rate_has_its_own_name(vadkit, run, videos):
    vadkit("calibrate", run, "--videos", videos, "--name", "gate")
    kept = {path: path.read_bytes() for path in (run / "calibrations").rglob("*.*")}
    code, _, _ = vadkit("calibrate", run, "--use", "gate", "--false-alarms-per-hour", 9000)
    assert code == 0
    assert current(run)["false_alarms_per_hour"] == 9000
    assert current(run)["evidence"]["videos"] == 2
    code, _, _ = vadkit("calibrate", run, "--false-alarms-per-hour", 9000)
    assert code == 0
    names = listed(vadkit, run)
    assert set(names) == {"training", "training-2", "gate", "gate-2"}
    assert names["training-2"]["current"]
    assert names["training-2"]["videos"] == names["training"]["videos"]
    assert {path: path.read_bytes() for path in kept} == kept
    with np.load(run / "calibrations" / "gate" / "normal.npz") as saved:
        assert saved["lengths"].tolist() == [40, 40]
    # The same again is no other.
    vadkit("calibrate", run, "--videos", videos, "--false-alarms-per-hour", 9000)
    code, out, _ = vadkit("calibrate", run, "--list")
    rows = [line.split() for line in out.splitlines()[1:] if not line.startswith(" ")]
    assert code == 0 and len(rows) == 5 and out.count("9000/h, 2%") == 3
    assert "day_two" in [row[0] for row in rows if row[1] == "*"]


def test_among_equal_calibrations_only_the_active_one_has_the_star(vadkit, run, videos):
    def stars():
        code, out, _ = vadkit("calibrate", run, "--list")
        assert code == 0
        rows = [line.split() for line in out.splitlines()[1:] if not line.startswith(" ")]
        return [row[0] for row in rows if row[1] == "*"]

    for name in ("a", "b", "c"):
        vadkit("calibrate", run, "--videos", videos, "--name", name)
    assert stars() == ["c"]
    vadkit("calibrate", run, "--use", "b")
    assert stars() == ["b"]
    assert [name for name, one in listed(vadkit, run).items() if one["current"]] == ["b"]
    vadkit("calibrate", run, "--use", "training")
    assert stars() == ["training"]
    # `calibration.json` decides, whatever the note on it says; runs of earlier versions have none.
    shutil.copyfile(run / "calibrations" / "b" / "calibration.json", run / "calibration.json")
    assert stars() == ["a"]
    for note in ("", "[]", '{"active": "../x"}', '{"active": 3}'):
        (run / "calibrations.json").write_text(note)
        assert stars() == ["a"]
    (run / "calibrations.json").unlink()
    assert stars() == ["a"]
    vadkit("calibrate", run, "--use", "c")
    assert stars() == ["c"]


@pytest.mark.parametrize("name", ["training", "gate", "..", "a/b", "", "x" * 65, ".hidden"])
def test_invalid_names(vadkit, run, videos, name):
    before = current(run)
    vadkit("calibrate", run, "--videos", videos, "--name", "gate")
    gate = current(run)
    code, _, err = vadkit("calibrate", run, "--videos", videos, "--name", name)
    assert code == 2 and "--name" in err and len(err.splitlines()) == 1
    assert current(run) == gate != before
    code, _, err = vadkit("calibrate", run, "--use", name or "none")
    assert code == (0 if name in ("training", "gate") else 2)


def test_arguments_that_exclude_each_other(vadkit, run, videos):
    for options in (["--use", "a", "--videos", videos], ["--list", "--use", "a"]):
        code, _, err = vadkit("calibrate", run, *options)
        assert code == 2 and len(err.splitlines()) == 1, err


def old(run: Path) -> None:
    """A run as an earlier version left it."""
    shutil.rmtree(run / "calibrations")


def test_a_run_of_an_earlier_version_gives_the_same_figures(vadkit, run, videos):
    before = current(run)
    old(run)
    kept = listed(vadkit, run)
    assert set(kept) == {"training"} and kept["training"]["current"]
    assert not (run / "calibrations").exists(), "listing writes nothing"
    code, _, _ = vadkit("calibrate", run, "--use", "training")
    assert code == 0 and current(run) == before
    vadkit("calibrate", run, "--videos", videos)
    assert set(listed(vadkit, run)) == {"training", "day_two"}
    vadkit("calibrate", run, "--use", "training")
    assert current(run) == before


def test_an_earlier_version_had_put_a_folder_in_the_place_of_training(vadkit, run, videos):
    training = current(run)
    vadkit("calibrate", run, "--videos", videos)
    other = current(run)
    shutil.copyfile(run / "calibrations" / "day_two" / "normal.npz", run / "scores" / "normal.npz")
    old(run)
    assert set(listed(vadkit, run)) == {"day_two"}
    code, _, err = vadkit("calibrate", run)
    assert code == 0, err
    # Scored anew, to the same figures, and the other is not lost.
    assert current(run)["threshold"] == pytest.approx(training["threshold"], rel=1e-4)
    assert current(run)["evidence"]["source"] == training["evidence"]["source"]
    assert set(listed(vadkit, run)) == {"training", "day_two"}
    vadkit("calibrate", run, "--use", "day_two")
    assert current(run) == other


def test_scores_of_an_earlier_checkpoint_are_marked(vadkit, run, videos):
    vadkit("calibrate", run, "--videos", videos)
    shutil.copyfile(run / "checkpoints" / "best.pt", run / "checkpoints" / "last.pt")
    with (run / "checkpoints" / "last.pt").open("ab") as file:
        file.write(b"\0")
    assert listed(vadkit, run)["day_two"]["stale"]
    assert "from an earlier checkpoint" in vadkit("calibrate", run, "--list").out
