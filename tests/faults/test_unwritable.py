"""Where results cannot be written: one line with the path, an exit code, and nothing old harmed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PLACES = ("file", "read-only", "full")


@pytest.fixture
def run(evaluated_run, tmp_path) -> Path:
    return Path(shutil.copytree(evaluated_run, tmp_path / "run"))


@pytest.fixture
def video(evaluated_run) -> Path:
    manifest = json.loads((evaluated_run / "manifest.json").read_text())
    return Path(next(iter(manifest["test"]["videos"].values())))


@pytest.fixture
def refuses(small_disk, tmp_path):
    """A function that gives a folder in which nothing can be written, of a kind."""

    def make(kind: str) -> Path:
        if kind == "file":
            path = tmp_path / "a-file"
            path.write_text("mine")
            return path
        folder = small_disk(64)
        if kind == "full":
            with (folder / "ballast").open("wb", buffering=0) as ballast:
                try:
                    while True:
                        ballast.write(bytes(4096))
                except OSError:
                    pass
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        return folder

    return make


def fill(folder: Path) -> None:
    """Leave no room on a disk."""
    with (folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))


def one_line(code: int, err: str, place: Path) -> None:
    """The error is the only line that is one, names the place, and says what to do."""
    assert code in (3, 4), (code, err)
    lines = err.strip().splitlines()
    assert "Traceback" not in err and "Errno" not in err
    said = [line for line in lines if line.startswith("error: ")]
    assert len(said) == 1 and str(place) in said[0], err
    # What comes before it is progress, not another error.
    assert lines[-1] == said[0], err


def commands(name: str, run: Path, video: Path, out: Path) -> list[object]:
    return {
        "infer": ["infer", run, video, "--out", out / "o", "--workers", 1, "--sink", "npz"],
        "report": ["report", run, "--out", out / "r.html"],
        "report-figures": ["report", run, "--out", run / "r.html", "--figures", out / "f"],
        "compare": ["compare", run, run.parent / "other", "--plot", out / "c.png"],
        "compare-pdf": ["compare", run, run.parent / "other", "--plot", out / "c.pdf"],
        "export": ["export", run, "--format", "torch-export", "--out", out / "m.pt2"],
        "export-onnx": ["export", run, "--out", out / "m.onnx"],
        "schema": ["schema", "--out", out / "s.json"],
        "convert": ["data", "convert", run / "recipe.yaml", "--out", out / "l.json"],
        "init": ["init", "p", "--videos", video.parent, "--no-train"],
    }[name]


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize(
    "name",
    [
        "infer",
        "report",
        "report-figures",
        "compare",
        "compare-pdf",
        "export",
        "export-onnx",
        "schema",
        "convert",
        "init",
    ],
)
def test_an_output_that_cannot_be_written(
    vadkit, run, video, refuses, tmp_path, monkeypatch, name, kind
):
    if name == "export-onnx":
        pytest.importorskip("onnxscript")
    shutil.copytree(run, tmp_path / "other")
    place = refuses(kind)
    if name == "init":
        if kind == "file":
            pytest.skip("a project is made in the current folder, which is one")
        monkeypatch.chdir(place)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    code, out, err = vadkit(*commands(name, run, video, place))
    one_line(code, err, Path("p") if name == "init" else place)
    assert out == ""
    if kind == "file":
        assert place.read_text() == "mine"
    else:
        left = [path.name for path in place.rglob("*") if path.is_file()]
        assert set(left) <= {"ballast", ".lock"}
    kept = {path: path.read_bytes() for path in before}
    changed = [path.name for path in before if kept[path] != before[path]]
    assert changed in ([], ["r.html"])


def on_disk(run: Path, folder: Path) -> Path:
    return Path(shutil.copytree(run, folder / "run"))


@pytest.mark.parametrize("kind", ["read-only", "full"])
@pytest.mark.parametrize("name", ["eval", "calibrate", "calibrate-videos", "report", "export"])
def test_a_run_that_cannot_be_written(vadkit, run, video, small_disk, tmp_path, name, kind):
    folder = small_disk(40_000)
    there = on_disk(run, folder)
    videos = tmp_path / "day2"
    videos.mkdir()
    shutil.copyfile(video, videos / "1.mp4")
    if kind == "full":
        fill(folder)
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    before = {path: path.read_bytes() for path in there.rglob("*") if path.is_file()}
    command = {
        "eval": ["eval", there],
        "calibrate": ["calibrate", there, "--false-alarms-per-hour", "9000"],
        "calibrate-videos": ["calibrate", there, "--videos", videos],
        "report": ["report", there],
        "export": ["export", there, "--format", "torch-export"],
    }[name]
    code, _, err = vadkit(*command)
    one_line(code, err, there)
    assert {path: path.read_bytes() for path in there.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("sink", ["npz", "jsonl", "csv", "plot", "video", "events", "sqlite"])
def test_every_sink_on_a_full_disk(vadkit, run, video, small_disk, sink):
    """The video is named with the path and the reason; the exit code says that it failed."""
    folder = small_disk(16)
    (folder / "o").mkdir()
    (folder / "o" / ".lock").touch()
    fill(folder)
    out = folder / "o"
    options = ["--out", out, "--workers", 1, "--sink", f"type={sink}"]
    code, _, err = vadkit("infer", run, video, *options)
    assert code in (3, 4), err
    assert "Traceback" not in err and "Errno" not in err and "Error(" not in err, err
    assert str(folder) in err and "full" in err, err
    left = {path.name for path in folder.rglob("*") if path.is_file() and path.stat().st_size}
    assert left == {"ballast"}


def test_no_permission_is_one_line(command, tmp_path):
    """As a user whom permissions bind."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    options = {"user": 65534} if os.geteuid() == 0 else {}
    try:
        process = command("schema", "--out", folder / "s.json", **options)
    except PermissionError:
        pytest.skip("root is above permissions, and another user may not run this Python")
    _, err = process.communicate(timeout=60)
    one_line(process.returncode, err, folder)
    assert "no permission" in err and not list(folder.iterdir())


