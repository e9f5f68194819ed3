"""Evaluating and comparing through the command line: protocols, scores of other code, bad input."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from vadkit.data.datasets.synthetic import Synthetic

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
    table = out.partition("\nIn brackets")[0].splitlines()
    assert max(map(len, table)) <= 80
    assert "Bold" not in out
    rows = [line.split()[0] for line in table if not line.startswith((" ", "("))]
    assert rows == ["protocol", "raw", "online", "offline", "ano-pred"]
    assert "ano-pred (as published)" in out
    assert "raw: not smoothed, not normalised; online-valid." in out
    assert "not online: needs each whole test video for its minimum and maximum." in out
    assert "false alarm means" in out
    assert "for 1 false alarm per hour and 2% of the time in alarms: F1" in out

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
    assert "chooses the checkpoint with test labels" in out
    assert "Checkpoint: " in out

    code, _, err = vadkit("eval", run, "--protocol", "ano_pred")
    assert code == 2
    assert "did you mean 'ano-pred'?" in err
    code, _, err = vadkit("eval", run, "--checkpoint", "epoch-7")
    assert code == 4
    assert "has no checkpoint 'epoch-7'; choose one of best, epoch-0001, epoch-0002, last" in err
    asks = "protocols=[{type: raw}, {type: custom, checkpoint: best-on-test}]"
    code, _, err = vadkit("eval", run, "--set", asks)
    assert code == 2
    assert "the protocols need different checkpoints" in err


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
        (("--scores", "x", "--labels", "y", "--checkpoint", "last"), "--checkpoint needs a run"),
        (("run", "--labels", "y"), "--labels and --fps need --scores"),
    ],
)
def test_arguments_that_exclude_each_other(vadkit, arguments, message):
    code, _, err = vadkit("eval", *arguments)
    assert code == 2
    assert message in err


def test_lengths_come_from_the_files_if_labels_state_none(vadkit, tmp_path):
    scene = Synthetic(root=tmp_path, size=(48, 64), frames=40, train_videos=1, test_videos=2)
    folder = {"train": scene.videos("train")[0].path.parent, "test": scene.folder / "testing"}
    (tmp_path / "labels.csv").write_text("video,start,end\n01,5,9\n02,,\n")
    recipe = tmp_path / "scene.yaml"
    recipe.write_text(
        f"dataset: {{type: folder, root: {folder['train']}, test: {folder['test']}, "
        f"labels: {tmp_path / 'labels.csv'}}}\nmethod: {{type: conv-ae}}\n"
    )
    for labels in (recipe, tmp_path / "labels.csv"):
        for frames, words in (
            (40, None),
            (37, "use NaN for a frame without a score"),
            (43, "version"),
        ):
            scores = {"01": np.arange(40.0), "02": np.arange(float(frames))}
            np.savez(tmp_path / "scores.npz", **scores)
            code, out, err = vadkit(
                "eval", "--scores", tmp_path / "scores.npz", "--labels", labels, "--json"
            )
            if words is not None and labels == recipe:
                assert code == 3
                assert f"video '02' has 40 frames according to its file, but {frames} scores" in err
                assert words in err
            else:
                assert code == 0, err
                got = "labels.csv does not state the number of frames" in " ".join(
                    json.loads(out)["notes"]
                )
                assert got == (labels != recipe)


@pytest.mark.parametrize("fps", ["0", "-25", "nan", "inf"])
def test_no_frame_rate(vadkit, tmp_path, fps):
    np.savez(tmp_path / "s.npz", a=np.arange(4))
    np.savez(tmp_path / "l.npz", a=np.array([0, 0, 1, 1]))
    both = ("--scores", tmp_path / "s.npz", "--labels", tmp_path / "l.npz")
    code, out, err = vadkit("eval", *both, "--fps", fps)
    assert (code, out) == (2, "")
    assert f"--fps {fps} is not a frame rate" in err
    code, out, err = vadkit("eval", *both, "--fps", 25)
    assert code == 0
    assert "1.000 at 1/h" in out


@pytest.fixture
def labelled(evaluated_run, tmp_path):
    """A copy of an evaluated run and of its data set, and the data set's labels by video."""
    run = shutil.copytree(evaluated_run, tmp_path / "run")
    scene = "scene/64x48-1x4x40-seed0-v1"
    root = shutil.copytree(evaluated_run.parents[2] / scene, tmp_path / scene)
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(evaluated_run.parents[2]), str(tmp_path)))
    (path,) = root.rglob("labels.json")
    return run, path


def relabel(path, change):
    data = json.loads(path.read_text())
    change(data["videos"])
    path.write_text(json.dumps(data))


