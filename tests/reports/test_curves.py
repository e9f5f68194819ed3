"""Points of curves, against scikit-learn and by properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, roc_auc_score

from vadkit.reports import curves

FRAMES = st.lists(st.tuples(st.booleans(), st.floats(-1e6, 1e6)), min_size=2, max_size=80)


def test_pool_leaves_unscored_frames_out():
    scores = {"a": np.array([np.nan, 1.0, 2.0]), "b": np.array([3.0])}
    labels = {"b": np.array([1]), "a": np.array([1, 0, 1])}
    truth, values = curves.pool(scores, labels)
    assert truth.tolist() == [False, True, True]
    assert values.tolist() == [1, 2, 3]
    assert [len(one) for one in curves.pool({}, {})] == [0, 0]


def test_hand_computed_areas():
    truth = np.array([True, False, True, False])
    values = np.array([4.0, 3.0, 2.0, 1.0])
    # Of four pairs three are in order; precision is 1/1 at the first and 2/3 at the second find.
    assert curves.roc(truth, values).area == 0.75
    assert curves.precision_recall(truth, values).area == pytest.approx((1 + 2 / 3) / 2)


def test_long_curves_are_thinned_without_changing_their_shape():
    generator = np.random.default_rng(0)
    truth = generator.random(20_000) < 0.3
    values = generator.normal(0, 1, 20_000) + truth
    for curve in (curves.roc(truth, values), curves.precision_recall(truth, values)):
        assert len(curve.x) <= curves.MOST_POINTS + 2
        assert auc(curve.x, curve.y) == pytest.approx(curve.area, abs=2e-3)
        assert (curve.x[0], curve.x[-1]) == (0, 1)


@given(FRAMES)
def test_the_roc_goes_up_from_corner_to_corner(frames):
    truth, values = (np.array(part) for part in zip(*frames, strict=True))
    if not curves.has_both_classes(truth):
        return
    curve = curves.roc(truth, values)
    assert (np.diff(curve.x) >= 0).all() and (np.diff(curve.y) >= 0).all()
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert curve.area == roc_auc_score(truth, values)


@given(FRAMES)
def test_each_class_of_a_histogram_sums_to_one(frames):
    truth, values = (np.array(part) for part in zip(*frames, strict=True))
    shown = curves.histogram(truth, values)
    assert shown.normal.sum() == pytest.approx(float((~truth).any()))
    assert shown.abnormal.sum() == pytest.approx(float(truth.any()))
    assert len(shown.edges) == len(shown.normal) + 1


def test_a_video_of_one_class_has_no_auc():
    scores = {"a": np.array([0.0, 1.0]), "b": np.array([0.0, 1.0])}
    labels = {"a": np.array([0, 1]), "b": np.array([1, 1])}
    assert curves.video_aucs(scores, labels) == {"a": 1.0, "b": None}
