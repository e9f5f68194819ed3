"""Bootstrap statistics against scikit-learn with weights, and intervals that behave."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from vadkit.evaluation.bootstrap import (
    RESAMPLES,
    average_precision_of,
    interval,
    macro_auc_of,
    metric_intervals,
    micro_auc_of,
    resample,
)
from vadkit.evaluation.frame_auc import pooled, video_aucs

frames = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=8)
videos = st.lists(st.tuples(frames, st.integers(0, 3)), min_size=1, max_size=4)


def kept_of(vs):
    return {
        str(i): (np.array([t for t, _ in v]), np.array([float(s) for _, s in v]))
        for i, (v, _) in enumerate(vs)
    }


@given(videos)
@settings(max_examples=80, deadline=None)
def test_counts_of_videos_are_weights_of_their_frames(vs):
    kept, counts = kept_of(vs), np.array([float(count) for _, count in vs])
    truth, values = pooled(kept)
    weights = np.concatenate([np.full(len(v), float(count)) for v, count in vs])
    drawn = weights > 0
    if len(np.unique(truth[drawn])) == 2:
        expected = roc_auc_score(truth, values, sample_weight=weights)
        assert micro_auc_of(kept)(counts) == pytest.approx(expected)
        expected = average_precision_score(truth, values, sample_weight=weights)
        assert average_precision_of(kept)(counts) == pytest.approx(expected)
    else:
        assert math.isnan(micro_auc_of(kept)(counts))
    own = video_aucs(kept)
    areas = [
        own[str(i)]
        for i, count in enumerate(counts.astype(int))
        for _ in range(count)
        if str(i) in own
    ]
    if areas:
        assert macro_auc_of(kept)(counts) == pytest.approx(np.mean(areas))
    else:
        assert math.isnan(macro_auc_of(kept)(counts))


def test_the_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(1).normal(5, 2, 60)
    low, high = interval(lambda counts: float(counts @ values / counts.sum()), 60)
    half = 1.96 * values.std() / np.sqrt(60)
    assert low == pytest.approx(values.mean() - half, abs=0.12)
    assert high == pytest.approx(values.mean() + half, abs=0.12)


def test_intervals_hold_the_figure_and_repeat():
    generator = np.random.default_rng(0)
    kept = {}
    for video in range(12):
        truth = np.arange(40) >= 25
        kept[str(video)] = (truth, generator.normal(truth + 0.3 * generator.normal(), 1))
    found = metric_intervals(kept)
    truth, values = pooled(kept)
    assert found["micro-auc"].low < roc_auc_score(truth, values) < found["micro-auc"].high
    assert found == metric_intervals(kept)
    assert 0.02 < found["micro-auc"].high - found["micro-auc"].low < 0.2


def test_one_video_has_no_interval():
    low, high = interval(lambda counts: 1.0, 1)
    assert math.isnan(low)
    assert math.isnan(high)


def test_undefined_draws_are_left_out():
    # Without the first video, which a third of 3-from-3 draws to the power miss, undefined.
    values = resample(lambda counts: 1.0 if counts[0] else math.nan, 3)
    assert len(values) == pytest.approx(RESAMPLES * (1 - (2 / 3) ** 3), rel=0.1)
