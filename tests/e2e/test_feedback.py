"""A person in the loop: answers to alarms, reviews of normal video, and what is learned of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vadkit.workflows.answers import read_answers

HIGH, WIDE, FPS = 96, 128, 10


def draw(path, speeds, seed=0):
    """A video of squares that cross the picture, one after another, at these speeds."""
    rng = np.random.default_rng(seed)
    ground = cv2.GaussianBlur(rng.integers(60, 120, (HIGH, WIDE), np.uint8), (0, 0), 2)
    texture = rng.integers(150, 250, (16, 16), np.uint8)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDE, HIGH))
    for number, speed in enumerate(speeds):
        top = 24 if speed > 4 else 24 + 40 * (number % 2)
        for step in range(int((WIDE - 16) / speed)):
            frame = ground.copy()
            left = int(step * speed)
            frame[top : top + 16, left : left + 16] = texture
            video.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
        for _ in range(25):
            video.write(cv2.cvtColor(ground, cv2.COLOR_GRAY2BGR))
    video.release()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of motion-field on slow squares, one of them faster, and events of a new video."""
    folder = tmp_path_factory.mktemp("loop")
    (folder / "normal").mkdir()
    for number in range(3):
        odd = [4.5] if number == 1 else [2.2]
        draw(folder / "normal" / f"{number}.mp4", [2, 2.2, *odd, 1.8, 2])
    draw(folder / "new.mp4", [2, 9, 2, 11, 2])
    draw(folder / "more.mp4", [9, 2, 10, 11, 9, 2])
    (folder / "recipe.yaml").write_text(
        f"""\
name: loop
dataset: {{type: folder, root: {folder / "normal"}}}
clip: {{size: [{HIGH}, {WIDE}], channels: gray}}
method: {{type: motion-field, person: 16}}
scorers: [{{type: ema, halflife: 2}}]
calibration: {{false_alarms_per_hour: 20}}
alarms: {{before_s: 2, after_s: 1}}
sinks: [{{type: events}}, {{type: snapshots}}]
"""
    )
    said = run_alone("train", folder / "recipe.yaml", "--runs", folder / "runs")
    run = Path(said.stdout.strip().splitlines()[-1])
    run_alone("infer", run, folder / "new.mp4")
    return folder, run, said.stderr


def run_alone(*args):
    command = [sys.executable, "-m", "vadkit", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def run(trained, tmp_path):
    return Path(shutil.copytree(trained[1], tmp_path / "run"))


@pytest.fixture
def events(vadkit, run):
    """The ids of the two alarms of fast squares."""
    code, out, err = vadkit("events", run, "--json")
    assert code == 0, err
    found = [one["id"] for one in json.loads(out)]
    assert len(found) == 2
    return found


def alarms(vadkit, run, video):
    code, out, err = vadkit("infer", run, video, "--again", "--json")
    assert code == 0, err
    return json.loads(out)[0]["alarms"]


def test_training_shows_the_most_unusual_normal_video(trained):
    _, run, said = trained
    assert "most unusual moments of the normal video" in said
    assert str(run / "normal-review" / "index.html") in said
    found = json.loads((run / "normal-review" / "stretches.json").read_text())["stretches"]
    assert found[0]["video"] == "1" and found[0]["part"] == "speed" and found[0]["picture"]
    scores = [one["score"] for one in found]
    assert scores == sorted(scores, reverse=True) and len(found) > 3
    picture = cv2.imread(str(run / "normal-review" / "1.jpg"))
    # The box is around the square of the peak, which is in the upper half.
    left, top, right, bottom = found[0]["region"]
    assert picture.shape[:2] == (HIGH, WIDE)
    assert top < 40 and bottom > 24 and right - left < WIDE / 2
    page = (run / "normal-review" / "index.html").read_text()
    assert page.count("<li") == len(found) and "<script" not in page


def test_answers_are_listed_filtered_and_changed(vadkit, run, events):
    assert vadkit("feedback", run, *events, "false").code == 0
    code, out, _ = vadkit("feedback", run, events[0], "right", "--json")
    assert code == 0 and json.loads(out)[0]["answer"] == "right"
    assert vadkit("events", run, "--unanswered").out == ""
    _, out, _ = vadkit("events", run, "--answered", "--json")
    first, second = json.loads(out)
    assert (first["answer"], second["answer"]) == ("right", "false")
    assert [one["answer"] for one in first["answers"]] == ["false", "right"]
    assert Path(first["clip"]).is_file() and Path(first["picture"]).is_file()
    _, out, _ = vadkit("events", run)
    assert "right" in out.splitlines()[1] and "false" in out.splitlines()[2]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("nothing", "right"), 2, "no event 'nothing'"),
        (("maybe",), 2, ""),
        (("x" * 300, "right"), 2, "no event"),
    ],
)
def test_unknown_events_and_answers_are_refused(vadkit, run, args, code, said):
    found = vadkit("feedback", run, *args)
    assert found.code == code and said in found.err
    assert not (run / "answers.jsonl").exists()


