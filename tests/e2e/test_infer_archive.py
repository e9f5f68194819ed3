"""vadkit infer on an archive: nothing is lost or done twice, whatever happens in between."""

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from vadkit import Detector
from vadkit.inference.store.store import EventStore, Wanted

pytestmark = pytest.mark.slow
VIDEOS = 12


@pytest.fixture
def archive(evaluated_run, tmp_path):
    """Twelve videos of two names below folders, and one that is none."""
    manifest = json.loads((evaluated_run / "manifest.json").read_text())
    video = next(iter(manifest["test"]["videos"].values()))
    for number in range(VIDEOS):
        place = tmp_path / "archive" / f"day-{number // 2:02}" / f"cam-{number % 2}.mp4"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video, place)
    (tmp_path / "archive" / "day-00" / "bad.mp4").write_text("no video")
    return tmp_path / "archive"


def command(run, archive, out, workers):
    pattern = f"{archive}/**/*.mp4"
    return ["infer", str(run), pattern, "--out", str(out), "--workers", str(workers), "--json"]


def finished(out):
    return {path: path.stat().st_mtime_ns for path in out.rglob("result.json")}


def alive(group):
    """Processes of a group that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def test_killed_in_the_middle_and_run_again(vadkit, evaluated_run, archive, tmp_path):
    out = tmp_path / "out"
    first = subprocess.Popen(
        [sys.executable, "-m", "vadkit", *command(evaluated_run, archive, out, 2)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + 120
    try:
        while len(finished(out)) < 3:
            assert first.poll() is None and time.monotonic() < until
            time.sleep(0.01)
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    while alive(first.pid):
        assert time.monotonic() < until, "workers outlive their parent"
        time.sleep(0.05)
    before = finished(out)
    assert 3 <= len(before) < VIDEOS

    code, stdout, err = vadkit(*command(evaluated_run, archive, out, 1))
    assert code == 3
    assert "1 of 13 videos could not be scored" in err
    assert "day-00/bad.mp4; check that it is a complete video file" in err
    results = {
        Path(one["video"]).relative_to(archive).as_posix(): one for one in json.loads(stdout)
    }
    assert len(results) == VIDEOS + 1
    assert sum(one["kept"] for one in results.values()) == len(before)
    assert results.pop("day-00/bad.mp4")["error"]
    after = finished(out)
    assert len(after) == VIDEOS
    assert {path: after[path] for path in before} == before
    # All are copies of one video: whole files, and the same numbers from whoever wrote them.
    scores = []
    for name, one in results.items():
        assert one["error"] is None
        npz = out / Path(name).with_suffix("") / f"{Path(name).stem}.npz"
        assert str(npz) in one["files"] and all(Path(path).is_file() for path in one["files"])
        scores.append(np.load(npz)["raw"])
    assert len(scores) == VIDEOS and len(scores[0]) == 40
    for other in scores[1:]:
        np.testing.assert_array_equal(scores[0], other)
    assert not list(out.rglob("*.partial*"))


def test_a_changed_video_is_scored_again(vadkit, evaluated_run, archive, tmp_path):
    def infer(*more):
        code, stdout, err = vadkit("infer", run, day, "--out", out, "--workers", 1, "--json", *more)
        assert code == 0, err
        return [one["kept"] for one in json.loads(stdout)]

    run = shutil.copytree(evaluated_run, tmp_path / "run")
    day, out = archive / "day-01", tmp_path / "out"
    assert infer("--sink", "jsonl") == [False, False]
    assert infer("--sink", "jsonl") == [True, True]
    assert infer("--sink", "jsonl", "--sink", "npz") == [False, False]
    assert infer("--sink", "npz") == [True, True]
    (out / "cam-0" / "cam-0.npz").unlink()
    assert infer("--sink", "npz") == [False, True]
    shutil.copyfile(archive / "day-02" / "cam-1.mp4", day / "cam-1.mp4")
    os.utime(day / "cam-1.mp4", ns=(0, 0))
    assert infer("--sink", "npz") == [True, False]
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("sigma: 2", "sigma: 3"))
    assert infer("--sink", "npz") == [False, False]
    assert infer("--sink", "npz", "--again") == [False, False]


def test_a_table_of_many(vadkit, evaluated_run, archive, tmp_path):
    (archive / "day-00" / "bad.mp4").unlink()
    arguments = ["infer", evaluated_run, archive, "--out", tmp_path / "out", "--sink", "npz"]
    code, stdout, err = vadkit(*arguments, "--workers", "1")
    assert code == 0, err
    head, *rows = stdout.splitlines()
    assert head.split() == ["peak", "at", "alarms", "frames", "video"]
    assert len(rows) == VIDEOS
    assert rows[0].split()[3:] == ["40", str(archive / "day-00" / "cam-0.mp4")]
    assert "12 videos scored, 0 finished earlier, 0 failed" in err
    code, stdout, err = vadkit(*arguments)
    assert code == 0 and len(stdout.splitlines()) == VIDEOS + 1
    assert "0 videos scored, 12 finished earlier" in err


def test_two_at_once_in_one_folder(vadkit, evaluated_run, archive, tmp_path):
    from filelock import FileLock

    out = tmp_path / "out"
    out.mkdir()
    with FileLock(out / ".lock"):
        code, _, err = vadkit("infer", evaluated_run, archive, "--out", out)
    assert code == 2
    assert "another vadkit infer is writing to" in err


def test_names_that_look_alike_lose_nothing(vadkit, evaluated_run, archive, tmp_path):
    """Recorders name files by time in a folder a camera; names may be any bytes."""
    video, folder = archive / "day-00/cam-0.mp4", tmp_path / "odd"
    names = [b"a/05.03", b"b/05.03", b"gate 1", b"gate_1", b"a_b", b"a/b", b"-x", b"new\nline"]
    names += [b"\xff\xfe", b"..x/y", b"n" * 251, b"%03d", b"events", b"a/05.03.json", b"Gate_1"]
    for name in names:
        place = Path(os.fsdecode(os.fsencode(folder) + b"/" + name + b".mp4"))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video, place)
    hidden = b"..x/y"
    out, sinks = tmp_path / "out", ("jsonl", "csv", "plot", "events", "snapshots")
    options = [f"--sink={sink}" for sink in sinks]
    arguments = ["infer", evaluated_run, folder, "--out", out, "--workers", "2", "--json"]
    code, printed, err = vadkit(*arguments, *options)
    assert code == 0, err
    results = json.loads(printed)
    assert {os.fsencode(one["video"]) for one in results} == {
        os.fsencode(folder) + b"/" + name + b".mp4" for name in names if name != hidden
    }
    own = [file for one in results for file in one["files"] if not file.startswith(f"{out}/events")]
    assert len(own) == len(set(own)) == 3 * len(results)
    assert all(Path(file).is_file() for file in own)
    log = (out / "events.jsonl").read_text().splitlines() if any(_alarms(results)) else []
    events = [json.loads(line) for line in log]
    ended = [one["id"] for one in events if one["state"] == "over"]
    assert len(ended) == len(set(ended)) == sum(_alarms(results))
    for event in ended:
        assert (out / "events" / f"{event}.jpg").is_file()


def _alarms(results):
    return [one["alarms"] or 0 for one in results]


def test_recordings_of_frigate_have_camera_and_time_of_day(vadkit, evaluated_run, tmp_path):
    """The run, whose threshold is set so that there are alarms, scores Frigate's own folders."""
    run = shutil.copytree(evaluated_run, tmp_path / "run")
    manifest = json.loads((run / "manifest.json").read_text())
    video = next(iter(manifest["test"]["videos"].values()))
    calibration = json.loads((run / "calibration.json").read_text())
    usual = float(np.nanmedian(Detector.load(run).score(video).score))
    changed = {**calibration, "threshold": usual, "usual": usual}
    (run / "calibration.json").write_text(json.dumps(changed))
    for place in ("23/gate/59.58", "23/yard/59.58"):
        path = tmp_path / "recordings" / "2026-11-27" / f"{place}.mp4"
        path.parent.mkdir(parents=True)
        shutil.copyfile(video, path)
    out = tmp_path / "out"
    asked = ["infer", run, tmp_path / "recordings", "--out", out, "--sink", "sqlite", "--json"]
    code, stdout, err = vadkit(*asked, "--workers", "1")
    assert code == 0, err
    assert all(one["alarms"] for one in json.loads(stdout))
    events = EventStore(out).find(Wanted())
    assert len({event["id"] for event in events}) == len(events) > 1
    assert {event["source"] for event in events} == {"gate", "yard"}
    begins = datetime.datetime(2026, 11, 27, 23, 59, 58, tzinfo=datetime.UTC)
    for event in events:
        since = datetime.datetime.fromisoformat(event["started_at"]) - begins
        assert since.total_seconds() == pytest.approx(event["start"], abs=2e-3)
    # Hours of alarms hold for them: nothing outside, and nothing is said about files.
    night = "alarms.hours='01:00-02:00'"
    code, stdout, err = vadkit(*asked, "--workers", "1", "--set", night)
    assert code == 0 and not any(one["alarms"] for one in json.loads(stdout))
    assert "no time of day" not in err
