"""Saved scores serve again for what they were made from, and for nothing else."""

import json
import shutil

import numpy as np
import pytest
import torch
import yaml

from vadkit.errors import DataError
from vadkit.recipe import Spec
from vadkit.workflows.evaluate.evaluation import evaluate
from vadkit.workflows.evaluate.protocols import build_protocols, final_scores
from vadkit.workflows.evaluate.run_scores import score_run
from vadkit.workflows.run import load_run

SCENE = "scene/64x48-1x4x40-seed0-v1"


@pytest.fixture
def run(evaluated_run, tmp_path):
    """A copy of an evaluated run, whose data set is a copy too."""
    home = evaluated_run.parents[2]
    shutil.copytree(home / SCENE, tmp_path / SCENE)
    run = shutil.copytree(evaluated_run, tmp_path / "run")
    recipe = run / "recipe.yaml"
    data = yaml.safe_load(recipe.read_text().replace(str(home), str(tmp_path)))
    # Few figures, for they take longer than scoring.
    data |= {"evaluators": [{"type": "frame-auc"}], "protocols": [{"type": "raw"}]}
    recipe.write_text(yaml.safe_dump(data))
    return run


@pytest.fixture
def with_maps(run):
    """The run, with an evaluator of maps in its recipe."""
    recipe = run / "recipe.yaml"
    data = yaml.safe_load(recipe.read_text())
    data["evaluators"].append({"type": "pixel-auc", "sigma": 0.0})
    recipe.write_text(yaml.safe_dump(data))
    return run


def scores(run, video="01"):
    with np.load(run / "scores" / "test" / f"{video}.npz") as saved:
        return saved["scores"]


def mark(run):
    """Put scores of our own in place of the saved ones; gives them."""
    marked = np.linspace(0, 1, 40, dtype=np.float32)
    for path in (run / "scores" / "test").glob("*.npz"):
        with np.load(path) as saved:
            labels = saved["labels"]
        np.savez(path, scores=marked, labels=labels)
    return marked


def made_again(run, **asked):
    """Whether evaluating makes scores, instead of taking those that are there."""
    marked = mark(run)
    evaluate(run, **asked)
    return not np.array_equal(scores(run), marked)


def test_the_same_request_uses_saved_scores(run):
    assert not made_again(run)
    assert not made_again(run, checkpoint="last", protocols=["raw"])


def test_other_overrides_make_other_scores(run):
    plain = scores(run)
    assert made_again(run, overrides=["train.batch_size=3"])
    assert not made_again(run, overrides=["train.batch_size=3"])
    assert made_again(run, overrides=["train.batch_size=4"])
    # Back to none.
    assert made_again(run)
    np.testing.assert_array_equal(scores(run), plain)


def test_overrides_reach_what_is_scored(run):
    plain = evaluate(run).metrics[0].value
    other = evaluate(run, overrides=["dataset.seed=1"]).metrics[0].value
    assert other != plain
    assert evaluate(run).metrics[0].value == plain


def test_another_checkpoint_under_the_same_name_makes_other_scores(run):
    plain, path = scores(run), run / "checkpoints" / "last.pt"
    before = path.read_bytes()
    state = torch.load(path, weights_only=True)
    for value in state["method"].values():
        if value.is_floating_point():
            value *= 0.5
    torch.save(state, path)
    assert made_again(run)
    assert not np.allclose(scores(run), plain)
    path.write_bytes(before)
    assert made_again(run)
    np.testing.assert_array_equal(scores(run), plain)


def test_another_checkpoint_makes_other_scores(run):
    assert made_again(run, checkpoint="best")
    assert not made_again(run, checkpoint="best")
    assert made_again(run, checkpoint="last")


def test_a_test_video_of_other_content_is_scored_again(run, tmp_path, capsys):
    plain = scores(run, "02")
    folder = tmp_path / SCENE / "testing"
    shutil.copy(folder / "02.mp4", folder / "01.mp4")
    assert made_again(run)
    assert (
        "test video '01' has changed since it was scored; scoring again" in capsys.readouterr()[1]
    )
    np.testing.assert_array_equal(scores(run, "01"), plain)
    assert not made_again(run)


def test_maps_of_other_content_are_made_again(with_maps, tmp_path):
    run = with_maps
    evaluate(run)
    before = np.load(run / "scores/test/maps/02.npy")
    assert not np.array_equal(np.load(run / "scores/test/maps/01.npy"), before)
    folder = tmp_path / SCENE / "testing"
    shutil.copy(folder / "02.mp4", folder / "01.mp4")
    evaluate(run)
    np.testing.assert_array_equal(np.load(run / "scores/test/maps/01.npy"), before)


