"""Frame metrics: by hand, against scikit-learn, and properties of any scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from vadkit import registry
from vadkit.errors import DataError
from vadkit.evaluation.frame_auc import FrameAuc, equal_error_rate
from vadkit.evaluation.frame_counts import count_frames, frame_count_summary
from vadkit.evaluation.metrics import ProtocolSummary, Setting

NAN = math.nan


def values_of(scores, labels):
    scores = {k: np.array(v, dtype=float) for k, v in scores.items()}
    labels = {k: np.array(v, dtype=bool) for k, v in labels.items()}
    return {metric.name: metric.value for metric in FrameAuc()(scores, labels)}


def test_by_hand():
    # Of the 2 x 2 pairs of an abnormal and a normal frame, three are in order.
    got = values_of({"v": [0.1, 0.4, 0.35, 0.8]}, {"v": [0, 0, 1, 1]})
    assert got["micro-auc"] == got["macro-auc"] == 0.75
    # Recall 1/2 at precision 1, then recall 1 at precision 2/3.
    assert got["ap"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    # ROC (0,0) (0,.5) (.5,.5) (.5,1) (1,1) meets fpr = 1 - tpr at (.5, .5).
    assert got["eer"] == pytest.approx(0.5)


def test_eer_is_interpolated_between_the_corners_of_the_roc():
    # Ties make the ROC one straight line from (0, 0) to (1/3, 1): y = 3x meets 1 - x at x = 1/4.
    truth = np.array([1, 1, 0, 0, 0], bool)
    assert equal_error_rate(truth, np.array([2.0, 2, 2, 1, 1])) == pytest.approx(0.25)
    assert equal_error_rate(truth, np.array([2.0, 2, 1, 1, 1])) == 0
    assert equal_error_rate(truth, np.array([1.0, 1, 2, 2, 2])) == 1
    assert equal_error_rate(truth, np.ones(5)) == pytest.approx(0.5)


def test_micro_and_macro_differ_when_videos_have_their_own_scale():
    got = values_of({"a": [0, 1], "b": [10, 11]}, {"a": [0, 1], "b": [0, 1]})
    assert got["macro-auc"] == 1
    assert got["micro-auc"] == 0.75


def test_one_class_videos_and_unscored_frames_are_left_out_and_counted():
    scores = {"a": [NAN, 0.2, 0.9, NAN], "b": [0.5, 0.6], "c": [NAN, 0.7]}
    labels = {"a": [1, 0, 1, 0], "b": [1, 1], "c": [0, 1]}
    got = values_of(scores, labels)
    assert got["macro-auc"] == 1  # of video a alone
    assert (got["frames"], got["abnormal"], got["unscored"]) == (8, 5, 3)
    assert (got["videos"], got["one-class-videos"]) == (3, 2)
    counts = count_frames(
        {k: np.array(v) for k, v in scores.items()}, {k: np.array(v) for k, v in labels.items()}
    )
    assert frame_count_summary(counts) == (
        "8 frames of 3 videos, 5 abnormal; 3 unscored, dropped; 2 one-class videos"
    )


def test_macro_is_undefined_without_a_two_class_video():
    got = values_of({"a": [0.1, 0.2], "b": [0.5]}, {"a": [0, 0], "b": [1]})
    assert math.isnan(got["macro-auc"])
    assert got["micro-auc"] == 1


def test_every_metric_has_the_protocol():
    scores, labels = {"v": np.array([0.0, 1.0])}, {"v": np.array([False, True])}
    evaluator = registry.build("evaluators", "frame-auc", {})
    metrics = evaluator(scores, labels, Setting(ProtocolSummary("raw", "not smoothed")))
    assert {str(metric.protocol) for metric in metrics} == {"raw: not smoothed"}


def test_padding_counts_videos_of_one_class():
    got = values_of({"a": [5.0, 2.0], "b": [9.0]}, {"a": [0, 1], "b": [0]})
    assert got["macro-auc"] == 0
    # A normal frame of score 2 and an abnormal one of score 9, the set's extremes, join each: of
    # the four pairs of a one ties and two are in order; of the two of b one is and one ties.
    assert got["padded-macro-auc"] == pytest.approx(((0.5 + 1 + 0 + 1) / 4 + (1 + 0.5) / 2) / 2)


def test_the_trapezoid_under_precision_and_recall_is_not_average_precision():
    got = values_of({"v": [0.1, 0.4, 0.35, 0.8]}, {"v": [0, 0, 1, 1]})
    # Corners from the top: (1/2, 1), (1/2, 1/2), (1, 2/3), and (0, 1) to begin with.
    assert got["ap-trapezoid"] == pytest.approx(0.5 * 1 + 0.5 * (1 / 2 + 2 / 3) / 2)
    assert got["ap"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ({"v": [0, 1, 2]}, {"v": [0, 1]}, "video 'v' has 3 scores but 2 labels"),
        ({"v": [0, 1]}, {"v": [0, 1], "w": [0]}, "no scores for video 'w'"),
        ({"v1": [0]}, {"v": [0]}, "no scores for video 'v', but there are scores for 'v1';"),
        ({"v": [0, 1], "x": [1]}, {"v": [0, 1]}, "no labels for video 'x'"),
        ({"v": [0, math.inf]}, {"v": [0, 1]}, "frame 1 of video 'v' is infinite"),
        ({"v": [0, 1]}, {"v": [1, 1]}, "all 2 scored frames are labelled abnormal"),
        ({"v": [NAN, 1]}, {"v": [1, 0]}, "all 1 scored frames are labelled normal"),
        ({"v": [NAN, NAN]}, {"v": [0, 1]}, "no frame of the 1 video"),
        ({}, {}, "no frame of the 0 video"),
        ({"v": [[0, 1]]}, {"v": [0, 1]}, r"scores have shape \(1, 2\)"),
    ],
)
def test_errors_name_the_video_and_the_fault(scores, labels, message):
    with pytest.raises(DataError, match=message):
        values_of(scores, labels)


def test_labels_other_than_0_and_1():
    with pytest.raises(DataError, match="labels of video 'v' contain values other than 0 and 1"):
        FrameAuc()({"v": np.zeros(2)}, {"v": np.array([0, 2])})


# Few distinct values, so that ties are common.
frames = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=1, max_size=12)
videos = st.lists(frames, min_size=1, max_size=4).filter(
    lambda vs: len({label for v in vs for _, label in v}) == 2
)


def split(vs):
    scores = {str(i): [float(s) for s, _ in v] for i, v in enumerate(vs)}
    return scores, {str(i): [label for _, label in v] for i, v in enumerate(vs)}


@given(videos)
@settings(max_examples=60, deadline=None)
def test_agrees_with_scikit_learn(vs):
    scores, labels = split(vs)
    got = values_of(scores, labels)
    truth, values = np.concatenate(list(labels.values())), np.concatenate(list(scores.values()))
    assert got["micro-auc"] == pytest.approx(roc_auc_score(truth, values))
    assert got["ap"] == pytest.approx(average_precision_score(truth, values))
    precision, recall, _ = precision_recall_curve(truth, values)
    assert got["ap-trapezoid"] == pytest.approx(
        -np.diff(recall) @ (precision[1:] + precision[:-1]) / 2
    )
    # The rate e of equal errors is where scikit-learn's ROC passes through (e, 1 - e).
    false, found, _ = roc_curve(truth, values)
    corner = np.flatnonzero(false + found >= 1)[0]
    before, after = (np.array([false[i], found[i]]) for i in (max(corner - 1, 0), corner))
    share = 0 if corner == 0 else (1 - before.sum()) / (after - before).sum()
    crossing = before + share * (after - before)
    assert crossing == pytest.approx([got["eer"], 1 - got["eer"]])


@given(videos)
@settings(max_examples=60, deadline=None)
def test_an_increasing_transform_changes_nothing(vs):
    scores, labels = split(vs)
    bent = {video: np.exp(np.array(v)) * 3 - 1 for video, v in scores.items()}
    before, after = values_of(scores, labels), values_of(bent, labels)
    np.testing.assert_allclose(list(after.values()), list(before.values()))


@given(videos)
@settings(max_examples=60, deadline=None)
def test_flipped_labels_give_the_complement(vs):
    scores, labels = split(vs)
    flipped = {video: [not label for label in v] for video, v in labels.items()}
    before, after = values_of(scores, labels), values_of(scores, flipped)
    for name in ("micro-auc", "macro-auc", "eer"):
        np.testing.assert_allclose(after[name], 1 - before[name])
    # Labels and scores both turned around: what was found is found again, of the other class.
    turned = {video: [-score for score in v] for video, v in scores.items()}
    both = values_of(turned, flipped)
    for name in ("micro-auc", "macro-auc", "padded-macro-auc", "eer"):
        np.testing.assert_allclose(both[name], before[name])


@given(videos)
@settings(max_examples=60, deadline=None)
def test_perfect_scores_and_flat_ones(vs):
    _, labels = split(vs)
    perfect = values_of({video: np.array(v, float) for video, v in labels.items()}, labels)
    assert perfect["ap"] == perfect["ap-trapezoid"] == perfect["micro-auc"] == 1
    assert perfect["eer"] == 0
    flat = values_of({video: np.zeros(len(v)) for video, v in labels.items()}, labels)
    assert flat["ap"] == pytest.approx(np.concatenate(list(labels.values())).mean())
    assert flat["micro-auc"] == flat["eer"] == 0.5


@given(videos, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_videos_does_not_matter(vs, random):
    scores, labels = split(vs)
    names = list(scores)
    random.shuffle(names)
    shuffled = values_of({n: scores[n] for n in names}, {n: labels[n] for n in sorted(labels)})
    np.testing.assert_allclose(list(shuffled.values()), list(values_of(scores, labels).values()))
