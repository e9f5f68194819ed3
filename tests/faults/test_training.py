"""Training on machines, and by people, that break things."""

import contextlib
import json
import os
import shutil
import signal
import subprocess

import pytest


def status(run):
    return json.loads((run / "manifest.json").read_text())["status"]


def steps(run):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines if '"event": "step"' in line]


def children(process):
    """All processes below one, as (number, start time), which names a process for good."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
    found, grown = {process.pid}, True
    while grown:
        more = {pid for pid, parent in pairs if parent in found} - found
        found, grown = found | more, bool(more)
    return found - {process.pid}


def fill(path):
    """Write until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_kill_9_leaves_no_process_and_a_run_that_resumes_without_doubled_lines(
    command, vadkit, tiny_recipe, tmp_path, wait_for
):
    recipe = tiny_recipe(epochs=40, augments="[{type: fliplr, p: 0.5}]")
    process = command("train", recipe, "--runs", tmp_path / "runs")
    run = wait_for(lambda: next(iter(tmp_path.glob("runs/tiny/*/checkpoints/last.pt")), None))
    run = run.parents[1]
    wait_for(lambda: len(steps(run)) > 25)
    started = children(process)
    assert len(started) >= 2, "the loader's workers"
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(is_alive(pid) for pid in started), seconds=10)

    code, _, err = vadkit("train", "--resume", run, "--set", "train.max_steps=60")
    assert code == 0, err
    assert steps(run) == sorted(set(steps(run)))
    assert not list(run.rglob("*.partial*"))
    assert status(run) == "done"


@pytest.mark.slow
def test_one_run_is_trained_by_one_process_at_a_time(
    command, vadkit, tiny_recipe, tmp_path, wait_for
):
    process = command("train", tiny_recipe(epochs=500), "--runs", tmp_path / "runs")
    run = wait_for(lambda: next(iter(tmp_path.glob("runs/tiny/*/checkpoints/last.pt")), None))
    run = run.parents[1]
    code, out, err = vadkit("train", "--resume", run)
    assert (code, out) == (4, "")
    assert err == (
        f"error: another process is training {run}; wait until it is done, or stop it first\n"
    )
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert status(run) == "interrupted"
    code, out, err = vadkit("train", "--resume", run, "--set", "train.max_steps=1")
    assert code == 0, err


@pytest.mark.slow
@pytest.mark.parametrize("moved", [True, False], ids=["moved", "deleted"])
def test_a_run_folder_that_disappears_ends_training_and_is_not_recreated(
    command, tiny_recipe, tmp_path, wait_for, moved
):
    process = command("train", tiny_recipe(epochs=500), "--runs", tmp_path / "runs")
    run = wait_for(lambda: next(iter(tmp_path.glob("runs/tiny/*/checkpoints/last.pt")), None))
    run = run.parents[1]
    os.rename(run, tmp_path / "elsewhere")
    if not moved:
        shutil.rmtree(tmp_path / "elsewhere")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith(f"error: the run folder {run} was moved or deleted")
    assert "Traceback" not in err
    assert not run.exists()


def test_a_file_in_place_of_the_runs_folder_is_one_line(vadkit, tiny_recipe, tmp_path):
    (tmp_path / "runs").write_text("a file")
    code, out, err = vadkit("train", tiny_recipe(), "--runs", tmp_path / "runs")
    assert (code, out) == (4, "")
    last = err.splitlines()[-1]
    assert last.startswith(f"error: {tmp_path}/runs: ")
    assert last.endswith(
        ": a file is in the place of a folder; move it away, or use another folder"
    )


def test_a_disk_that_is_read_only_is_one_line(vadkit, tiny_recipe, small_disk):
    disk = small_disk(512, "ro")
    code, out, err = vadkit("train", tiny_recipe(), "--runs", disk)
    assert (code, out) == (4, "")
    assert err.splitlines()[-1].startswith(f"error: {disk}: ")
    assert err.splitlines()[-1].endswith("(it is read-only); write to another folder")


@pytest.mark.slow
def test_a_disk_that_fills_up_keeps_the_last_checkpoint_and_says_so(
    vadkit, tiny_recipe, small_disk
):
    from vadkit.engine.checkpoint import load_checkpoint

    disk = small_disk(4096)
    code, out, err = vadkit("train", tiny_recipe(), "--runs", disk)
    assert code == 0, err
    run = next(disk.glob("tiny/*"))
    size = (run / "checkpoints" / "last.pt").stat().st_size
    before = load_checkpoint(run / "checkpoints" / "last.pt")["step"]
    # Room for half a checkpoint more.
    free = shutil.disk_usage(disk).free
    (disk / "ballast").write_bytes(bytes(free - size // 2))
    code, out, err = vadkit("train", "--resume", run, "--set", "train.epochs=3")
    assert (code, out) == (4, "")
    last = err.splitlines()[-1]
    assert last.startswith(f"error: {run}/checkpoints/")
    assert last.endswith(".pt: the disk is full; make room there, or write to another disk")
    assert "Traceback" not in err
    assert load_checkpoint(run / "checkpoints" / "last.pt")["step"] == before
    assert status(run) == "failed"
    assert not list(run.rglob("*.partial*"))

    (disk / "ballast").unlink()
    code, out, err = vadkit("train", "--resume", run, "--set", "train.epochs=3")
    assert code == 0, err
    assert status(run) == "done"


@pytest.mark.slow
def test_a_full_disk_leaves_no_run_that_seems_active(vadkit, tiny_recipe, small_disk):
    disk = small_disk(4096)
    code, out, err = vadkit("train", tiny_recipe(), "--runs", disk)
    assert code == 0, err
    run = next(disk.glob("tiny/*"))
    fill(disk / "ballast")
    code, out, err = vadkit("train", "--resume", run, "--set", "train.epochs=3")
    assert (code, out) == (4, "")
    assert err.splitlines()[-1].endswith(
        "the disk is full; make room there, or write to another disk"
    )
    assert status(run) in ("failed", "done")


def test_stdout_that_cannot_be_written_is_an_error(command):
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            command("list-components").args, stdout=full, stderr=subprocess.PIPE, text=True
        )
        _, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert err == ("error: output: the disk is full; make room there, or write to another disk\n")
