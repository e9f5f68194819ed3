"""AUC and AP over videos, and frame AUC on abnormal videos alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.evaluation.video_auc import VideoAuc

SCORES = {
    "a": np.array([1.0, 9.0, 2.0, np.nan]),
    "b": np.array([3.0, 4.0]),
    "n": np.array([5.0, 0.0, 0.0, 0.0]),
    "m": np.array([2.0, 2.0]),
    "bare": np.array([np.nan, np.nan]),
}
LABELS = {
    "a": np.array([0, 1, 0, 1], bool),
    "b": np.array([0, 1], bool),
    "n": np.zeros(4, bool),
    "m": np.zeros(2, bool),
    "bare": np.ones(2, bool),
}


def values(evaluator, scores=SCORES, labels=LABELS):
    return {metric.name: metric.value for metric in evaluator(scores, labels)}


def test_by_hand():
    found = values(VideoAuc())
    # Videos a 9, b 4 against n 5, m 2: three of four pairs are in order.
    assert found["video-auc"] == 0.75
    # Order a, n, b, m: precision 1 at a, 2/3 at b.
    assert found["video-ap"] == pytest.approx((1 + 2 / 3) / 2)
    # Frames of a and b: abnormal 9, 4 against 1, 2, 3.
    assert found["abnormal-auc"] == 1.0
    assert found["normal-videos"] == 2


def test_the_mean_of_the_top_share():
    # The top half of n is 2.5, that of b (one frame) 4, of a (two of three) 5.5, of m 2.
    assert values(VideoAuc(top=0.5))["video-auc"] == 1.0
    assert VideoAuc(top=0.001).score_of(np.array([1.0, 3.0])) == 3.0
    assert VideoAuc(top=1.0).score_of(np.array([1.0, 3.0])) == 2.0


def test_only_abnormal_videos_have_no_video_metrics():
    found = values(VideoAuc(), {"a": SCORES["a"]}, {"a": LABELS["a"]})
    assert found == {"normal-videos": 0}


@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(0, 5), min_size=1, max_size=6)), min_size=2
    )
)
def test_video_auc_counts_pairs(videos):
    scores = {str(i): np.array(own, float) for i, (_, own) in enumerate(videos)}
    labels = {str(i): np.full(len(own), bad) for i, (bad, own) in enumerate(videos)}
    kinds = {bad for bad, _ in videos}
    if len(kinds) < 2:
        return
    pairs = [
        (max(one) > max(two)) + (max(one) == max(two)) / 2
        for bad, one in videos
        for good, two in videos
        if bad and not good
    ]
    assert values(VideoAuc(), scores, labels)["video-auc"] == pytest.approx(np.mean(pairs))
