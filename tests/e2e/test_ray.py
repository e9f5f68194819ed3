"""vadkit on a Ray cluster that loses a machine: the results are those of one machine."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("ray")
pytestmark = pytest.mark.slow
VIDEOS = 10


@pytest.fixture
def archive(evaluated_run, tmp_path):
    """Ten videos and one that is none."""
    manifest = json.loads((evaluated_run / "manifest.json").read_text())
    video = next(iter(manifest["test"]["videos"].values()))
    for number in range(VIDEOS):
        place = tmp_path / "archive" / f"day-{number // 2}" / f"cam-{number % 2}.mp4"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video, place)
    (tmp_path / "archive" / "day-0" / "bad.mp4").write_text("no video")
    return tmp_path / "archive"


def command(run, archive, out, *more):
    sinks = [f"--sink={sink}" for sink in ("jsonl", "npz", "plot", "events")]
    return ["infer", str(run), str(archive), "--out", str(out), *sinks, *map(str, more)]


def written(out):
    """Return the content of all files, without what depends on the speed."""
    found = {}
    for path in out.rglob("*"):
        name = path.relative_to(out).as_posix()
        if path.is_dir() or name == ".lock":
            continue
        if path.name == "result.json":
            record = json.loads(path.read_text())
            assert record["result"].pop("frames_per_s") > 0
            found[name] = record
        else:
            found[name] = path.read_bytes()
    return found


def wait_for_results(out, count, process=None):
    until = time.monotonic() + 120
    while len(list(out.rglob("result.json"))) < count:
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_machine_is_lost_in_the_middle(vadkit, evaluated_run, archive, tmp_path, ray_cluster):
    plain = vadkit(*command(evaluated_run, archive, tmp_path / "plain", "--workers", 1))
    lost, _ = ray_cluster.add(), ray_cluster.add()
    out, at = tmp_path / "out", ("--ray", ray_cluster.address)

    def lose():
        wait_for_results(out, 2)
        ray_cluster.lose(lost)

    thread = threading.Thread(target=lose)
    thread.start()
    code, stdout, err = vadkit(*command(evaluated_run, archive, out, *at))
    thread.join()
    assert (code, stdout) == (plain.code, plain.out), err
    assert code == 3 and len(stdout.splitlines()) == 1 + VIDEOS
    assert "11 videos could not be scored:\n  no reader can open" in err
    assert "10 videos scored, 0 finished earlier, 1 failed" in err
    found = written(out)
    assert found == written(tmp_path / "plain")
    assert sum(name.endswith("result.json") for name in found) == VIDEOS
    code, again, err = vadkit(*command(evaluated_run, archive, out, *at))
    assert (code, again) == (3, stdout)
    assert "10 of 11 videos are already finished" in err
    assert "0 videos scored, 10 finished earlier, 1 failed" in err


def test_stopped_twice_and_continued(vadkit, evaluated_run, archive, tmp_path, ray_cluster):
    ray_cluster.add()
    out, at = tmp_path / "out", ("--ray", ray_cluster.address)
    again = command(evaluated_run, archive, out, *at)
    count = stopped(again, out, signal.SIGINT, 130, after=2)
    count = stopped(again, out, signal.SIGTERM, 128 + signal.SIGTERM, after=count + 1)
    code, stdout, _ = vadkit(*again, "--json")
    assert code == 3
    kept = [one["kept"] for one in json.loads(stdout)]
    assert (len(kept), sum(kept)) == (VIDEOS + 1, count)
    assert not list(out.rglob("*.partial*"))


def stopped(arguments, out, number, code, after):
    """Stop the command after so many results; return how many there are."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vadkit", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for_results(out, after, process)
        process.send_signal(number)
        stdout, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, stdout) == (code, ""), err
    assert ("run the same command again" in err) == (number == signal.SIGINT)
    assert "Traceback" not in err and "raylet" not in err
    count = len(list(out.rglob("result.json")))
    assert after <= count < VIDEOS
    time.sleep(1)
    assert len(list(out.rglob("result.json"))) == count, "a task goes on"
    assert [path.name for path in out.glob(".*")] == [".lock"]
    return count


