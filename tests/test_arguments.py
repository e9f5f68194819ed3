"""Public functions take text and paths alike, and refuse other types before any work."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import vadkit
from vadkit.arguments import as_path, as_paths, as_texts
from vadkit.workflows.allow import allow

KINDS = [str, Path]
TINY = """\
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 16, train_videos: 1}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 1, batch_size: 8}}
"""


@pytest.fixture
def run(evaluated_run, tmp_path) -> Path:
    return Path(shutil.copytree(evaluated_run, tmp_path / "run"))


@pytest.fixture
def video(evaluated_run) -> Path:
    return next(evaluated_run.parents[2].rglob("testing/01.mp4"))


def test_paths():
    assert as_path("a/b", "x") == as_path(Path("a/b"), "x") == Path("a/b")
    assert as_path("~/a", "x") == Path.home() / "a"
    assert as_paths(["a", Path("b")], "x") == [Path("a"), Path("b")]
    assert as_paths((), "x") == []
    assert as_texts(iter(["a"]), "x") == ("a",)


@pytest.mark.parametrize("wrong", [None, 3, 2.5, b"bytes", ["a"], {"a": 1}, object()])
def test_a_path_of_another_type_is_refused(wrong):
    with pytest.raises(TypeError, match=r"^'runs' must be a path \(str or pathlib.Path\); got "):
        as_path(wrong, "runs")


@pytest.mark.parametrize("wrong", ["a=1", b"a", Path("a"), None, 3, {"a": 1}])
def test_one_value_in_place_of_a_list_is_refused(wrong):
    for check in (as_paths, as_texts):
        with pytest.raises(TypeError, match=r"^'some' must be a list; got "):
            check(wrong, "some")


def test_the_message_names_the_entry_and_says_what_to_write():
    with pytest.raises(TypeError, match=r"'plugins\[1\]' must be a path .*; got int 3"):
        as_paths(["a", 3], "plugins")
    with pytest.raises(TypeError, match=r"Write overrides=\['train.epochs=1'\]"):
        as_texts("train.epochs=1", "overrides")


@pytest.mark.parametrize("kind", KINDS)
def test_train_and_resume(kind, tmp_path, evaluated_run):
    recipe, plugin = tmp_path / "tiny.yaml", tmp_path / "parts.py"
    recipe.write_text(TINY.format(root=tmp_path / "scene"))
    plugin.write_text("import vadkit\n")
    checked = vadkit.load_recipe(kind(recipe), ["train.seed=3"], [kind(plugin)])
    assert checked.train.seed == 3
    run = vadkit.train(kind(recipe), plugins=[kind(plugin)], runs=kind(tmp_path / "runs"))
    assert (run / "plugins/parts.py").is_file() and run.parents[1] == tmp_path / "runs"
    assert vadkit.resume(kind(run), ["train.epochs=2"]) == run


@pytest.mark.parametrize("kind", KINDS)
def test_evaluate_calibrate_and_compare(kind, run, evaluated_run, video, tmp_path):
    assert vadkit.evaluate(kind(run))["raw"]["videos"] == 4
    assert vadkit.calibrate(kind(run)).threshold > 0
    assert vadkit.calibrate(kind(run), videos=kind(video.parent), name="more").threshold > 0
    found = vadkit.compare([kind(run), evaluated_run], plot=kind(tmp_path / "a.png"))
    assert len(found.runs) == 2 and (tmp_path / "a.png").is_file()
    allow([kind(run)])


@pytest.mark.parametrize("kind", KINDS)
def test_infer_and_detector(kind, run, video, tmp_path):
    (one,) = vadkit.infer(kind(run), kind(video), out=kind(tmp_path / "out"), sinks=["npz"])
    assert one.error is None and one.files == [str(tmp_path / "out/01/01.npz")]
    (again,) = vadkit.infer(
        kind(run), [kind(video)], out=kind(tmp_path / "out"), sinks=[{"type": "npz"}]
    )
    assert again.kept
    detector = vadkit.Detector.load(kind(run))
    scored = detector.score(kind(video))
    streamed = [frame.score for frame in detector.stream(kind(video))]
    assert np.array_equal(scored.score, streamed, equal_nan=True) and len(streamed) == 40


WRONG = {
    "train, recipe": lambda run: vadkit.train(3),
    "train, runs": lambda run: vadkit.train("quickstart", runs=3),
    "train, overrides": lambda run: vadkit.train("quickstart", overrides="train.epochs=1"),
    "train, plugins": lambda run: vadkit.train("quickstart", plugins="my_parts.py"),
    "train, a recipe and overrides": lambda run: vadkit.train(
        vadkit.load_recipe("quickstart"), overrides=["train.epochs=1"]
    ),
    "train, a mapping": lambda run: vadkit.train({"method": {"type": "conv-ae"}}),
    "resume": lambda run: vadkit.resume(None),
    "load_recipe": lambda run: vadkit.load_recipe({"method": {}}),
    "evaluate, run": lambda run: vadkit.evaluate([run]),
    "evaluate, protocols": lambda run: vadkit.evaluate(run, protocols="raw"),
    "evaluate, checkpoint": lambda run: vadkit.evaluate(run, checkpoint=3),
    "calibrate, run": lambda run: vadkit.calibrate(3),
    "calibrate, videos": lambda run: vadkit.calibrate(run, videos=["a"]),
    "compare, one run": lambda run: vadkit.compare(str(run)),
    "compare, plot": lambda run: vadkit.compare([run, run], plot=3),
    "infer, sources": lambda run: vadkit.infer(run, 3),
    "infer, no paths": lambda run: vadkit.infer(run, [3]),
    "infer, sinks": lambda run: vadkit.infer(run, "a.mp4", sinks="npz"),
    "infer, out": lambda run: vadkit.infer(run, "a.mp4", out=3),
    "Detector.load": lambda run: vadkit.Detector.load(3),
    "Detector.score": lambda run: vadkit.Detector.load(run).score(3),
    "Detector.stream": lambda run: vadkit.Detector.load(run).stream(3),
    "register, family": lambda run: vadkit.register(3, "a"),
    "register, name": lambda run: vadkit.register("hooks", None),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_another_type_is_refused_before_any_work(call, run, tmp_path, monkeypatch):
    def work(*arguments: object, **named: object) -> None:
        raise AssertionError("work has started")

    for place in ("train.training_videos", "evaluate.evaluation.score_run"):
        monkeypatch.setattr(f"vadkit.workflows.{place}", work)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(TypeError) as caught:
        call(run)
    assert "must be" in str(caught.value) or "load_recipe" in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


UNUSABLE = {
    "no source": (lambda run: vadkit.infer(run, []), "give at least one"),
    "no worker": (lambda run: vadkit.infer(run, "a.mp4", workers=0), "at least 1; got 0"),
    "sink": (lambda run: vadkit.infer(run, "a.mp4", sinks=["npx"]), "did you mean 'npz'"),
    "both": (lambda run: vadkit.calibrate(run, use="a", videos="b"), "either videos or use"),
    "method": (lambda run: vadkit.calibrate(run, method="pots"), "got 'pots'"),
    "rate": (lambda run: vadkit.calibrate(run, per_hour=-1), "more than 0 false alarms"),
    "rate of text": (lambda run: vadkit.calibrate(run, per_hour="1"), "more than 0 false"),
    "fps": (lambda run: vadkit.Detector.load(run).stream([], fps=0), "fps: must be above 0"),
}


@pytest.mark.parametrize(("call", "said"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_value_is_a_recipe_error(call, said, run):
    with pytest.raises(vadkit.RecipeError, match=said):
        call(run)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (np.zeros((48, 64, 3), np.uint8), r"shape \(64, 3\)"),
        ([np.zeros((48, 64, 3), np.float32)], "of float32"),
        ([np.zeros((48, 64, 4), np.uint8)], r"shape \(48, 64, 4\)"),
        (["a.mp4"], "got str"),
    ],
)
def test_frames_of_another_form_are_a_data_error(frames, said, run):
    with pytest.raises(vadkit.DataError, match=said):
        list(vadkit.Detector.load(run).stream(frames))


def test_a_folder_of_several_videos_is_not_one(run, video):
    with pytest.raises(vadkit.DataError, match="has 4 videos; give one of them"):
        vadkit.Detector.load(run).score(video.parent)


def test_a_folder_for_runs_in_the_home_folder(tmp_path, monkeypatch, evaluated_run):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(evaluated_run, tmp_path / "run")
    assert vadkit.evaluate("~/run").run == str(tmp_path / "run")
