"""vadkit watch: cameras that play, fail and are stopped; what is printed, and how it ends."""

import json
import shutil
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from vadkit import Detector

pytestmark = pytest.mark.slow
GAUSSIAN = "- type: gaussian\n  sigma: 2"
EMA = "- type: ema\n  halflife: 2"


@pytest.fixture(scope="module")
def video(evaluated_run):
    """A test video of 40 frames, 25 a second."""
    manifest = json.loads((evaluated_run / "manifest.json").read_text())
    return next(iter(manifest["test"]["videos"].values()))


@pytest.fixture
def alarming(evaluated_run, video, tmp_path):
    """The run with a live scorer and a threshold that half of the video's frames reach."""
    run = shutil.copytree(evaluated_run, tmp_path / "run")
    recipe = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(recipe.replace(GAUSSIAN, EMA))
    path = run / "calibration.json"
    usual = float(np.nanmedian(Detector.load(run).score(video).score))
    calibration = json.loads(path.read_text())
    path.write_text(json.dumps({**calibration, "threshold": usual, "usual": usual}))
    return run


def parsed(out):
    lines = [json.loads(line) for line in out.splitlines()]
    return {kind: [one for one in lines if one["type"] == kind] for kind in kinds(lines)}


def kinds(lines):
    return {one["type"] for one in lines}


def test_cameras_are_watched_for_a_while(vadkit, alarming, video):
    sources = [f"gate=replay:{video}", f"yard=replay:{video}"]
    code, out, err = vadkit("watch", alarming, *sources, "--for", 4, "--json")
    assert code == 0, err
    got = parsed(out)
    assert [one["source"] for one in got["summary"]] == ["gate", "yard"]
    for camera in got["summary"]:
        assert camera["state"] == "stopped"
        # 25 frames a second for less than 4 seconds, of which a clip's worth has no score.
        assert 20 < camera["frames"] <= 101 and camera["dropped"] < 80
        assert 0 < camera["delay_p50_s"] <= camera["delay_p99_s"] < 3
        assert camera["alarms"] >= 1
    opened = [one for one in got["source"] if one["kind"] == "opened"]
    assert {(one["source"], *one["size"], one["fps"]) for one in opened} == {
        ("gate", 48, 64, 25),
        ("yard", 48, 64, 25),
    }
    begun = [one["id"] for one in got["alarm"] if one["state"] == "begun"]
    over = [one["id"] for one in got["alarm"] if one["state"] == "over"]
    assert begun and sorted(begun) == sorted(over)
    assert all(one["peak_score"] >= one["threshold"] for one in got["alarm"])


def test_lines_for_people(vadkit, alarming, video):
    code, out, err = vadkit("watch", alarming, f"gate=replay:{video}", "--for", 2)
    assert code == 0
    assert "gate: opened (64x48, 25 frames/s)" in err
    assert "gate: stopped, " in err.splitlines()[-1]
    assert "gate: alarm begins, " in out and ", peak " in out
    assert "gate: alarm over after " in out


def test_a_source_that_fails_leaves_the_others(vadkit, evaluated_run, video, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    code, out, err = vadkit("watch", evaluated_run, bad, f"good={video}", "--json")
    assert code == 0, err
    states = {one["source"]: one["state"] for one in parsed(out)["summary"]}
    assert states == {"bad": "failed", "good": "ended"}
    code, _, err = vadkit("watch", evaluated_run, bad)
    assert code == 3
    assert "bad.mp4; check that it is a complete video file" in err.splitlines()[-1]


def test_every_frame_of_a_file_is_scored(vadkit, evaluated_run, video):
    code, out, err = vadkit("watch", evaluated_run, video, video, "--json")
    assert code == 0, err
    assert [one["frames"] for one in parsed(out)["summary"]] == [40, 40]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_is_a_normal_end(alarming, video, number):
    command = [sys.executable, "-m", "vadkit", "watch", alarming, f"gate=replay:{video}", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            if len(lines) and lines[-1]["type"] == "status" and lines[-1]["frames"]:
                process.send_signal(number)
                break
        try:
            rest, _ = process.communicate(timeout=60)
        finally:
            process.kill()
        lines += [json.loads(line) for line in rest.splitlines()]
        assert process.returncode == 0
    assert lines[-1]["type"] == "summary" and lines[-1]["state"] == "stopped"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.mp4"], 3, "no video at 'none.mp4'"),
        (["replay:none.mp4"], 3, "video not found: none.mp4"),
        (["rtsp://127.0.0.1:1/x", "--sink", "plot"], 2, "sink 'plot' writes when a video ends"),
        (["x.mp4", "--web", "0.0.0.0:0"], 2, "so it needs a token: set VADKIT_TOKEN"),
        (["x.mp4", "--web", "[::]:0"], 2, "so it needs a token"),
        (["x.mp4", "--web", ":0"], 2, "so it needs a token"),
        (["x.mp4", "--web", "0", "--token", "short"], 2, "at least 16 characters; it has 5"),
        (["x.mp4", "--web", "localhost:port"], 2, "'port' is not a port"),
        (["x.mp4", "--web", "203.0.113.1:0", "--token", "t" * 16], 2, "cannot listen there"),
    ],
)
def test_sources_that_cannot_be_watched(vadkit, alarming, arguments, code, message):
    found, _, err = vadkit("watch", alarming, *arguments)
    assert (found, message in err) == (code, True), err


def test_a_scorer_that_looks_ahead(vadkit, evaluated_run, video):
    code, _, err = vadkit("watch", evaluated_run, f"replay:{video}")
    assert code == 2
    assert "gaussian(sigma=2) uses future frames" in err
    assert "{type: ema, halflife: 2.4}" in err


def test_a_port_that_is_taken(vadkit, evaluated_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = vadkit("watch", evaluated_run, "x.mp4", "--web", port)
    assert code == 2
    assert f"--web {port}: cannot listen there: " in err