def test_maps_of_other_overrides_are_made_again(with_maps):
    run = with_maps
    kept = run / "scores/test/maps/01.npy"
    evaluate(run)
    plain = np.load(kept)
    np.save(kept, np.zeros_like(plain))
    evaluate(run)
    assert not np.load(kept).any()
    evaluate(run, overrides=["train.batch_size=3"])
    np.testing.assert_array_equal(np.load(kept), plain)


def test_scores_of_an_older_version_are_used_if_the_data_is_the_same(run):
    record = run / "scores" / "test" / "meta.json"
    meta = json.loads(record.read_text())
    assert list(meta["contents"]) == meta["videos"] == ["01", "02", "03", "04"]
    del meta["contents"]
    record.write_text(json.dumps(meta))
    assert not made_again(run)


def test_saved_scores_are_used_if_the_videos_are_gone(run, tmp_path, capsys):
    for path in (tmp_path / SCENE / "testing").glob("*.mp4"):
        path.unlink()
    assert not made_again(run)
    # The labels are still there, and are read.
    (labels,) = (tmp_path / SCENE).rglob("labels.json")
    data = json.loads(labels.read_text())
    data["videos"]["01"]["abnormal"] = [[0, 3]]
    labels.write_text(json.dumps(data))
    assert not made_again(run)
    with np.load(run / "scores" / "test" / "01.npz") as saved:
        assert np.flatnonzero(saved["labels"]).tolist() == [0, 1, 2]


def test_changed_labels_change_figures_but_not_scores(run, tmp_path):
    plain = evaluate(run).metrics[0].value
    (labels,) = (tmp_path / SCENE).rglob("labels.json")
    data = json.loads(labels.read_text())
    data["videos"]["01"]["abnormal"] = [[0, 3]]
    labels.write_text(json.dumps(data))
    before = scores(run)
    assert evaluate(run).metrics[0].value != plain
    np.testing.assert_array_equal(scores(run), before)
    assert not made_again(run)


def test_a_file_of_the_same_content_elsewhere_is_the_same_video(run, tmp_path):
    shutil.move(tmp_path / "scene", tmp_path / "moved")
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(tmp_path / "scene"), str(tmp_path / "moved")))
    assert not made_again(run)


def _with_parts(run):
    """Give the saved scores two parts, as those of mnad; returns the parts of the first video."""
    meta = run / "scores" / "test" / "meta.json"
    meta.write_text(json.dumps(json.loads(meta.read_text()) | {"parts": ["distance", "error"]}))
    for path in (run / "scores" / "test").glob("*.npz"):
        with np.load(path) as saved:
            arrays = dict(saved)
        arrays["part.error"] = arrays["scores"] * 2
        arrays["part.distance"] = np.linspace(1, 0, len(arrays["scores"]), dtype=np.float32)
        np.savez(path, **arrays)


def test_parts_are_saved_and_read_with_the_scores(run):
    evaluate(run)
    assert json.loads((run / "scores" / "test" / "meta.json").read_text())["parts"] == []
    with pytest.raises(DataError, match="protocol 'mnad' mixes parts of a method's score"):
        evaluate(run, protocols=["mnad"])
    _with_parts(run)
    scored, _ = score_run(run, load_run(run), parts=True)
    assert scored.parts.keys() == {"error", "distance"}
    np.testing.assert_allclose(scored.parts["error"]["01"], scores(run) * 2)
    mixed = final_scores(build_protocols([Spec(type="mnad")])[0], scored)["01"]
    assert np.nanmax(mixed) <= 1 and np.nanmin(mixed) >= 0


def test_scores_of_an_earlier_version_are_made_again_only_for_their_parts(run):
    evaluate(run)
    meta = run / "scores" / "test" / "meta.json"
    earlier = {key: value for key, value in json.loads(meta.read_text()).items() if key != "parts"}
    meta.write_text(json.dumps(earlier))
    assert not made_again(run)
    marked = mark(run)
    with pytest.raises(DataError, match="have no part"):
        evaluate(run, protocols=["mnad"])
    assert not np.array_equal(scores(run), marked)


def test_new_labels_keep_the_parts(run, tmp_path):
    evaluate(run)
    _with_parts(run)
    path = run / "scores" / "test" / "01.npz"
    with np.load(path) as saved:
        arrays = dict(saved)
    np.savez(path, **arrays | {"labels": ~arrays["labels"]})
    evaluate(run)
    with np.load(path) as saved:
        np.testing.assert_array_equal(saved["labels"], arrays["labels"])
        np.testing.assert_array_equal(saved["part.error"], arrays["part.error"])
