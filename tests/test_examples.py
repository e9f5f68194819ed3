"""The example project in ``examples/``, driven through the command line on small videos."""

from __future__ import annotations

import csv
import io
import json
import runpy
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from vadkit import cli, plugins, registry
from vadkit.errors import DataError
from vadkit.testing import check_method

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = {
    "methods": "difference-prediction",
    "datasets": "incident-log",
    "scorers": "running-median",
    "hooks": "score-log",
}
FILES = {"methods": "method", "datasets": "dataset", "scorers": "scorer", "hooks": "hook"}
SMALL = ["clip.size=[32, 48]", "train.epochs=2", "networks.predictor.width=4"]


class Project(NamedTuple):
    folder: Path
    run: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A copy of the example with small videos, trained by ``vadkit train``."""
    folder = tmp_path_factory.mktemp("project") / "examples"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("data", "runs", "__pycache__"))
    draw = runpy.run_path(str(folder / "make_data.py"))["draw"]
    scene = ["dataset.frames=30", "dataset.size=[32, 48]", "dataset.train_videos=2"]
    draw(folder / "data", *scene)
    command = ["vadkit", "train", str(folder / "recipe.yaml"), "--runs", str(folder / "runs")]
    for setting in [f"dataset.root={folder / 'data'}", *SMALL]:
        command += ["--set", setting]
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        # What the plugins register here is not there in other tests.
        patch.setattr(registry, "_registered", {family: {} for family in registry.FAMILIES})
        patch.setattr(plugins, "_ran", {})
        patch.setattr(plugins, "_content", {})
        patch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert not end.value.code
    return Project(folder, Path(out.getvalue().strip()))


def component(family):
    """The class of the example, registered as by a recipe that names its file."""
    plugins.load_plugin(EXAMPLES / f"{FILES[family]}.py")
    return registry.find(family, NAMES[family]).load()


def raw_scores(run: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.load(path)["scores"] for path in (run / "scores/test").glob("*.npz")}


def median_by_hand(values: np.ndarray, frames: int) -> np.ndarray:
    windows = [values[max(0, end - frames) : end] for end in range(1, len(values) + 1)]
    pairs = zip(values, windows, strict=True)
    return np.array([np.nan if np.isnan(v) else np.nanmedian(window) for v, window in pairs])


@pytest.mark.parametrize(
    ("family", "parameter"),
    [("methods", "cell"), ("datasets", "fps"), ("scorers", "frames"), ("hooks", "clips")],
)
def test_list_components_shows_each(vadkit, family, parameter):
    file = EXAMPLES / f"{FILES[family]}.py"
    code, out, err = vadkit("list-components", family, NAMES[family], "--plugin", file)
    assert code == 0, err
    summary = (component(family).__doc__ or "").splitlines()[0].split()
    assert " ".join(summary[:6]) in " ".join(out.split())
    assert f"\n  {parameter}  " in out


def test_the_recipe_is_valid(vadkit, monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    code, out, err = vadkit("validate", "recipe.yaml", "--json")
    assert code == 0, err
    for name in NAMES.values():
        assert f'"{name}"' in out


def test_the_run_has_the_code_and_the_lines_of_the_hook(project):
    copied = {path.name: path.read_text() for path in (project.run / "plugins").iterdir()}
    assert copied == {f"{f}.py": (EXAMPLES / f"{f}.py").read_text() for f in FILES.values()}
    with (project.run / "score-log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = map(json.loads, (project.run / "metrics.jsonl").read_text().splitlines())
    epochs = [line for line in lines if line["event"] == "epoch"]
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for row, epoch in zip(rows, epochs, strict=True):
        assert float(row["loss"]) == pytest.approx(epoch["loss"], rel=1e-5)
        assert float(row["score_median"]) == pytest.approx(epoch["score/median"], rel=1e-5)
        assert 0 < float(row["score_median"]) <= float(row["score_p99"])


def test_eval_and_infer_use_the_data_set_and_the_scorer(vadkit, project, tmp_path):
    code, out, err = vadkit("eval", project.run, "--json")
    assert code == 0, err
    data = json.loads(out)
    assert data["label_source"] == "incidents.csv"
    (protocol,) = [one for one in data["protocols"] if one["name"] == "recipe"]
    assert protocol["steps"] == "running-median(frames=5)"
    # The same figure from the saved scores, the table and the formula.
    flags, final = [], []
    with (project.data / "incidents.csv").open(newline="") as file:
        table = {row["video"]: row for row in csv.DictReader(file)}
    for video, raw in raw_scores(project.run).items():
        row = table[video]
        start, end = (round(float(row[key]) * 25) for key in ("start_s", "end_s"))
        flags += [start <= frame < end for frame in range(len(raw))]
        final += median_by_hand(raw, 5).tolist()
    scored = np.isfinite(final)
    expected = roc_auc_score(np.array(flags)[scored], np.array(final)[scored])
    (found,) = [
        metric["value"]
        for metric in data["metrics"]
        if metric["name"] == "micro-auc" and "running-median" in str(metric["protocol"])
    ]
    assert found == pytest.approx(expected)
    kinds = {metric["category"] for metric in data["metrics"] if metric.get("category")}
    assert kinds == {"cyclist", "runner", "cart", "bag"}
    # Streamed scores are the same.
    video = project.data / "test" / "02.mp4"
    code, _, err = vadkit("infer", project.run, video, "--out", tmp_path, "--sink", "jsonl")
    assert code == 0, err
    (file,) = tmp_path.rglob("*.jsonl")
    frames = [json.loads(line)["score"] for line in file.read_text().splitlines()]
    streamed = [np.nan if score is None else score for score in frames]
    raw = raw_scores(project.run)["02"]
    np.testing.assert_allclose(streamed, median_by_hand(raw, 5), rtol=1e-6)
    assert not np.allclose(streamed, raw, equal_nan=True)


def test_a_resumed_run_has_one_line_of_the_hook_per_epoch(vadkit, project, tmp_path):
    run = tmp_path / "copy"
    shutil.copytree(project.run, run)
    before = (run / "score-log.csv").read_text()
    code, _, err = vadkit("train", "--resume", run, "--set", "train.epochs=3")
    assert code == 0, err
    after = (run / "score-log.csv").read_text()
    assert after.startswith(before)
    assert [line.split(",")[0] for line in after.splitlines()] == ["epoch", "1", "2", "3"]


def test_the_method_says_which_clips_it_cannot_use(vadkit, project):
    command = ["train", project.folder / "recipe.yaml", "--set", "clip.frames=2"]
    code, _, err = vadkit(*command)
    assert code == 2
    assert "clip: difference-prediction needs at least 3 frames; got 2" in err


@pytest.mark.slow
def test_the_method_keeps_the_contract():
    component("methods")
    check_method({"method": {"type": "difference-prediction"}, "clip": {"size": [32, 48]}})


def test_the_scorer_is_its_formula_in_batches_and_in_streams():
    running_median = component("scorers")

    @given(
        st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=30),
        st.integers(min_value=1, max_value=7),
    )
    def check(values, frames):
        scorer = running_median(frames=frames)
        array = np.array(values, float)
        (final,) = scorer({"a": array}).values()
        np.testing.assert_allclose(final, median_by_hand(array, frames))
        np.testing.assert_array_equal(array, np.array(values, float))
        step = scorer.stream()
        np.testing.assert_array_equal([step(value) for value in values], final)

    check()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "incidents.csv cannot be read: .*No such file"),
        ("video,start,end\n", "line 1: expected video,start_s,end_s,kind"),
        ("video,start_s,end_s,kind\n09,0,1,bag\n", "line 2: no video '09' in test"),
        ("video,start_s,end_s,kind\n01,0,soon,bag\n", "line 2: times must be seconds"),
        ("video,start_s,end_s,kind\n01,0\n", "line 2: times must be seconds"),
    ],
)
def test_the_data_set_names_the_line_at_fault(project, tmp_path, table, message):
    shutil.copytree(project.data, tmp_path / "data")
    file = tmp_path / "data" / "incidents.csv"
    file.unlink() if table is None else file.write_text(table)
    dataset = component("datasets")(root=tmp_path / "data")
    assert [video.id for video in dataset.videos("train")] == ["01", "02"]
    with pytest.raises(DataError, match=message):
        dataset.videos("test")


def test_a_table_that_cannot_be_read_ends_a_command_with_one_line(vadkit, project, tmp_path):
    shutil.copytree(project.data, tmp_path / "data")
    (tmp_path / "data" / "incidents.csv").unlink()
    root = f"dataset.root={tmp_path / 'data'}"
    code, _, err = vadkit("eval", project.run, "--set", root)
    assert code == 3
    assert "incidents.csv cannot be read" in err and "Traceback" not in err


def test_the_data_set_turns_seconds_into_frames(project, tmp_path):
    shutil.copytree(project.data, tmp_path / "data")
    table = "video,start_s,end_s,kind\n01,0.5,1.5,bag\n01,2,3,cart\n"
    (tmp_path / "data" / "incidents.csv").write_text(table)
    first, second, *_ = component("datasets")(root=tmp_path / "data", fps=10).videos("test")
    assert np.flatnonzero(first.labels(40)).tolist() == [*range(5, 15), *range(20, 30)]
    assert (first.category, second.category) == ("bag", None)
    assert not second.labels(40).any()
    with pytest.raises(DataError, match="labels of video '01' reach frame 30"):
        first.labels(29)


def test_the_readme_names_the_files_that_there_are():
    text = (EXAMPLES / "README.md").read_text()
    files = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".yaml")}
    assert files == {name for name in files if f"`{name}`" in text}
