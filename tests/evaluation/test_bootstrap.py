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
    STATISTICS,
    average_precision_of,
    difference,
    interval,
    macro_auc_of,
    metric_intervals,
    micro_auc_of,
    ratio_of,
    resample,
)
from vadkit.evaluation.frame_auc import FrameAuc, pooled, video_aucs

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


@given(videos)
@settings(max_examples=60, deadline=None)
def test_each_video_once_gives_the_figure_of_the_table(vs):
    kept = kept_of(vs)
    if len(np.unique(pooled(kept)[0])) < 2:
        return
    scores, labels = ({name: one[i] for name, one in kept.items()} for i in (1, 0))
    table = {metric.name: metric.value for metric in FrameAuc()(scores, labels)}
    for name, of in STATISTICS.items():
        once = of(kept)(np.ones(len(kept)))
        assert once == pytest.approx(table[name], nan_ok=True), name


def test_videos_drawn_twice_count_twice():
    kept = kept_of([([(False, 0), (True, 2), (False, 1)], 1), ([(True, 1), (False, 1)], 1)])
    twice = {**kept, "copy": kept["0"]}
    for name, of in STATISTICS.items():
        assert of(kept)(np.array([2.0, 1.0])) == pytest.approx(of(twice)(np.ones(3))), name


def test_a_ratio_is_of_sums_over_the_drawn_videos():
    statistic = ratio_of(np.array([1, 3]), np.array([2, 4]))
    assert statistic(np.array([1.0, 1.0])) == pytest.approx(4 / 6)
    assert statistic(np.array([2.0, 0.0])) == pytest.approx(1 / 2)
    assert math.isnan(ratio_of(np.array([0]), np.array([0]))(np.ones(1)))


def test_a_value_equal_in_all_draws_has_no_interval():
    found = interval(ratio_of(np.ones(12), np.ones(12)), 12)
    assert math.isnan(found.low) and math.isnan(found.high)


@pytest.mark.parametrize("metric", list(STATISTICS))
def test_a_difference_is_paired_and_changes_sign(metric):
    generator = np.random.default_rng(3)
    truth = {str(video): np.arange(30) >= 10 + video for video in range(8)}
    # Noise that both share: their areas vary a lot, the difference little.
    noise = {video: generator.normal(size=30) * 2 for video in truth}
    first = {video: (own, own + noise[video]) for video, own in truth.items()}
    second = {video: (own, 1.5 * own + noise[video]) for video, own in truth.items()}
    there, back = difference(first, second, metric), difference(second, first, metric)
    assert there.value == pytest.approx(-back.value)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.low < there.value < there.high
    assert there.better == pytest.approx(1 - back.better)
    own = metric_intervals(first)[metric]
    assert there.high - there.low < own.high - own.low
    assert there.better == (0 if metric == "eer" else 1)
    none = difference(first, first, metric)
    assert (none.value, none.low, none.high, none.better) == (0, 0, 0, 0.5)


def test_the_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(1).normal(5, 2, 60)
    low, high = interval(lambda counts: float(counts @ values / counts.sum()), 60)
    half = 1.96 * values.std() / np.sqrt(60)
    assert low == pytest.approx(values.mean() - half, abs=0.12)
    assert high == pytest.approx(values.mean() + half, abs=0.12)


def test_intervals_contain_the_figure_and_repeat():
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
