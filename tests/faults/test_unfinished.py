"""Runs that are not done: every command that gives their numbers says so first."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vadkit.workflows.run import training_lock
from vadkit.workflows.run_status import run_status


@pytest.fixture
def run(evaluated_run, tmp_path) -> Path:
    return Path(shutil.copytree(evaluated_run, tmp_path / "run"))


def mark(run: Path, **entries) -> None:
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in ("epochs", "step"):
        manifest.pop(name, None)
    path.write_text(json.dumps({**manifest, **entries}))


@pytest.mark.parametrize(
    ("entries", "state", "epochs", "step", "words"),
    [
        ({"status": "done", "epochs": 2, "step": 10}, "done", 2, 10, None),
        (
            {"status": "interrupted", "epochs": 1, "step": 5},
            "interrupted",
            1,
            5,
            "its training was interrupted after 1 epoch (step 5)",
        ),
        ({"status": "failed", "epochs": 0, "step": 3}, "failed", 0, 3, "failed after 0 epochs"),
        # metrics.jsonl tells how far a killed process got.
        ({"status": "running"}, "died", 2, 10, "the process that trained it died after 2 epochs"),
        ({"status": "created"}, "created", 2, 10, "its training has not started"),
        ({"status": "odd"}, "unknown", 2, 10, None),
    ],
)
def test_states(run, entries, state, epochs, step, words):
    mark(run, **entries)
    found = run_status(run)
    assert (found.state, found.epochs) == (state, epochs)
    assert found.step is not None and (words is None or step in (found.step, 10))
    text = found.warning(run)
    assert text is None if words is None else text is not None and words in text
    assert found.complete is {"done": True, "unknown": None}.get(state, False)


def test_a_run_that_is_locked_is_being_trained(run):
    mark(run, status="running")
    with training_lock(run):
        assert run_status(run).state == "running"
    assert run_status(run).state == "died"


def test_old_and_odd_runs(run, tmp_path):
    (run / "metrics.jsonl").write_bytes(b'{"epoch": 1, "step": 4}\n\xff{"epoch": 9')
    mark(run, status="running")
    assert (run_status(run).epochs, run_status(run).step) == (1, 4)
    (run / "metrics.jsonl").unlink()
    assert run_status(run).epochs is None
    (run / "manifest.json").unlink()
    assert run_status(run).state == "unknown" and run_status(run).warning(run) is None
    assert run_status(tmp_path / "model.onnx").state == "unknown"


def commands(run: Path, video: Path, tmp_path: Path):
    out = tmp_path / "out"
    return {
        "eval": ["eval", run],
        "infer": ["infer", run, video, "--out", out, "--sink", "npz", "--workers", 1],
        "calibrate": ["calibrate", run],
        "calibrate --list": ["calibrate", run, "--list"],
        "report": ["report", run],
        "compare": ["compare", run, tmp_path / "other", "--plot", tmp_path / "a.png"],
        "watch": ["watch", run, video, "--out", out],
    }


@pytest.mark.parametrize(
    "name", ["eval", "infer", "calibrate", "calibrate --list", "report", "compare", "watch"]
)
def test_every_command_says_it_first(vadkit, run, tmp_path, name):
    manifest = json.loads((run / "manifest.json").read_text())
    video = next(iter(manifest["test"]["videos"].values()))
    shutil.copytree(run, tmp_path / "other")
    command = commands(run, video, tmp_path)[name]
    code, out, err = vadkit(*command)
    assert code == 0 and "not done" not in out + err
    mark(run, status="interrupted", epochs=1, step=5)
    said = f"run {run} is not done: its training was interrupted after 1 epoch (step 5)"
    code, out, err = vadkit(*command)
    assert code == 0, err
    assert err.splitlines()[0].startswith(f"warning: {said}")
    if name not in ("report", "watch"):
        # What those print on stdout is read by programs.
        assert out.splitlines()[0].startswith(f"NOT DONE: {said}")
    if name in ("watch", "calibrate --list"):
        return
    code, out, err = vadkit(*command, "--json")
    assert code == 0, err
    data = json.loads(out)
    data = data["runs"] if name in ("report", "compare") else data
    one = data[0] if isinstance(data, list) else data
    assert (one["status"], one["complete"]) == ("interrupted", False)
    assert one["reached"] == {"epochs": 1, "step": 5}
    if name == "compare":
        assert (data[1]["status"], data[1]["complete"]) == ("done", True)
    if name == "report":
        page = (run / "report" / "report.html").read_text(encoding="utf-8")
        assert "is not done: its training was interrupted" in page


def test_a_run_that_moved_works(vadkit, run, tmp_path):
    manifest = json.loads((run / "manifest.json").read_text())
    video = next(iter(manifest["test"]["videos"].values()))
    _, before, _ = vadkit("eval", run, "--json")
    moved = tmp_path / "elsewhere" / "run"
    moved.parent.mkdir()
    run.rename(moved)
    code, after, err = vadkit("eval", moved, "--json")
    assert code == 0, err
    assert json.loads(after)["metrics"] == json.loads(before)["metrics"]
    shutil.copytree(moved, tmp_path / "other")
    for name, command in commands(moved, video, tmp_path).items():
        code, out, err = vadkit(*command)
        assert code == 0, (name, err)
        assert str(run) + "/" not in out
    assert not run.exists()


@pytest.mark.parametrize("name", ["eval", "calibrate", "report", "infer"])
def test_a_run_that_vanishes_in_the_middle(vadkit, run, tmp_path, monkeypatch, name):
    """One line and exit code 4, and no half of a run is made again in its place."""
    manifest = json.loads((run / "manifest.json").read_text())
    video = next(iter(manifest["test"]["videos"].values()))
    command = commands(run, video, tmp_path)[name]
    places = {
        "eval": ("vadkit.workflows.evaluate.evaluation", "score_run"),
        "calibrate": ("vadkit.workflows.calibrate.threshold", "fit_reviewed"),
        "report": ("vadkit.workflows.report.report", "_write"),
        "infer": ("vadkit.workflows.infer.archive", "start_scoring"),
    }
    import importlib

    module, function = places[name]
    module = importlib.import_module(module)
    original = getattr(module, function)

    def then_gone(*arguments, **options):
        done = original(*arguments, **options) if name not in ("report", "infer") else None
        shutil.move(run, tmp_path / "elsewhere")
        return done if name not in ("report", "infer") else original(*arguments, **options)

    monkeypatch.setattr(module, function, then_gone)
    code, _, err = vadkit(*command)
    assert code == 4, err
    lines = [line for line in err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and str(run) in lines[0], err
    assert not run.exists()


def test_infer_does_not_recreate_a_run_that_disappears(vadkit, run, tmp_path, monkeypatch):
    from vadkit.workflows.infer import video as infer_video

    video = next(iter(json.loads((run / "manifest.json").read_text())["test"]["videos"].values()))
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("1.mp4", "2.mp4"):
        shutil.copyfile(video, videos / name)
    original = infer_video.save_result

    def then_gone(*arguments):
        original(*arguments)
        shutil.move(run, tmp_path / "elsewhere")

    monkeypatch.setattr(infer_video, "save_result", then_gone)
    code, _, err = vadkit("infer", run, videos, "--sink", "npz", "--workers", 1)
    assert code == 4 and f"error: the run folder {run} was moved or deleted" in err
    assert not run.exists()
    assert (tmp_path / "elsewhere" / "infer" / "1" / "1.npz").is_file()
