"""`vadkit watch` on machines, networks and disks that fail while it runs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from vadkit.inference.sinks.build import parse_sink
from vadkit.inference.sources.source import Frame, SourceEvent
from vadkit.inference.store.store import EventStore
from vadkit.workflows.detector import load_detector
from vadkit.workflows.train import train
from vadkit.workflows.watch import cameras, setup

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alarming(tmp_path_factory):
    """A run whose live scores raise alarms all the time, and a video for it."""
    from vadkit import Detector

    folder = tmp_path_factory.mktemp("alarming")
    recipe = folder / "tiny.yaml"
    recipe.write_text(
        f"name: tiny\ndataset: {{type: synthetic, root: {folder / 'scene'}, size: [48, 64], "
        "frames: 40, train_videos: 1}\nclip: {frames: 4, size: [48, 64], channels: gray}\n"
        "method: {type: conv-ae}\nnetworks: {autoencoder: {width: 8}}\n"
        "train: {epochs: 1, batch_size: 8}\nscorers: []\n"
        "alarms: {merge_s: 0.1, before_s: 0.2, after_s: 0.2}\n"
    )
    run = train(recipe, runs=folder / "runs")
    video = next(iter(sorted((folder / "scene").rglob("*test*/*.mp4"))), None)
    if video is None:
        video = sorted((folder / "scene").rglob("*.mp4"))[-1]
    usual = float(np.nanmedian(Detector.load(run).score(video).score))
    path = run / "calibration.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "threshold": usual, "usual": usual})
    )
    return run, video


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def limited_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))


def test_incomplete_requests_stop_nothing(alarming, command, tmp_path):
    run, video = alarming
    source = f"gate=replay:{video}"
    process = command(
        "watch", run, source, "--json", "--web", "0", "--out", tmp_path / "out", "--sink", "sqlite",
        "--sink", "type=events,begun=true", "--for", 15, preexec_fn=limited_files,
    )  # fmt: skip
    heard = []
    threads = [threading.Thread(target=lambda: heard.extend(process.stdout), daemon=True)]
    threads[0].start()
    port = None
    errors = []
    for line in process.stderr:
        errors.append(line)
        if found := re.search(r"page: http://[^:]+:(\d+)/", line):
            port = int(found[1])
            break
    threads.append(threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True))
    threads[1].start()
    limit, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    held = [socket.socket() for _ in range(1200)]
    try:
        for one in held:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        for _ in range(20):
            for one in held:
                with contextlib.suppress(OSError):
                    one.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            time.sleep(0.2)
        held_at = time.time()
        assert process.poll() is None
        assert process.wait(60) == 0, "".join(errors)
    finally:
        for one in held:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    for thread in threads:
        thread.join(10)
    assert "Traceback" not in "".join(errors) and len(errors) < 20, "".join(errors)
    got = lines_of("".join(heard))
    begun = [one["id"] for one in got if one["type"] == "alarm" and one["state"] == "begun"]
    assert len(begun) > 3
    with contextlib.closing(sqlite3.connect(tmp_path / "out/events.sqlite")) as table:
        rows = table.execute("SELECT id, state FROM events").fetchall()
    assert sorted(id for id, _ in rows) == sorted(begun)
    assert {state for _, state in rows} == {"over"}
    written = lines_of((tmp_path / "out/events.jsonl").read_text())
    assert len(written) == 2 * len(begun)
    later = [one for one in written if one["started_at"] > stamp(held_at)]
    assert later, "no alarm was written after the attack"


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def test_a_full_disk_for_a_while_and_one_until_the_end(alarming, command, small_disk, wait_for):
    run, video = alarming
    out = small_disk(256)
    arguments = ["watch", run, f"gate=replay:{video}", "--json", "--out", out]
    arguments += ["--sink", "sqlite", "--sink", "csv", "--for"]
    process = command(*arguments, 8)
    table = out / "events.sqlite"
    wait_for(lambda: table.exists() and os.path.getsize(table) > 0)
    time.sleep(2)
    ballast = out / "ballast"
    fill(ballast)
    time.sleep(2)
    ballast.unlink()
    got, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    begun = [one["id"] for one in lines_of(got) if one["type"] == "alarm" and not one["end"]]
    with contextlib.closing(sqlite3.connect(table)) as opened:
        rows = opened.execute("SELECT id, state FROM events").fetchall()
    assert sorted(rows) == sorted((id, "over") for id in begun)
    # Each frame that was scored has its line, in order.
    frames = [int(line.split(",")[0]) for line in (out / "gate.csv").read_text().splitlines()[1:]]
    (summary,) = [one for one in lines_of(got) if one["type"] == "summary"]
    assert len(frames) == summary["frames"] and frames == sorted(set(frames))

    shutil.rmtree(out, ignore_errors=True)
    process = command(*arguments, 600)
    wait_for(lambda: table.exists() and os.path.getsize(table) > 0)
    time.sleep(2)
    fill(ballast)
    time.sleep(3)
    process.send_signal(signal.SIGTERM)
    stopped = time.monotonic()
    got, errors = process.communicate(timeout=60)
    assert time.monotonic() - stopped < 25
    assert process.returncode == 4, errors
    (summary,) = [one for one in lines_of(got) if one["type"] == "summary"]
    lost = {one["sink"]: one for one in summary["unwritten"]}
    over = [one["id"] for one in lines_of(got) if one["type"] == "alarm" and one["end"]]
    # The disk is still full, so SQLite alone has no room for the index of its log.
    written = {one["id"] for one in EventStore(out).find() if one["state"] == "over"}
    missing = [one.removesuffix(" (over)") for one in lost["sqlite"]["events"] if "(over)" in one]
    # What is said and what is there make everything; the last alarm ends with the watching.
    assert set(over) - written <= set(missing) and not written & set(missing)
    assert "Traceback" not in errors
    assert "not written" in errors.splitlines()[-1] or "are missing" in errors.splitlines()[-1]


def fill(ballast):
    with ballast.open("ab", buffering=0) as file:
        for size in (4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))


@pytest.mark.parametrize("why", ["read-only", "a file", "full"])
def test_outputs_are_checked_before_the_first_frame(alarming, vadkit, small_disk, tmp_path, why):
    run, video = alarming
    out = tmp_path / "file" / "out"
    if why == "a file":
        (tmp_path / "file").write_text("")
    else:
        disk = small_disk(64, "ro" if why == "read-only" else "rw")
        out = disk / "out"
        if why == "full":
            fill(disk / "ballast")
    for command_name in ("watch", "infer"):
        arguments = [command_name, run, video, "--out", out, "--sink", "events", "--json"]
        code, got, errors = vadkit(*arguments)
        assert code == 3, errors
        assert got == ""
        (line,) = [line for line in errors.splitlines() if "cannot be written" in line]
        assert str(out) in line or str(out.parent) in line


def test_a_second_watch_in_the_folder_is_refused(alarming, command, vadkit, tmp_path, wait_for):
    run, video = alarming
    arguments = ["watch", run, f"gate=replay:{video}", "--out", tmp_path, "--sink", "events"]
    first = command(*arguments, "--for", 20)
    wait_for(lambda: (tmp_path / ".lock").exists())
    time.sleep(1)
    code, _, errors = vadkit(*arguments)
    assert code == 2
    assert "another vadkit watch is writing to" in errors.splitlines()[-1]
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0


def test_a_camera_that_never_gives_a_frame(alarming, command, tmp_path):
    run, _ = alarming
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        process = command(
            "watch", run, f"gate=http://user:s3cret@127.0.0.1:{port}/x?token=t0ken", "--json",
            "--for", 6, "--lost-after", 1, "--out", tmp_path, "--sink", "events",
            "--sink", "sqlite",
        )  # fmt: skip
        got, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    assert "gate gave no frame: " in errors.splitlines()[-1]
    for text in (got, errors, (tmp_path / "events.jsonl").read_text()):
        assert "s3cret" not in text and "t0ken" not in text
    (event,) = lines_of((tmp_path / "events.jsonl").read_text())
    assert (event["kind"], event["source"], event["state"]) == ("source-lost", "gate", "begun")
    assert event["message"] and event["peak_score"] is None
    (line,) = [one for one in lines_of(got) if one["type"] == "source-lost"]
    assert line["id"] == event["id"]
    with contextlib.closing(sqlite3.connect(tmp_path / "events.sqlite")) as table:
        rows = table.execute("SELECT id, kind, state FROM events").fetchall()
    assert rows == [(event["id"], "source-lost", "begun")]


def test_untrusted_names_do_not_reach_the_terminal_unescaped(alarming, vadkit, tmp_path):
    run, video = alarming
    hostile = tmp_path / "a\x1b[31m\u202e[red]\n.mp4"
    shutil.copy(video, hostile)
    for command_name in ("watch", "infer"):
        out = tmp_path / command_name
        code, got, errors = vadkit(command_name, run, hostile, "--out", out, "--sink", "events")
        assert code == 0, errors
        assert "\x1b" not in got + errors and "\u202e" not in got + errors
        assert r"a\x1b[31m\u202e[red]\x0a" in got + errors


class Broken:
    """A live source that is lost in the middle of an alarm, for two seconds."""

    name, live = "gate", True

    def read(self):
        image = np.zeros((48, 64, 3), np.uint8)
        yield SourceEvent("opened", 0.0, fps=10.0, size=(48, 64))
        for number in range(8):
            yield Frame(number / 10, image, arrived=time.monotonic())
            time.sleep(0.05)
        yield SourceEvent("lost", 0.8, "the cable is out")
        time.sleep(2.0)
        yield SourceEvent("reconnected", 2.8, fps=10.0, size=(48, 64))
        for number in range(8):
            missed = 20 if number == 0 else 0
            yield Frame(2.8 + number / 10, image, missed, arrived=time.monotonic())
            time.sleep(0.05)
        yield SourceEvent("ended", 3.5)

    def close(self):
        pass


def test_an_alarm_is_ended_when_its_camera_is_lost(alarming, tmp_path):
    run, _ = alarming
    detector = load_detector(run)
    detector.calibration = replace(detector.calibration, threshold=-1e9, usual=-1e9)
    sources = {"gate": Broken()}
    board = setup.new_board(detector, sources)
    make_sinks = setup.sinks_of([parse_sink("type=events,begun=true")], tmp_path)
    left = cameras.watch(detector, sources, board, make_sinks=make_sinks, lost_after_s=0.3)
    assert left == {}
    got = lines_of((tmp_path / "events.jsonl").read_text())
    assert [(one["kind"], one["state"]) for one in got] == [
        ("alarm", "begun"),
        ("alarm", "over"),
        ("source-lost", "begun"),
        ("source-back", "over"),
        ("alarm", "begun"),
        ("alarm", "over"),
    ]
    assert got[1]["id"] == got[0]["id"] and got[1]["end"] <= 0.8
    lost, back = got[2:4]
    assert (lost["start"], lost["message"]) == (0.8, "the cable is out")
    assert back["id"] == lost["id"] and 2.8 <= back["end"] <= 3.5
    assert got[4]["id"] == got[5]["id"] != got[0]["id"] and got[4]["start"] >= 2.8
    assert board.cameras["gate"].alarms == 2
    shown = {one["id"]: one["kind"] for one in board.as_data()["events"]}
    assert shown[lost["id"]] == "source-back"


@pytest.mark.parametrize("form", ["lines", "--json"])
def test_alarms_that_stdout_refuses_are_an_error(alarming, tmp_path, form):
    """The other outputs have them, and the exit code and one line say that stdout has not."""
    run, video = alarming
    options = ["--out", tmp_path / "out", "--sink", "events", *([form] if form == "--json" else [])]
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "vadkit", "watch", run, f"gate={video}", *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 4, errors
    (line,) = [one for one in errors.splitlines() if one.startswith("error: ")]
    assert re.search(r"error: \d+ lines? on stdout could not be printed when due \(.*full", line)
    assert lines_of((tmp_path / "out/events.jsonl").read_text())


def test_a_terminal_that_closes_ends_alarms(alarming, command, tmp_path, wait_for):
    run, video = alarming
    out = tmp_path / "out"
    process = command("watch", run, f"replay:{video}", "--out", out, "--sink", "sqlite")
    wait_for(lambda: (out / "events.sqlite").is_file() and _states(out))
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert set(_states(out)) == {"over"}


def _states(out):
    with contextlib.closing(sqlite3.connect(out / "events.sqlite")) as table:
        return [state for (state,) in table.execute("select state from events")]
