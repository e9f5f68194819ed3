"""Small parts of what the page draws."""

import numpy as np

from vadkit.reports.mistakes import Mistake
from vadkit.reports.page_data import mistake_data, run_data, training_series
from vadkit.scoring.fitting import calibrate


def test_training_values_by_group():
    lines = [
        {"event": "step", "step": 2, "time": 1.0, "loss": 0.5, "lr/generator": 0.1},
        {"event": "step", "step": 4, "loss": float("nan"), "done": True, "note": "text"},
        {"event": "evaluated", "step": 4, "micro-auc": 0.7},
        {"event": "evaluated", "step": 6, "pseudo-auc[made]": 0.6, "pseudo-auc[pace@2][made]": 0.9},
        {"event": "start", "loss": 9.0},
    ]
    assert training_series(lines) == {
        "training": {"loss": {"x": [2, 4], "y": [0.5, None]}},
        "lr": {"generator": {"x": [2], "y": [0.1]}},
        "test": {"micro-auc": {"x": [4], "y": [0.7]}},
        "pseudo": {"pseudo-auc[made]": {"x": [6], "y": [0.6]}},
    }


def test_a_mistake_without_pictures_has_only_words():
    mistake = Mistake("a", 3, 0.123456789, 0.25)
    words = {"video": "a", "frame": 3, "score": 0.12346, "share": 0.25}
    assert mistake_data(mistake, None, None) == words
    frame, heat = np.zeros((30, 40, 3), np.uint8), np.ones((3, 4), np.float32)
    shown = mistake_data(mistake, frame, heat)
    assert shown["shape"] == 1.3333
    assert shown["picture"].startswith("data:image/jpeg;base64,")
    assert shown["heat"] != shown["picture"]
    assert "heat" not in mistake_data(mistake, frame, None)


def test_the_scores_of_the_threshold_are_drawn_next_to_the_recipes_scores(record):
    scores = {"a": np.random.default_rng(0).normal(size=2000)}
    known = calibrate(scores, {"a": 25.0}, [{"type": "ema", "halflife": 4}], source="a video")
    labels = {"01": np.array([0, 0, 0, 1, 1, 0, 1, 0], bool)}
    for made, kinds in [
        ({}, [("raw", None), ("final", None)]),
        ({"calibration": known}, [("raw", None), ("final", None), ("live", known.threshold)]),
        (
            {"calibration": known, "chain": "ema(halflife=4)"},
            [("raw", None), ("final", known.threshold)],
        ),
    ]:
        data = run_data(record(labels, **made), {"01": {}}, {})
        assert [(one["key"], one["level"]) for one in data["kinds"]] == [
            (key, level and float(f"{level:.5g}")) for key, level in kinds
        ]
        assert set(data["videos"][0]["scores"]) == {key for key, _ in kinds}
