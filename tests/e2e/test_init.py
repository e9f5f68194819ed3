"""vadkit init: from a folder of videos to an alarm in three commands, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from vadkit.reports.video_writer import VideoWriter


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def walkers(path, frames, speed=2, seed=0):
    """Squares that walk to the right over a still, noisy ground."""
    ground = np.random.default_rng(7).integers(60, 200, (96, 128, 1), np.uint8)
    noise = np.random.default_rng(seed)
    with VideoWriter(path, 10) as writer:
        for number in range(frames):
            picture = np.repeat(ground, 3, axis=2)
            for row in (16, 56):
                left = (speed * number + 40 * row) % 112
                picture[row : row + 20, left : left + 12] = 20
            grain = noise.integers(-3, 4, picture.shape)
            writer.write((picture.astype(int) + grain).clip(0, 255).astype(np.uint8))


@pytest.mark.slow
def test_three_commands_from_a_camera_to_an_alarm(vadkit, here):
    for number in range(3):
        walkers(here / "normal" / f"{number}.mp4", 50, seed=number)
    walkers(here / "new" / "runner.mp4", 40, speed=9, seed=9)
    code, out, err = vadkit("init", "gate", "--videos", "normal", "--train", "--json")
    assert code == 0, err
    record = json.loads(out)
    assert "3 videos, 128x96 at 10 frames/s; clips are 128x96" in err
    assert "next: vadkit infer gate/runs/gate/" in err
    code, out, err = vadkit("infer", record["run"], "new", "--json")
    assert code == 0, err
    (result,) = json.loads(out)
    assert result["alarms"] >= 1
    events = Path(record["run"]) / "infer" / "events.jsonl"
    event = json.loads(events.read_text().splitlines()[0])
    assert event["source"] == "runner" and event["part"] == "motion"
    code, out, err = vadkit(
        "watch", record["run"], "replay:new/runner.mp4", "--for", 4, "--json", "--sink", "sqlite"
    )
    assert code == 0, err
    assert any(json.loads(line)["type"] == "alarm" for line in out.splitlines())
    assert (Path(record["run"]) / "watch" / "events.sqlite").is_file()


def test_names_and_folders_that_init_refuses(vadkit, here):
    def refused(code, *arguments):
        found, out, err = vadkit("init", *arguments)
        assert (found, out, len(err.splitlines())) == (code, "", 1), err
        return err

    assert "folder none does not exist" in refused(3, "gate", "--videos", "none")
    (here / "empty").mkdir()
    assert "contains no videos" in refused(3, "gate", "--videos", "empty")
    (here / "bad").mkdir()
    (here / "bad" / "a.mp4").write_text("no video")
    message = refused(3, "gate", "--videos", "bad")
    assert "none of the 1 videos in bad can be read" in message and "a.mp4" in message
    assert not (here / "gate").exists()
    walkers(here / "good" / "a.mp4", 8)
    assert "cannot name a project" in refused(2, "a/b", "--videos", "good")
    assert "good already exists" in refused(2, "good", "--videos", "good")


def test_without_training_it_says_how(vadkit, here):
    walkers(here / "good" / "a.mp4", 8)
    code, out, err = vadkit("init", "gate", "--videos", "good", "--no-train")
    assert code == 0, err
    assert out == "gate/recipe.yaml\n"
    assert "next: vadkit train gate/recipe.yaml --runs gate/runs" in err
    # Not a terminal, so nothing is asked.
    code, out, _ = vadkit("init", "yard", "--videos", "good")
    assert (code, out) == (0, "yard/recipe.yaml\n")
