"""Runs against frame scores of other code, on the same labels."""

import json

import numpy as np
import pytest

import vadkit
from vadkit.workflows.evaluate.run_scores import score_run
from vadkit.workflows.run import load_run


@pytest.fixture
def known(evaluated_run):
    """The scores and labels of the run."""
    return score_run(evaluated_run, load_run(evaluated_run))[0]


@pytest.fixture
def others(known, tmp_path):
    """The same scores as those of other code, and worse ones, in files."""
    scores = {video: np.nan_to_num(one) for video, one in known.scores.items()}
    np.savez(tmp_path / "same.npz", **scores)
    np.savez(tmp_path / "worse.npz", **{video: -one for video, one in scores.items()})
    return tmp_path / "same.npz", tmp_path / "worse.npz"


def test_scores_of_other_code_are_compared_with_the_labels_of_the_run(
    evaluated_run, others, tmp_path
):
    found = vadkit.compare([evaluated_run, *others], plot=tmp_path / "plot.svg")
    run, same, worse = found.runs
    assert (same.name, same.seed, same.why_not) == ("same.npz", None, None)
    assert same.difference.value == 0
    value = {one.name: one.value for one in run.metrics}["micro-auc"]
    # Frames that the run does not score are left out of the difference.
    assert worse.difference.value == pytest.approx(1 - 2 * value)
    assert run.title in repr(found) and "same.npz: " in repr(found)
    assert "same.npz" in (tmp_path / "plot.svg").read_text()
    assert found.as_data()["runs"][1]["seed"] is None and found.groups == []


def test_labels_with_the_same_content_are_comparable_and_others_are_not(
    evaluated_run, known, others, tmp_path
):
    def written(name, labels):
        videos = {
            video: {"frames": len(one), "abnormal": vadkit.Labels.from_flags(one).intervals}
            for video, one in labels.items()
        }
        (tmp_path / name).write_text(json.dumps({"format": "vadkit-labels-1", "videos": videos}))
        return tmp_path / name

    plot = tmp_path / "plot.svg"
    same = written("a.json", known.labels)
    found = vadkit.compare([evaluated_run, others[0]], plot=plot, labels=same)
    assert found.runs[1].difference.value == 0
    other = written("b.json", {video: ~one for video, one in known.labels.items()})
    found = vadkit.compare([evaluated_run, others[0]], plot=plot, labels=other)
    assert found.runs[1].why_not.startswith("other labels: b.json instead of ")
    # Without any run, the labels of the file are those of all.
    found = vadkit.compare(others, plot=plot, labels=same)
    assert found.runs[1].difference is not None


def test_what_cannot_be_compared_is_one_line(vadkit, evaluated_run, others, tmp_path):
    plot = ("--plot", tmp_path / "plot.svg")
    code, _, err = vadkit("compare", others[0], evaluated_run, *plot)
    assert code == 2 and "give a run first, or --labels" in err
    code, _, err = vadkit("compare", evaluated_run, others[0], "--videos", tmp_path, *plot)
    assert code == 2 and "--videos needs --labels" in err
    np.savez(tmp_path / "short.npz", **{v: one[1:] for v, one in np.load(others[0]).items()})
    code, _, err = vadkit("compare", evaluated_run, tmp_path / "short.npz", *plot)
    assert code == 3 and "add --offset 1" in err
    code, out, err = vadkit("compare", evaluated_run, tmp_path / "short.npz", "--offset", 1, *plot)
    assert code == 0 and "scores of other" in out, err
