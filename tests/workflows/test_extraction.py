"""Features extracted from video: in training, as a set of files, and on a stream."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

import vadkit
from vadkit.errors import DataError, RecipeError
from vadkit.recipe.resolve import resolve
from vadkit.workflows.extraction import extracted_files, segment_starts
from vadkit.workflows.features import extract_features


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six calm videos of a square that moves, and six restless ones, where it jumps for a while."""
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    for number in range(12):
        restless = number % 2
        path = root / ("rush" if restless else "calm") / f"{number:02d}.mp4"
        path.parent.mkdir(exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (64, 48))
        for frame in range(70 if number else 9):
            picture = np.full((48, 64, 3), 60, np.uint8)
            jump = rng.integers(-9, 10, 2) if restless and 32 <= frame < 64 else (0, 0)
            x, y = np.clip((4 + frame // 2 + jump[0], 18 + jump[1]), 0, 36).tolist()
            picture[y : y + 10, x : x + 10] = 220
            writer.write(picture)
        writer.release()
    return root


def recipe(folder, **sections):
    return resolve(
        {
            "name": "rush",
            "dataset": {"type": "folder", "root": str(folder), "normal": "calm"},
            "features": {"type": "motion"},
            "method": {"type": "top-k"},
            "clip": {"size": [48, 64]},
            "train": {"epochs": 40, "batch_size": 8},
            **sections,
        }
    )


def videos_of(recipe, split):
    return vadkit.load_videos(recipe, split)


def test_segments_reach_the_end():
    assert segment_starts(32, 16).tolist() == [0, 16]
    assert segment_starts(35, 16).tolist() == [0, 16, 19]
    assert segment_starts(9, 16).tolist() == [0]


def test_train_and_infer_give_the_same_scores(folder, tmp_path):
    run = vadkit.train(recipe(folder), runs=tmp_path)
    found = vadkit.evaluate(run)
    assert found["raw"]["micro-auc"] > 0.5
    detector = vadkit.Detector.load(run)
    assert detector.delay == 16
    # Every third one: each score starts a process that decodes.
    for video in videos_of(recipe(folder), "test")[::3]:
        saved = np.load(run / "scores" / "test" / f"{video.id}.npz")["scores"]
        scored = detector.score(video.path)
        if len(saved) >= 16:
            np.testing.assert_allclose(scored.raw, saved, atol=1e-5)
    rush = detector.score(folder / "rush" / "03.mp4").raw
    assert rush[32:64].mean() > rush[:32].mean()


def test_features_are_kept_and_an_interrupted_extraction_continues(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path / "cache"))
    found = extract_features(recipe(folder), tmp_path / "set")
    assert found["videos"] == 12
    record = json.loads((tmp_path / "set" / "features.json").read_text())
    assert record["every"] == 16 and record["extractor"]["type"] == "motion"
    lengths = {one["frames"] for side in record["videos"].values() for one in side.values()}
    assert lengths == {9, 70}
    # Only the missing file is made again.
    files = extracted_files(recipe(folder), videos_of(recipe(folder), "train"))
    times = {file: file.stat().st_mtime_ns for file in files.values()}
    gone = next(iter(times))
    before = np.load(gone)
    gone.unlink()
    extract_features(recipe(folder), tmp_path / "set")
    np.testing.assert_array_equal(np.load(gone), before)
    assert all(file.stat().st_mtime_ns == time for file, time in times.items() if file != gone)
    gone.write_bytes(before.tobytes()[:100])
    with pytest.raises(DataError, match="delete it, and its features are made again"):
        extract_features(recipe(folder), tmp_path / "set")
    gone.with_suffix(".json").write_text('{"frames": -5, "fps": null}')
    with pytest.raises(DataError, match=r"frames.*; delete it, and its features are made again"):
        extract_features(recipe(folder), tmp_path / "set")
    assert before.dtype == np.float16 and before.shape == (1 if len(before) == 1 else 5, 1, 56)


def test_a_set_trains_like_the_frames_that_it_was_made_from(folder, tmp_path):
    extract_features(recipe(folder), tmp_path / "set")
    one = vadkit.train(recipe(folder), runs=tmp_path)
    files = {"type": "files", "root": str(tmp_path / "set")}
    two = vadkit.train(recipe(folder, features=files, name="files"), runs=tmp_path)
    assert vadkit.evaluate(one)["raw"]["micro-auc"] == vadkit.evaluate(two)["raw"]["micro-auc"]
    with pytest.raises(RecipeError, match="needs features that are computed from frames"):
        extract_features(recipe(folder, features=files), tmp_path / "other")


@pytest.mark.slow
@pytest.mark.real_data
def test_fights_raise_a_timed_alarm(real_data, tmp_path):
    """A folder of classes, three lines of YAML, and an alarm on a clip that was not in training."""
    root = tmp_path / "clips"
    for kind in ("fight", "noFight"):
        (root / kind).mkdir(parents=True)
        for path in sorted((real_data / "fight_surv" / kind).glob("*.mp4"))[:8]:
            (root / kind / path.name).symlink_to(path)
    text = f"""
dataset: {{type: folder, root: {root}, normal: noFight}}
features: {{type: joined, of: [{{type: frozen}}, {{type: motion}}]}}
method: {{type: top-k}}
bags: {{holdout: 0.25}}
train: {{epochs: 20, batch_size: 6}}
"""
    (tmp_path / "fight.yaml").write_text(text)
    run = vadkit.train(tmp_path / "fight.yaml", runs=tmp_path / "runs")
    detector = vadkit.Detector.load(run)
    rates, first = {}, []
    for kind in (True, False):
        videos = videos_of(vadkit.load_recipe(run / "recipe.yaml"), "test")
        scored = [detector.score(one.path) for one in videos if one.abnormal == kind]
        rates[kind] = np.mean([one.alarm.any() for one in scored])
        first += [one.time[one.alarm].min() for one in scored if kind and one.alarm.any()]
    assert rates[True] > rates[False]
    assert first and min(first) >= 0