def test_a_folder_that_is_not_shared(vadkit, evaluated_run, archive, tmp_path, ray_cluster):
    """A run that another machine has under the same path with other weights is refused."""
    ray_cluster.add()
    run = shutil.copytree(evaluated_run, tmp_path / "run")

    def change():
        until = time.monotonic() + 60
        while not list((tmp_path / "out").glob(".shared-*")) and time.monotonic() < until:
            time.sleep(0.001)
        checkpoint = run / "checkpoints" / "last.pt"
        checkpoint.write_bytes(checkpoint.read_bytes() + b"\0")

    thread = threading.Thread(target=change)
    thread.start()
    out = tmp_path / "out"
    code, stdout, err = vadkit(*command(run, archive, out, "--ray", ray_cluster.address))
    thread.join()
    assert (code, stdout) == (4, "")
    assert f"of the Ray cluster has another model at {run}; the run must be in a folder" in err
    assert not Path(out / "day-0" / "cam-0" / "result.json").exists()


def test_store_and_eval_are_those_of_one_machine(
    vadkit, evaluated_run, tmp_path, ray_cluster, monkeypatch
):
    ray_cluster.add(2)
    at = ("--ray", ray_cluster.address)
    stores = []
    for name, more in (("plain", ()), ("shared", at)):
        cache, run = tmp_path / f"cache-{name}", tmp_path / f"run-{name}"
        monkeypatch.setenv("VADKIT_CACHE", str(cache))
        shutil.copytree(evaluated_run, run)
        shutil.rmtree(run / "scores" / "test")
        code, stdout, err = vadkit("data", "cache", "build", run / "recipe.yaml", *more, "--json")
        assert code == 0, err
        assert json.loads(stdout)["skipped"] == [] and json.loads(stdout)["cache"] == str(cache)
        stores.append({path.parent.name: path.read_bytes() for path in cache.glob("*/frames.u8")})
        assert not list(cache.glob(".shared-*"))
        code, stdout, err = vadkit("eval", run, *more, "--json")
        assert code == 0, err
    assert stores[0] == stores[1] and len(stores[0]) > 1
    files = sorted((tmp_path / "run-plain" / "scores" / "test").rglob("*.npz"))
    assert files
    for path in files:
        other = tmp_path / "run-shared" / path.relative_to(tmp_path / "run-plain")
        assert other.read_bytes() == path.read_bytes()
    plain, shared = (
        json.loads((tmp_path / f"run-{name}" / "eval.json").read_text())["metrics"]
        for name in ("plain", "shared")
    )
    assert shared == plain


def test_a_cluster_of_this_machine_listens_to_nobody_else_and_leaves_nothing(
    evaluated_run, archive, tmp_path
):
    out, home = tmp_path / "out", tmp_path / "home"
    home.mkdir()
    before = set(Path("/tmp").glob("vadkit-ray-*"))
    process = subprocess.Popen(
        [sys.executable, "-m", "vadkit", *command(evaluated_run, archive, out, "--ray", "local")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(home)},
    )
    try:
        wait_for_results(out, 1)
        addresses = listening(descendants(process.pid))
        stdout, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert addresses
    assert addresses <= {"0100007F", "0000000000000000FFFF00000100007F"}  # 127.0.0.1
    assert process.returncode == 3
    assert len(stdout.splitlines()) == 1 + VIDEOS
    # Progress on a slow machine, the counts, and the video that is none.
    lines = [line for line in err.splitlines() if "frames/s" not in line]
    assert len(lines) == 3 and lines[0].startswith("10 videos scored, ")
    assert set(Path("/tmp").glob("vadkit-ray-*")) <= before
    assert not (home / ".ray").exists()


def descendants(root):
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(fields[1])
    found = {root}
    while new := {one for one, parent in parents.items() if parent in found} - found:
        found |= new
    return found


def listening(processes):
    """Return the addresses, as the system writes them, on which processes accept connections."""
    sockets = set()
    for process in processes:
        for link in Path(f"/proc/{process}/fd").glob("*"):
            with contextlib.suppress(OSError):
                sockets.add(os.readlink(link))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].partition(":")[0])
    return found
