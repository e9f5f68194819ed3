"""Sentences on a run, and on what keeps runs from being compared."""

import numpy as np
import pytest

from vadkit.reports.words import (
    alarm_words,
    difference_words,
    duration,
    level_words,
    sentences,
)
from vadkit.scoring.fitting import calibrate
from vadkit.scoring.normal import NormalScores

LABELS = {"01": np.array([0, 0, 0, 1, 1, 0], bool), "02": np.zeros(4, bool)}


def test_a_run_is_described(record):
    manifest = {"step": 1200, "epochs": 1, "seconds": 100, "device": "cpu", "seed": 3}
    manifest["precision"] = "float32"
    evaluation = {"metrics": [], "label_source": "UCSDped2.m", "checkpoint": "last", "step": 1200}
    run = record(LABELS, manifest=manifest, evaluation={**evaluation, "skipped": ["07"]})
    trained, tested, scorers = sentences(run)
    assert trained == (
        "Method conv-ae on dataset ucsd: clips of 4 frames of 64×48 pixels, gray. Trained for "
        "1 epoch (1,200 steps) in 2 min on cpu in float32, seed 3."
    )
    assert tested == (
        "Tested on 10 frames of 2 videos; 2 of them (20%) are labelled abnormal. Labels: "
        "UCSDped2.m. Checkpoint: last (step 1200). 6 frames without a score are left out of all "
        "curves. Unreadable videos, left out: 07; these results are not comparable with results "
        "on the whole test split."
    )
    assert scorers.startswith("Scorers: minmax-per-video. They use later frames of a test video")
    assert sentences(record(LABELS, chain="raw"))[2].startswith("The recipe has no scorers")


def metrics_of(protocol="raw: not smoothed", **figures):
    """Metrics as eval.json has them, of values or (value, low, high)."""
    metrics = []
    for name, figure in figures.items():
        known = dict(zip(("value", "low", "high"), np.atleast_1d(figure).tolist(), strict=False))
        known = {key: None if np.isnan(value) else value for key, value in known.items()}
        metrics.append({"name": name, "protocol": protocol, **known})
    return metrics


FOUND = {"threshold": 2.5, "f1": (0.9, 0.8, 0.95), "events": 12, "events-found": (0.75, 0.5, 0.9)}


def test_the_result_at_the_threshold_is_described(record):
    level = "At the threshold 2.5, which 99.9% of training frames stay below: "
    timed = {**FOUND, "delay-s": 0.64, "false-alarms/h": (1107, 0, 3205)}
    assert alarm_words(metrics_of(**timed)) == (
        f"{level}F1 0.900 [0.800, 0.950], 9 of 12 events found [50%, 90%], median delay 0.64 s, "
        "1,107 false alarms per hour [0, 3,205]."
    )
    bare = {"threshold": 2.5, "f1": 0.0, "events": 1, "events-found": 0, "delay-frames": np.nan}
    assert alarm_words(metrics_of(**bare)) == f"{level}F1 0.000, 0 of 1 event found."
    assert alarm_words(metrics_of(f1=1)) is None
    run = record(LABELS, evaluation={"metrics": metrics_of(**FOUND)})
    assert sentences(run)[-1].endswith("found [50%, 90%]. Under raw: not smoothed.")


def test_the_origin_of_the_threshold_is_described(record):
    assert level_words(record(LABELS)).startswith("No threshold: the run has no normal.json")
    nan = float("nan")
    normal = NormalScores(0.1, 2.5, 3.0, nan, nan, nan, frames=1234)
    assert level_words(record(LABELS, normal=normal)) == (
        "Threshold 3: 99.9% of 1,234 normal training frames score lower. No test labels were used."
    )


def test_a_calibrated_threshold_is_for_one_chain_alone(record):
    scores = {"a": np.random.default_rng(0).normal(size=5000)}
    known = calibrate(scores, {"a": 25.0}, [{"type": "ema", "halflife": 4}], source="a video")
    run = record(LABELS, chain="ema(halflife=4)", chain_keeps_unit=True, calibration=known)
    assert level_words(run) == (
        f"Threshold {known.threshold:.4g}, for scores after ema(halflife=4): calibrated for 1 "
        "false alarm per hour and 2% of the time in alarms, on 3.33 min of a video. No "
        "test labels were used."
    )
    assert run.level("ema(halflife=4)") == known.threshold
    assert run.level("raw") is None


def test_runs_that_can_be_compared_need_no_words(record):
    assert difference_words([record(LABELS), record(LABELS, name="other")]) == []


def test_a_difference_is_listed_once_for_all_its_runs(record):
    first = record(LABELS, name="a")
    fewer = record({"01": LABELS["01"]}, name="b")
    relabelled = record({**LABELS, "02": np.ones(4, bool)}, name="c")
    longer = record({**LABELS, "02": np.zeros(5, bool)}, name="d")
    scored = record(LABELS, name="e", raw={video: np.zeros(len(v)) for video, v in LABELS.items()})
    smoothed = record(LABELS, name="f", chain="gaussian")
    assert difference_words([first, fewer, relabelled, longer, scored, smoothed]) == [
        "b: tested on other videos than a.",
        "c and d: tested with other labels than a.",
        "e: other frames have a score than in a; frames without a score are left out of the "
        "metrics.",
        "f: the scorers are gaussian, those of a are minmax-per-video; compare by raw scores.",
    ]


def test_protocols_of_one_name_that_differ(record):
    runs = [
        record(LABELS, name=name, evaluation={"protocols": [{"name": "online", "words": words}]})
        for name, words in (("a", "online: half-life 4"), ("b", "online: half-life 8"))
    ]
    assert difference_words(runs) == [
        "b: metrics use online: half-life 8; those of a use online: half-life 4."
    ]


def test_labels_of_the_same_content_from_two_files_are_the_same(record):
    runs = [
        record(
            LABELS,
            name=source,
            evaluation={
                "label_source": source,
                "protocols": [{"name": "raw", "words": f"raw: not smoothed, labels {source}"}],
            },
        )
        for source in ("UCSDped2.m", "labels.json")
    ]
    assert difference_words(runs) == []


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (89, "89 s"), (720, "12 min"), (11520, "3.2 h")]
)
def test_durations(seconds, words):
    assert duration(seconds) == words
