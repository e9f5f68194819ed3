"""Evaluating and comparing through the command line: protocols, scores of other code, bad input."""

import json
from pathlib import Path

import numpy as np
import pytest

RECIPE = """\
name: {name}
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 2}}
clip: {{frames: 5, size: [48, 64], channels: gray}}
flow: null
method: {{type: future-frame}}
networks: {{generator: {{width: 4}}, discriminator: {{width: 4}}}}
train: {{epochs: {epochs}, batch_size: 8, seed: {seed}}}
hooks: [{{type: checkpoint, keep: 2}}]
"""


def train(vadkit, folder, name="tiny", epochs=1, seed=0, root="scene"):
    recipe = folder / f"{name}-{seed}.yaml"
    recipe.write_text(RECIPE.format(root=folder / root, name=name, epochs=epochs, seed=seed))
    code, out, err = vadkit("train", recipe, "--runs", folder / "runs")
    assert code == 0, err
    return Path(out.strip().splitlines()[-1])


def test_one_table_over_protocols(vadkit, tmp_path):
    run = train(vadkit, tmp_path, epochs=2)
    code, out, err = vadkit("eval", run)
    assert code == 0, err
    rows = [line.split()[0] for line in out.splitlines()[:5]]
    assert rows == ["protocol", "raw", "online", "offline", "ano-pred"]
    assert "ano-pred (as published)" in out
    assert "raw: not smoothed, not normalised; online-valid." in out
    assert "not online: needs each test video's own extremes, so its end." in out
    assert "false alarm is" in out
    assert "99.9% of training frames lie below" in out

    data = json.loads((run / "eval.json").read_text())
    assert [one["name"] for one in data["protocols"]] == ["raw", "online", "offline", "ano-pred"]
    assert data["protocols"][3]["published"]
    words = {one["words"] for one in data["protocols"]}
    assert {metric["protocol"] for metric in data["metrics"]} == words
    assert all("checkpoint last, labels " in text for text in words)
    micro = next(metric for metric in data["metrics"] if metric["name"] == "micro-auc")
    assert micro["low"] <= micro["value"] <= micro["high"]

    code, out, err = vadkit("eval", run, "--protocol", "aed-sssmtl", "--checkpoint", "best-on-test")
    assert code == 0, err
    assert "padded-macro-auc" in out.splitlines()[0]
    assert "picks the checkpoint by test labels" in out
    assert "Checkpoint: " in out

    code, _, err = vadkit("eval", run, "--protocol", "ano_pred")
    assert code == 2
    assert "did you mean 'ano-pred'?" in err
    code, _, err = vadkit("eval", run, "--checkpoint", "epoch-7")
    assert code == 4
    assert "has no checkpoint 'epoch-7'; there are best, epoch-0001, epoch-0002, last" in err
    asks = "protocols=[{type: raw}, {type: custom, checkpoint: best-on-test}]"
    code, _, err = vadkit("eval", run, "--set", asks)
    assert code == 2
    assert "the protocols ask for different checkpoints" in err