def test_a_false_alarm_is_learned_at_once_and_undone(trained, vadkit, run, events):
    folder, _, _ = trained
    assert alarms(vadkit, run, folder / "new.mp4") == 2
    before = (run / "checkpoints" / "last.pt").read_bytes()
    threshold = json.loads((run / "calibration.json").read_text())["threshold"]
    assert vadkit("update", run).code == 2, "nothing was answered"
    vadkit("feedback", run, events[0], "false")
    vadkit("feedback", run, events[1], "right")
    code, out, err = vadkit("update", run, "--compare", "--json")
    assert code == 0, err
    found = json.loads(out)
    (learned,) = found["learned"]
    assert learned["peak"] < found["threshold_before"] < learned["peak_before"]
    assert learned["frames"] == "video" and learned["accepted"]
    compared = {one["id"]: one for one in found["compared"]}
    assert [one["alarm"] for one in compared[events[0]]["models"]] == [True, False]
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["version"]["number"] == 2
    assert manifest["version"]["accepted"] == [events[0]]
    assert (run / "checkpoints" / "version-1.pt").read_bytes() == before
    assert alarms(vadkit, run, folder / "new.mp4") < 2
    # Nothing new, so no new version.
    assert vadkit("update", run).code == 2
    # The calibration of the update is the one that other rates are for, with its answers.
    vadkit("calibrate", run, "--false-alarms-per-hour", 30)
    _, out, _ = vadkit("calibrate", run, "--list", "--json")
    assert {one["name"] for one in json.loads(out)} == {"training", "update-2", "update-2-2"}

    code, out, _ = vadkit("update", run, "--undo")
    assert code == 0 and "version 1" in out
    assert (run / "checkpoints" / "last.pt").read_bytes() == before
    assert json.loads((run / "calibration.json").read_text())["threshold"] == threshold
    assert alarms(vadkit, run, folder / "new.mp4") == 2
    assert read_answers(run).last("event", events[0]).answer == "false"
    assert vadkit("update", run, "--undo").code == 4


def test_an_answer_that_changed_is_no_longer_learned(vadkit, run, events):
    vadkit("feedback", run, *events, "false")
    assert vadkit("update", run).code == 0
    vadkit("feedback", run, events[1], "right")
    code, out, err = vadkit("update", run, "--json", "--compare")
    assert code == 0, err
    found = json.loads(out)
    assert found["version"]["accepted"] == [events[0]] and found["version"]["number"] == 3
    # The same model as if the second had never been answered so.
    model = torch.load(run / "checkpoints" / "last.pt", weights_only=True)["method"]
    for _ in range(2):
        assert vadkit("update", run, "--undo").code == 0
    assert vadkit("update", run).code == 0
    again = torch.load(run / "checkpoints" / "last.pt", weights_only=True)["method"]
    assert all(one.equal(again[name]) for name, one in model.items())


