"""Machines without memory or threads, limits on files, and signals at odd moments."""

import json
import resource
import shutil
import signal
import subprocess
import sys
import tracemalloc

import pytest

from vadkit.errors import describe_exhausted
from vadkit.reading import MOST_JSON, read_bytes
from vadkit.signals import stop_signals


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            "not enough memory",
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"), "not enough memory"),
        (RuntimeError("can't start new thread"), "no more threads"),
    ],
)
@pytest.mark.parametrize("name", ["eval", "infer", "report", "export"])
def test_a_machine_that_is_exhausted_is_one_line(
    vadkit, evaluated_run, monkeypatch, name, error, words
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("vadkit.methods.method.Method.load_state_dict", fail, raising=False)
    monkeypatch.setattr("vadkit.recipe.load_recipe", fail)
    monkeypatch.setattr("vadkit.reading.read_bytes", fail)
    video = next((evaluated_run.parents[2] / "scene").rglob("*.mp4"))
    done = vadkit(name, evaluated_run, *([video] if name == "infer" else []))
    assert done.code == 4
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    assert words in done.err


def test_other_errors_are_not_confused_with_it():
    assert describe_exhausted(RuntimeError("shapes do not fit")) is None
    assert describe_exhausted(KeyError("memory")) is None


def test_a_video_that_needs_too_much_memory_does_not_stop_the_others(
    vadkit, evaluated_run, tmp_path, monkeypatch
):
    from vadkit.workflows.infer import video as infer_video

    videos = sorted((evaluated_run.parents[2] / "scene").rglob("*test*/*.mp4"))[:2]
    for number, video in enumerate(videos):
        shutil.copy(video, tmp_path / f"{number}.mp4")
    score = infer_video._score_video

    def scarce(detector, decoder, made, video, *rest):
        if video.path.name == "0.mp4":
            raise MemoryError
        return score(detector, decoder, made, video, *rest)

    monkeypatch.setattr(infer_video, "_score_video", scarce)
    out = tmp_path / "out"
    done = vadkit(
        "infer", evaluated_run, tmp_path / "0.mp4", tmp_path / "1.mp4",
        "--out", out, "--sink", "jsonl", "--workers", 1,
    )  # fmt: skip
    assert done.code == 3
    assert "0.mp4: there is not enough memory" in done.err
    assert (out / "1" / "result.json").is_file() and not (out / "0" / "result.json").exists()


def test_a_small_file_takes_little_memory_to_read(tmp_path):
    path = tmp_path / "small.json"
    path.write_text("{}")
    tracemalloc.start()
    try:
        assert read_bytes(path, MOST_JSON) == b"{}"
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    with pytest.raises(ValueError, match="larger than"):
        read_bytes(path, 1)
    assert read_bytes(path, 2) == b"{}"


@pytest.mark.slow
def test_a_limit_on_file_sizes_names_the_limit(command, evaluated_run, tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    process = command(
        "export", evaluated_run, "--out", tmp_path / "big.onnx", preexec_fn=small_files
    )
    _, err = process.communicate(timeout=120)
    assert process.returncode == 4
    assert "big.onnx: the file is larger than this process may write" in err
    assert "ulimit -f" in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_python_ends_is_no_traceback():
    late = "atexit.register(os.kill, os.getpid(), signal.SIGINT)"
    code = (
        f"import atexit, os, signal, sys; {late}; sys.argv = ['vadkit', '--version']; "
        "from vadkit.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert done.stdout.startswith("vadkit ") and done.stderr == ""


def test_signals_that_are_ignored_stay_ignored():
    assert stop_signals() == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert stop_signals() == [signal.SIGINT, signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_terminal_that_closes_leaves_a_run_to_resume(
    command, tiny_recipe, tmp_path, wait_for, number
):
    process = command("train", tiny_recipe(epochs=500), "--runs", tmp_path / "runs")
    wait_for(lambda: list((tmp_path / "runs").glob("*/*/metrics.jsonl")))
    process.send_signal(number)
    process.communicate(timeout=60)
    (manifest,) = (tmp_path / "runs").glob("*/*/manifest.json")
    assert process.returncode == 130
    data = json.loads(manifest.read_text())
    assert data["status"] == "interrupted"
    assert data["saved_step"] == data["step"] > 0