@pytest.mark.parametrize("name", ["x" * 300 + ".json", "a" * 250 + ".json"])
def test_a_name_that_is_too_long(vadkit, tmp_path, name):
    code, _, err = vadkit("schema", "--out", tmp_path / name)
    one_line(code, err, tmp_path)
    assert "the name is too long" in err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", PLACES)
def test_training_finds_out_before_it_decodes(vadkit, tiny_recipe, refuses, tmp_path, kind):
    place = refuses(kind)
    code, out, err = vadkit("train", tiny_recipe(), "--runs", place / "runs")
    assert (code, out) == (4, "")
    assert len(err.splitlines()) == 1 and err.startswith(f"error: {place}"), err
    assert not (tmp_path / "scene").exists()


@pytest.mark.parametrize("kind", ["read-only", "full"])
@pytest.mark.parametrize("name", ["eval", "calibrate", "calibrate-videos"])
def test_a_run_is_checked_before_video_is_scored(
    vadkit, run, video, small_disk, tmp_path, monkeypatch, name, kind
):
    folder = small_disk(40_000)
    there = on_disk(run, folder)
    shutil.rmtree(there / "scores")
    (tmp_path / "day2").mkdir()
    shutil.copyfile(video, tmp_path / "day2" / "1.mp4")
    if kind == "full":
        fill(folder)
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path / "cache"))
    more = ["--videos", tmp_path / "day2"] if name == "calibrate-videos" else []
    code, out, err = vadkit(name.partition("-")[0], there, *more)
    assert (code, out) == (4, "")
    assert len(err.splitlines()) == 1 and err.startswith(f"error: {there}"), err
    assert not (tmp_path / "cache").exists()