def test_without_the_video_the_clip_is_learned_and_without_both_it_is_said(
    trained, vadkit, run, events
):
    shutil.rmtree(run / "infer" / "new")
    (run / "infer" / "events" / f"{events[1]}.mp4").unlink()
    vadkit("feedback", run, *events, "false")
    code, out, err = vadkit("update", run)
    assert code == 0, err
    assert f"{events[0]}: peak" in out and "from the saved clip" in out
    assert "1 false alarm could not be learned" in err and events[1] in err


def test_more_normal_video_is_learned(trained, vadkit, run, tmp_path):
    folder, _, _ = trained
    (tmp_path / "more").mkdir()
    shutil.copy(folder / "more.mp4", tmp_path / "more" / "more.mp4")
    code, _, err = vadkit("update", run, "--videos", tmp_path / "more", "--json")
    assert code == 0, err
    calibration = json.loads((run / "calibration.json").read_text())
    assert calibration["evidence"]["source"].endswith(", with 1 added video")
    assert calibration["evidence"]["videos"] == 4
    # Its fast square is usual now.
    assert alarms(vadkit, run, folder / "new.mp4") < 2
    # A second update keeps it, and adds no second copy.
    vadkit("review", run, 1, "--mark", "not-normal")
    code, out, err = vadkit("update", run, "--json")
    assert code == 0 and json.loads(out)["version"]["videos"] == [str(tmp_path / "more")]
    again = json.loads((run / "calibration.json").read_text())["evidence"]
    assert again["videos"] == 4 and again["hours"] < calibration["evidence"]["hours"]


def test_marked_stretches_leave_the_calibration_and_the_training(vadkit, run):
    _, out, _ = vadkit("review", run, "--json")
    first = json.loads(out)[0]
    assert first["answer"] is None and first["name"] == "1. 1"
    before = json.loads((run / "calibration.json").read_text())
    assert vadkit("review", run, 1, "--mark", "not-normal").code == 0
    code, _, err = vadkit("update", run)
    assert code == 0 and "--refit leaves them out of training" in err
    found = json.loads((run / "calibration.json").read_text())
    assert found["threshold"] < before["threshold"]
    assert found["evidence"]["hours"] < before["evidence"]["hours"]
    code, out, err = vadkit("update", run, "--refit", "--json")
    assert code == 0, err
    version = json.loads(out)["version"]
    assert version["refitted"] and len(version["left_out"]) == 1
    # A mark that is taken back counts again.
    vadkit("review", run, 1, "--mark", "normal")
    code, _, err = vadkit("update", run)
    assert code == 0, err
    back = json.loads((run / "calibration.json").read_text())
    assert back["evidence"]["hours"] == pytest.approx(before["evidence"]["hours"])


def test_a_review_in_the_terminal(vadkit, run, monkeypatch):
    keys = iter(["x", "what", "i", "", "n", "q"])
    monkeypatch.setattr("builtins.input", lambda: next(keys))
    code, out, err = vadkit("review", run)
    assert code == 0, err
    assert "1. 1: at " in out and "normal-review/1.jpg" in out
    marks = [one.answer for one in read_answers(run).given]
    assert marks == ["not-normal", "ignore", "normal"]
    monkeypatch.setattr("builtins.input", lambda: (_ for _ in ()).throw(EOFError))
    assert vadkit("review", run).code == 0