def test_scores_of_other_code_give_the_runs_own_numbers(vadkit, tmp_path):
    run = train(vadkit, tmp_path)
    own = json.loads(vadkit("eval", run, "--json").out)
    scores, labels = tmp_path / "scores", {}
    scores.mkdir()
    for path in sorted((run / "scores" / "test").glob("*.npz")):
        with np.load(path) as saved:
            np.savetxt(scores / f"{path.stem}.txt", saved["scores"])
            labels[path.stem] = saved["labels"]
    np.savez(tmp_path / "labels.npz", **labels)
    recipe = tmp_path / "tiny-0.yaml"
    for given in (tmp_path / "labels.npz", recipe):
        code, out, err = vadkit("eval", "--scores", scores, "--labels", given, "--json")
        assert code == 0, err
        other = json.loads(out)
        for theirs, ours in zip(other["metrics"][:3], own["metrics"][:3], strict=True):
            assert theirs["name"] == ours["name"]
            assert theirs["value"] == pytest.approx(ours["value"])
            assert theirs.get("low") == pytest.approx(ours.get("low"))
        assert other["checkpoint"] is None
    assert vadkit("eval", "--scores", scores, "--labels", recipe).code == 0

    # All videos in one row, in the order of the labels, as many codes save them.
    np.save(tmp_path / "row.npy", np.concatenate([np.loadtxt(scores / f"{v}.txt") for v in labels]))
    code, out, err = vadkit(
        "eval", "--scores", tmp_path / "row.npy", "--labels", tmp_path / "labels.npz", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["metrics"][0]["value"] == pytest.approx(own["metrics"][0]["value"])


LABELS = {"a": [0, 1, 1, 0], "b": [0, 0]}


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ({"a": [1, 2, 3], "b": [1, 2]}, LABELS, "video 'a' has 3 frames but labels.npz labels 4"),
        ({"a": [1, 2, 3, 4]}, LABELS, "no scores for video 'b'"),
        ({"a": [1, 2, 3, 4], "b": [1, 2], "c": [1]}, LABELS, "no labels for video 'c'"),
        ({"a": [1, np.inf, 3, 4], "b": [1, 2]}, LABELS, "of video 'a' are infinite on 1 frame"),
        ({"a": [1, 2]}, {"a": [0, 0]}, "all 2 scored frames are labelled normal"),
        ({"a": [np.nan, np.nan]}, {"a": [0, 1]}, "no frame of the 1 video(s) has a score"),
        ({}, LABELS, "no scores for video 'a', 'b'"),
    ],
)
def test_bad_scores(vadkit, tmp_path, scores, labels, message):
    np.savez(tmp_path / "scores.npz", **{v: np.array(one, float) for v, one in scores.items()})
    np.savez(tmp_path / "labels.npz", **{v: np.array(one) for v, one in labels.items()})
    code, out, err = vadkit(
        "eval", "--scores", tmp_path / "scores.npz", "--labels", tmp_path / "labels.npz"
    )
    assert (code, out) == (3, "")
    assert err.startswith("error: ")
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either a run folder or --scores"),
        (("run", "--scores", "x"), "give either a run folder or --scores"),
        (("--scores", "x"), "--scores needs --labels"),
        (("--scores", "x", "--labels", "y", "--checkpoint", "last"), "goes with a run"),
        (("run", "--labels", "y"), "--labels and --fps go with --scores"),
    ],
)
def test_arguments_that_do_not_go_together(vadkit, arguments, message):
    code, _, err = vadkit("eval", *arguments)
    assert code == 2
    assert message in err


def test_compare(vadkit, tmp_path):
    runs = [train(vadkit, tmp_path, seed=seed) for seed in (0, 1)]
    runs.append(train(vadkit, tmp_path, name="longer", epochs=2))
    plot = tmp_path / "plot.svg"
    code, out, err = vadkit("compare", *runs, "--plot", plot)
    assert code == 0, err
    assert out.strip().splitlines()[-1] == str(plot)
    assert "</svg>" in plot.read_text()
    assert "over seeds 0, 1 (mean and sample deviation)" in out

    data = json.loads(vadkit("compare", *runs, "--plot", plot, "--json").out)
    areas = [run["metrics"]["micro-auc"] for run in data["runs"]]
    for run, area in zip(data["runs"][1:], areas[1:], strict=True):
        assert run["difference"]["value"] == pytest.approx(area - areas[0])
        assert run["difference"]["low"] <= run["difference"]["value"] <= run["difference"]["high"]
    (group,) = data["groups"]
    assert group["mean"] == pytest.approx(np.mean(areas[:2]))
    assert group["deviation"] == pytest.approx(abs(areas[0] - areas[1]) / np.sqrt(2))

    # The first run's labels are changed: the others are no longer comparable with it.
    saved = runs[0] / "scores" / "test" / "01.npz"
    with np.load(saved) as arrays:
        flipped = {"scores": arrays["scores"], "labels": ~arrays["labels"]}
    np.savez(saved, **flipped)
    code, out, err = vadkit("compare", *runs, "--plot", plot)
    assert code == 0, err
    assert out.count("not comparable") == 4
    assert "other labels" in out
    assert "(video '01', 24 frames differ)" in out

    code, _, err = vadkit("compare", runs[0], "--plot", plot)
    assert code == 2
    assert "at least two runs" in err
    code, _, err = vadkit("compare", runs[0], runs[0], "--plot", plot)
    assert code == 2
    assert "given twice" in err
    code, _, err = vadkit("compare", runs[0], tmp_path / "none", "--plot", plot)
    assert code == 4
