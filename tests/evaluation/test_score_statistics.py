"""Means, deviations and gap of scores, by hand."""

import math

import numpy as np
import pytest

from vadkit.errors import DataError
from vadkit.evaluation.score_statistics import ScoreStatistics


def statistics(scores, labels):
    scores = {name: np.array(values, float) for name, values in scores.items()}
    labels = {name: np.array(values, bool) for name, values in labels.items()}
    return {metric.name: metric.value for metric in ScoreStatistics()(scores, labels)}


def test_by_hand():
    found = statistics({"a": [1.0, 3.0, math.nan], "b": [5.0, 9.0]}, {"b": [1, 1], "a": [0, 0, 1]})
    assert found == {
        "normal-mean": 2.0,
        "normal-std": 1.0,
        "abnormal-mean": 7.0,
        "abnormal-std": 2.0,
        "gap": 5.0,
    }


def test_without_abnormal_frames_the_gap_is_undefined():
    found = statistics({"a": [1.0, 3.0]}, {"a": [0, 0]})
    assert found["normal-mean"] == 2.0
    assert math.isnan(found["abnormal-mean"]) and math.isnan(found["gap"])


def test_lengths_must_agree():
    with pytest.raises(DataError, match="2 scores but 1 labels"):
        statistics({"a": [1.0, 2.0]}, {"a": [0]})