def test_ignoring_a_place_makes_a_zone_and_taking_it_back_removes_it(vadkit, run, events):
    assert vadkit("feedback", run, events[0], "ignore-place").code == 0
    (zone,) = json.loads((run / "zones.json").read_text())["zones"]
    assert zone["name"] == f"alarm {events[0]}" and zone["camera"] is None
    assert all(0 <= share <= 1 for corner in zone["polygon"] for share in corner)
    vadkit("feedback", run, events[0], "ignore-place")
    assert len(json.loads((run / "zones.json").read_text())["zones"]) == 1
    vadkit("feedback", run, events[0], "right")
    assert json.loads((run / "zones.json").read_text())["zones"] == []
    # An earlier version wrote no size; without a picture, it is unknown.
    (run / "infer" / "events" / f"{events[1]}.jpg").unlink()
    for store in run.rglob("events.sqlite*"):
        store.unlink()
    path = run / "infer" / "events.jsonl"
    path.write_text(path.read_text().replace('"size":', '"other":'))
    code, _, err = vadkit("feedback", run, events[1], "ignore-place")
    assert code == 2 and "is kept, but its place is unknown" in err
    assert read_answers(run).last("event", events[1]).answer == "ignore-place"


def test_an_update_that_is_killed_leaves_a_usable_run(trained, run, events, vadkit, monkeypatch):
    from vadkit.workflows.answered import versions
    from vadkit.workflows.update.update import update

    vadkit("feedback", run, events[0], "false")
    before = (run / "checkpoints" / "last.pt").read_bytes()

    def stopped(*args):
        raise KeyboardInterrupt

    for name in ("_copy", "use"):
        with monkeypatch.context() as patch:
            patch.setattr(versions, name, stopped)
            with pytest.raises(KeyboardInterrupt):
                update(run)
        assert alarms(vadkit, run, trained[0] / "new.mp4") is not None
        (run / "checkpoints" / "last.pt").write_bytes(before)
    code, out, err = vadkit("update", run, "--json")
    assert code == 0, err
    assert json.loads(out)["version"]["base"] == 1


def test_a_method_that_does_not_accept_changes_only_the_threshold(vadkit, evaluated_run, tmp_path):
    run = Path(shutil.copytree(evaluated_run, tmp_path / "run"))
    videos = json.loads((run / "manifest.json").read_text())["test"]["videos"]
    video = next(iter(videos.values()))
    for path in (run / "calibration.json", run / "calibrations" / "training" / "calibration.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "threshold": 0.001}))
    code, out, err = vadkit(
        "infer", run, video, "--sink", "events", "--sink", "snapshots", "--json"
    )
    assert code == 0, err
    _, out, _ = vadkit("events", run, "--json")
    found = json.loads(out)
    vadkit("feedback", run, found[0]["id"], "false")
    code, out, err = vadkit("update", run, "--json")
    assert code == 0, err
    assert "only the threshold has changed" in json.loads(out)["notes"][0]
    assert json.loads(out)["version"]["counted"] == [found[0]["id"]]
    vadkit("review", run, 1, "--mark", "ignore")
    code, _, err = vadkit("update", run, "--refit")
    assert code == 2 and "trained with gradients" in err


def test_answers_measure_the_model_and_say_how_little_they_are(vadkit, run, events):
    code, _, err = vadkit("eval", run, "--answers")
    assert code == 3 and "answered as right" in err
    vadkit("feedback", run, events[0], "right")
    vadkit("feedback", run, events[1], "false")
    code, out, err = vadkit("eval", run, "--answers", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["right"], found["false"]) == (1, 1)
    values = {one["name"]: one for one in found["measures"]}
    assert values["frame-auc"]["value"] > 0.9 and values["frame-auc"]["low"] is None
    assert values["right-found"]["value"] == values["false-left"]["value"] == 1
    # The fast square that was false scores higher than the right one.
    assert values["alarm-auc"]["value"] == 0
    assert "only alarms were judged" in found["notes"][0]
    assert "only 1 right alarm," in found["notes"][1]
    assert vadkit("update", run).code == 0
    code, out, err = vadkit("eval", run, "--answers")
    assert code == 0 and "alarm-auc" not in out, "what was learned is no test"
    assert "leaves out 1 false alarm that this model has learned" in err
    assert vadkit("eval", run, "--answers", "--maps").code == 2
    assert vadkit("eval", "--answers").code == 2
