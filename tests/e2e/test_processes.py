"""``train --gpus 2`` and torchrun through the command line, on the CPU."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 24, train_videos: 1}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 1, batch_size: 4, device: cpu}}
hooks: [{{type: progress, every_s: 0.1}}, {{type: metrics-log, every: 1}}, {{type: checkpoint}}]
calibration: null
"""
PLUGIN = """\
import os, signal
import vadkit
from vadkit.errors import DataError
from vadkit.losses.pixel import MSE

class Ends(MSE):
    calls = 0

    def forward(self, output, target):
        Ends.calls += 1
        if Ends.calls == 3 and os.environ.get("RANK") == "1":
            self.end()
        return super().forward(output, target)

@vadkit.register("losses", "raises")
class Raises(Ends):
    def end(self):
        raise DataError("nothing left to read")

@vadkit.register("losses", "killed")
class Killed(Ends):
    def end(self):
        os.kill(os.getpid(), signal.SIGKILL)
"""
COMMAND = [sys.executable, "-m", "vadkit", "train"]


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.format(root=tmp_path / "scene"))
    return path


def run_of(root):
    (run,) = (root / "tiny").iterdir()
    return run


def manifest(run):
    return json.loads((run / "manifest.json").read_text())


def losses(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if line["event"] == "step"]


def test_one_and_two_processes_continue_each_other(recipe, vadkit, tmp_path):
    code, _, err = vadkit("train", recipe, "--runs", tmp_path / "one", "--set", "train.epochs=3")
    assert code == 0, err
    code, _, err = vadkit("train", recipe, "--runs", tmp_path / "two", "--gpus", "2")
    assert code == 0, err
    run = run_of(tmp_path / "two")
    assert manifest(run)["processes"] == 2
    for epochs, more in ((2, []), (3, ["--gpus", "2"])):
        code, _, err = vadkit("train", "--resume", run, "--set", f"train.epochs={epochs}", *more)
        assert code == 0, err
    assert manifest(run)["status"] == "done"
    wanted = losses(run_of(tmp_path / "one"))
    assert len(wanted) == 15
    assert losses(run) == pytest.approx(wanted, rel=1e-5)


def test_torchrun_trains_one_run(recipe, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "vadkit", "train", recipe, "--runs", tmp_path, "--scale-lr"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run = run_of(tmp_path)
    assert done.stdout.splitlines() == [str(run)]
    assert manifest(run)["processes"] == 2
    text = (run / "recipe.yaml").read_text()
    assert "batch_size: 8" in text
    assert "lr: 0.0002" in text


def children(pid):
    """The processes that a process has started, and theirs."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found += [int(stat.parent.name), *children(int(stat.parent.name))]
    return found


def wait_until(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("whom", ["all", "first", "killed"])
def test_ctrl_c_writes_a_checkpoint_and_leaves_no_process(whom, recipe, tmp_path):
    command = [*COMMAND, recipe, "--runs", tmp_path, "--set", "train.epochs=100000", "--gpus", "2"]
    with (tmp_path / "err").open("w") as err:
        process = subprocess.Popen(command, stdout=err, stderr=err, start_new_session=True)
    wait_until(lambda: "epoch 2/" in (tmp_path / "err").read_text())
    started = children(process.pid)
    assert len(started) >= 2
    if whom == "all":
        os.killpg(process.pid, signal.SIGINT)
    else:
        os.kill(process.pid, signal.SIGINT if whom == "first" else signal.SIGKILL)
    code = process.wait(120)
    wait_until(lambda: not any(Path(f"/proc/{pid}/fd").exists() for pid in started))
    run = run_of(tmp_path)
    assert manifest(run)["status"] == "interrupted"
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.pt", "last.pt"]
    said = (tmp_path / "err").read_text()
    assert said.count("interrupted") == 1, said
    assert "Traceback" not in said
    assert code == (-signal.SIGKILL if whom == "killed" else 130)


@pytest.mark.parametrize(
    ("how", "code", "line"),
    [
        ("raises", 3, "error: nothing left to read"),
        ("killed", 4, "error: process 2 of 2 was ended by SIGKILL"),
    ],
)
def test_a_process_that_ends_ends_all(how, code, line, recipe, tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    more = ["--plugin", tmp_path / "plugin.py", "--set", f"losses.reconstruction.type={how}"]
    command = [*COMMAND, recipe, "--runs", tmp_path, "--gpus", "2", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == code
    errors = [text for text in done.stderr.splitlines() if "rror" in text]
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith(line)
    found = manifest(run_of(tmp_path))
    assert found["status"] == "failed"
    assert "another process" in found["error"]
