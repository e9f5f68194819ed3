"""``vadkit watch site.yaml``: several cameras and models, and changes of the file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from vadkit import Detector
from vadkit.inference.store.store import EventStore
from vadkit.reports.live_board import Board
from vadkit.workflows.past_events import past_events
from vadkit.workflows.site.file import load_site
from vadkit.workflows.site.watch import SiteWatch

pytestmark = pytest.mark.slow
GAUSSIAN = "- type: gaussian\n  sigma: 2"
EMA = "- type: ema\n  halflife: 2"


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def place(evaluated_run, tmp_path):
    """Two runs whose alarms come often, and a video as ``VIDEO`` in the file of secrets."""
    manifest = json.loads((evaluated_run / "manifest.json").read_text())
    video = next(iter(manifest["test"]["videos"].values()))
    for name in ("day", "night"):
        run = shutil.copytree(evaluated_run, tmp_path / name)
        recipe = (run / "recipe.yaml").read_text()
        (run / "recipe.yaml").write_text(recipe.replace(GAUSSIAN, EMA))
        usual = float(np.nanmedian(Detector.load(run).score(video).score))
        path = run / "calibration.json"
        calibration = json.loads(path.read_text())
        path.write_text(json.dumps({**calibration, "threshold": usual, "usual": usual}))
    secrets = tmp_path / "secrets.env"
    secrets.write_text(f"VIDEO={video}\n")
    secrets.chmod(0o600)
    return tmp_path


def write(place, **cameras):
    site = {"secrets": "secrets.env", "sinks": [{"type": "snapshots"}], "cameras": cameras}
    (place / "site.yaml").write_text(json.dumps(site))
    return place / "site.yaml"


def camera(run, **more):
    return {"source": "replay:${VIDEO}", "run": run, **more}


def test_a_site_follows_its_file_and_a_camera_fails_alone(place):
    path = write(
        place,
        gate=camera("day"),
        yard=camera("night", alarms={"merge_s": 0.1}),
        lost=camera("no-such-run"),
        secret={"source": "rtsp://x:${NOT_SET}@y/", "run": "day"},
    )
    site = load_site(path)
    board, followed = Board(list(site.cameras), "site"), []
    watching = SiteWatch(path, site, board, (), followed.append)
    thread = threading.Thread(target=watching.run)
    thread.start()
    try:
        live = lambda name: board.cameras[name].state == "live"  # noqa: E731
        wait_for(lambda: live("gate") and live("yard") and board.cameras["gate"].alarms)
        wait_for(lambda: board.cameras["lost"].state == "failed")
        assert "no-such-run" in board.cameras["lost"].message
        assert "NOT_SET is not set" in board.cameras["secret"].message
        assert followed[-1]["gate"] == place / "day"
        group = watching.groups[place / "day"]
        # A broken file changes nothing.
        path.write_text("cameras: [")
        watching.reload()
        wait_for(lambda: not watching._reload.is_set())
        assert watching.groups[place / "day"] is group and group.alive
        # The camera of the other run goes on; the new one begins, and others are gone.
        write(place, gate=camera("day"), third=camera("night"))
        wait_for(lambda: "third" in board.cameras and live("third"))
        assert set(board.cameras) == {"gate", "third"}
        assert watching.groups[place / "day"] is group and group.alive
    finally:
        watching.stop()
        thread.join(30)
    assert not thread.is_alive() and not watching.unwritten
    found = past_events(site.out)
    assert {one.record["source"] for one in found} >= {"gate", "yard"}
    assert all(one.record["state"] == "over" for one in found)
    assert any(one.clip for one in found)
    # What is secret is in no file that was written.
    assert not any(b"VIDEO" in one.read_bytes() for one in site.out.rglob("*") if one.is_file())


def test_the_command_watches_a_site_and_refuses_what_belongs_there(vadkit, place):
    path = write(place, gate=camera("day"), yard=camera("night"))
    code, out, err = vadkit("watch", path, "--for", 4, "--json")
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    summary = {one["source"]: one for one in lines if one["type"] == "summary"}
    assert set(summary) == {"gate", "yard"} and all(one["frames"] for one in summary.values())
    code, _, err = vadkit("watch", path, "--sink", "csv")
    assert code == 2 and "--sink cannot be used with a site" in err
    code, _, err = vadkit("watch", place / "day")
    assert code == 2 and "give at least one camera" in err


def test_a_hangup_reads_the_file_again_and_a_kill_loses_no_event(place, tmp_path):
    path = write(place, gate=camera("day", alarms={"merge_s": 0.1}))
    out = place / "site-events"
    command = [sys.executable, "-m", "vadkit", "watch", str(path), "--json", "--log", "json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def started(log):
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    with (tmp_path / "first").open("wb") as log:
        process = started(log)
        wait_for(lambda: len(EventStore(out).find()) >= 2)
        before = {one["id"] for one in EventStore(out).find()}
        process.kill()
        process.wait()
    with (tmp_path / "second").open("wb") as log:
        process = started(log)
        wait_for(lambda: b'"alarm"' in (tmp_path / "second").read_bytes())
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: b"was read again" in (tmp_path / "second").read_bytes())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    found = {one["id"]: one["state"] for one in EventStore(out).find()}
    assert before <= set(found) and set(found.values()) == {"over"}
    # Both streams are JSON.
    for line in (tmp_path / "second").read_text().splitlines():
        json.loads(line)