def test_labels_are_read_again_but_scores_are_reused(vadkit, labelled):
    run, path = labelled
    before = json.loads(vadkit("eval", run, "--json").out)["metrics"]

    def flip(videos):
        videos["01"]["abnormal"] = [[0, 2]]

    relabel(path, flip)
    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, err
    assert "labels of video '01' have changed since it was scored" in err
    after = json.loads(out)["metrics"]
    assert after[0]["value"] != before[0]["value"]
    with np.load(run / "scores" / "test" / "01.npz") as saved:
        assert saved["labels"].sum() == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda videos: [v.update(abnormal=[]) for v in videos.values()], "are labelled normal"),
        (
            lambda videos: [v.update(abnormal=[[0, v["frames"]]]) for v in videos.values()],
            "are labelled abnormal",
        ),
        (
            lambda videos: videos["02"].update(frames=50),
            "video '02' has 40 frames but labels.json labels 50",
        ),
    ],
)
def test_labels_of_a_run_that_cannot_be_evaluated(vadkit, labelled, change, message):
    run, path = labelled
    relabel(path, change)
    code, out, err = vadkit("eval", run)
    assert (code, out) == (3, "")
    assert message in err


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros(39), "has 39 frames but labels.json labels 40"),
        (np.full(40, np.inf), "of video '01' are infinite on 40 frame(s)"),
        (np.zeros((40, 2)), "expected one value per frame"),
    ],
)
def test_saved_scores_of_a_run_that_cannot_be_evaluated(vadkit, labelled, scores, message):
    run, _ = labelled
    np.savez(run / "scores" / "test" / "01.npz", scores=scores, labels=np.zeros(40, bool))
    code, out, err = vadkit("eval", run)
    assert (code, out) == (3, "")
    assert message in err


def test_a_run_whose_scores_are_not_numbers(vadkit, labelled):
    run, _ = labelled
    nothing = np.full(40, np.nan)
    np.savez(run / "scores" / "test" / "01.npz", scores=nothing, labels=np.zeros(40, bool))
    code, out, err = vadkit("eval", run)
    assert code == 0, err
    assert "No frame has a score in: 01." in out
    for path in (run / "scores" / "test").glob("*.npz"):
        np.savez(path, scores=nothing, labels=np.zeros(40, bool))
    code, out, err = vadkit("eval", run)
    assert (code, out) == (3, "")
    assert "no frame of the 4 video(s) has a score" in err


def test_a_damaged_record_means_scoring_again(vadkit, labelled):
    run, _ = labelled
    before = json.loads(vadkit("eval", run, "--json").out)["metrics"]
    record = run / "scores" / "test" / "meta.json"
    meta = json.loads(record.read_text())
    # A test video that was not there when the run was scored.
    record.write_text(json.dumps({**meta, "videos": meta["videos"][1:]}))
    code, out, err = vadkit("eval", run, "--json")
    assert code == 0, err
    assert "other test videos than the saved scores; scoring again" in err
    after = json.loads(out)["metrics"]
    assert after[0]["value"] == pytest.approx(before[0]["value"])


def test_compare(vadkit, tmp_path):
    runs = [train(vadkit, tmp_path, seed=seed) for seed in (0, 1)]
    runs.append(train(vadkit, tmp_path, name="longer", epochs=2))
    plot = tmp_path / "plot.svg"
    code, out, err = vadkit("compare", *runs, "--plot", plot)
    assert code == 0, err
    assert out.strip().splitlines()[-1] == str(plot)
    assert "</svg>" in plot.read_text()
    assert "Rows with several seeds: mean ± sample standard deviation" in out

    data = json.loads(vadkit("compare", *runs, "--plot", plot, "--json").out)
    areas = [run["metrics"]["micro-auc"] for run in data["runs"]]
    for run, area in zip(data["runs"][1:], areas[1:], strict=True):
        assert run["difference"]["value"] == pytest.approx(area - areas[0])
        assert run["difference"]["low"] <= run["difference"]["value"] <= run["difference"]["high"]
    (group,) = data["groups"]
    assert group["seeds"] == [0, 1]
    for name in ("micro-auc", "macro-auc", "ap", "eer"):
        values = [run["metrics"][name] for run in data["runs"][:2]]
        assert group["metrics"][name]["mean"] == pytest.approx(np.mean(values))
        spread = abs(values[0] - values[1]) / np.sqrt(2)
        assert group["metrics"][name]["deviation"] == pytest.approx(spread)

    # Differences are of what the protocol makes the headline.
    code, out, err = vadkit("compare", *runs, "--plot", plot, "--protocol", "aed-sssmtl", "--json")
    assert code == 0, err
    padded = json.loads(out)
    assert padded["headline"] == "padded-macro-auc"
    areas = [run["metrics"]["padded-macro-auc"] for run in padded["runs"]]
    assert padded["runs"][2]["difference"]["value"] == pytest.approx(areas[2] - areas[0])

    # One run is evaluated on a data set with other labels: it is not comparable with the first,
    # and no mean is taken over both.
    other = shutil.copytree(tmp_path / "scene", tmp_path / "other")
    (path,) = other.rglob("labels.json")
    relabel(path, lambda videos: videos["01"].update(abnormal=[[0, 2]]))
    recipe = runs[1] / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(tmp_path / "scene"), str(other)))
    code, out, err = vadkit("compare", *runs, "--plot", plot)
    assert code == 0, err
    assert "tiny (seed 1) is not comparable with the first: other labels" in out
    assert "several seeds" not in out
    code, out, err = vadkit("compare", *runs, "--plot", plot, "--set", f"dataset.root={other}")
    assert code == 0, err
    assert "not comparable" not in out

    code, _, err = vadkit("compare", runs[0], "--plot", plot)
    assert code == 2
    assert "at least two runs" in err
    code, _, err = vadkit("compare", runs[0], runs[0], "--plot", plot)
    assert code == 2
    assert "given twice" in err
    code, _, err = vadkit("compare", runs[0], tmp_path / "none", "--plot", plot)
    assert code == 4
    for given in (tmp_path / "plot.foo", tmp_path / "plot", tmp_path):
        code, _, err = vadkit("compare", *runs[:2], "--plot", given)
        assert code == 2
        assert "give a file name that ends in .png, .svg, .pdf" in err
