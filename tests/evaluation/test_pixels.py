"""Pixelwise AUC against scikit-learn, and the 40% criterion against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from vadkit.errors import DataError
from vadkit.evaluation.metrics import ProtocolSummary, Setting
from vadkit.evaluation.pixels import PixelAuc, criterion_scores

SHAPE = (6, 3, 4)


def values_of(maps, masks, **params):
    metrics = PixelAuc(**params)(maps, masks)
    return {metric.name: metric.value for metric in metrics}


def pair(seed, levels=8):
    """Maps of few small integers, so that values tie, and masks with both kinds of frames."""
    random = np.random.default_rng(seed)
    maps = random.integers(-levels, levels, SHAPE).astype(np.float32)
    masks = random.random(SHAPE) < 0.4
    masks[0], masks[1] = False, True
    return maps, masks


def test_a_perfect_map_and_its_opposite():
    masks = np.zeros(SHAPE, bool)
    masks[2:, 1:, 1:] = True
    maps = masks.astype(np.float32)
    got = values_of({"a": maps}, {"a": masks})
    assert got["pixelwise-auc"] == got["pixel-criterion-auc"] == 1
    assert got["pixel-criterion-eer"] == 0
    assert (got["pixels"], got["abnormal-pixels"], got["frames"]) == (72, 24, 6)
    worst = values_of({"a": -maps}, {"a": masks})
    # In abnormal frames the mask is lowest; normal frames are 0 all over.
    assert worst["pixelwise-auc"] == worst["pixel-criterion-auc"] == 0


def test_a_constant_map_has_an_auc_of_one_half():
    masks = np.zeros(SHAPE, bool)
    masks[2:, 1:, 1:] = True
    got = values_of({"a": np.full(SHAPE, 7.0)}, {"a": masks})
    assert got["pixelwise-auc"] == got["pixel-criterion-auc"] == 0.5


@pytest.mark.parametrize(("share", "score"), [(0.2, 5), (0.4, 4), (0.41, 3), (0.6, 3), (1, 1)])
def test_the_criterion_by_hand(share, score):
    # Of five abnormal pixels, 5 4 3 2 1; two of them are 40%. What is higher outside counts not.
    values = np.array([[[5, 4, 3, 2, 1, 99]]], np.float32)
    masks = np.array([[[1, 1, 1, 1, 1, 0]]], bool)
    assert criterion_scores(values, masks, share).tolist() == [score]


def test_a_normal_frame_is_a_false_alarm_by_any_pixel():
    values = np.array([[[1, 9, 2]], [[3, 3, 3]]], np.float32)
    assert criterion_scores(values, np.zeros((2, 1, 3), bool), 0.4).tolist() == [9, 3]


def test_the_criterion_follows_the_paper():
    maps, masks = pair(3)
    abnormal = masks.any(axis=(1, 2))
    scores = criterion_scores(maps, masks, 0.4)
    for threshold in np.unique(maps):
        raised = maps >= threshold
        for frame in range(len(maps)):
            share = raised[frame][masks[frame]].mean() if abnormal[frame] else None
            detected = raised[frame].any() if share is None else share >= 0.4
            assert (scores[frame] >= threshold) == detected


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6))
def test_agrees_with_scikit_learn(seed):
    maps, masks = pair(seed)
    got = values_of({"a": maps[:2], "b": maps[2:]}, {"a": masks[:2], "b": masks[2:]})
    assert got["pixelwise-auc"] == pytest.approx(roc_auc_score(masks.ravel(), maps.ravel()))
    truth, scores = masks.any(axis=(1, 2)), criterion_scores(maps, masks, 0.4)
    assert got["pixel-criterion-auc"] == pytest.approx(roc_auc_score(truth, scores))
    false, true, _ = roc_curve(truth, scores)
    assert got["pixel-criterion-eer"] == pytest.approx(np.interp(0, false + true - 1, false))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-50, 50))
def test_only_the_order_of_values_counts(seed, factor, offset):
    maps, masks = pair(seed)
    # Far enough apart to be told apart after any such change.
    before = values_of({"a": maps}, {"a": masks})
    after = values_of({"a": np.exp(maps / 4) * factor}, {"a": masks})
    assert after == pytest.approx(before)
    flipped = values_of({"a": -maps}, {"a": masks})
    assert flipped["pixelwise-auc"] == pytest.approx(1 - before["pixelwise-auc"])


def test_values_finer_than_float16_are_distinguished():
    maps = np.array([[[1.0, 1 + 2**-10]]], np.float32).repeat(2, axis=0)
    masks = np.array([[[0, 1]], [[0, 0]]], bool)
    assert values_of({"a": maps}, {"a": masks})["pixelwise-auc"] == pytest.approx(
        (1 + 2) / 2 / 3 + 1 / 3
    )


def test_coarse_maps_are_resized_around_their_centre():
    masks = np.zeros((2, 8, 8), bool)
    masks[1, 4:, 4:] = True
    maps = np.zeros((2, 2, 2), np.float16)
    maps[1, 1, 1] = 1
    # From cell to cell the map rises by 1/4 a pixel, so the least value within the mask is 5/8 of
    # 5/8, and the highest outside 3/8. Half a pixel off, they would be equal or worse.
    assert values_of({"a": maps}, {"a": masks})["pixelwise-auc"] == 1
    shifted = np.roll(masks, 1, axis=1)
    assert values_of({"a": maps}, {"a": shifted})["pixelwise-auc"] < 0.95


def test_smoothing_is_stated_and_spreads():
    masks = np.zeros((2, 9, 9), bool)
    masks[1, 3:6, 3:6] = True
    maps = np.zeros((2, 9, 9), np.float32)
    maps[1, 4, 4] = 1
    assert values_of({"a": maps}, {"a": masks})["pixel-criterion-auc"] == 0.5
    assert values_of({"a": maps}, {"a": masks}, sigma=1.0)["pixel-criterion-auc"] == 1
    words = PixelAuc(sigma=1.0)({"a": maps}, {"a": masks}, Setting("raw maps"))[0].protocol
    assert words == ProtocolSummary(
        "raw maps", "smoothed over space, sigma 1 pixels, criterion 40%"
    )


def test_frames_without_a_map_are_dropped():
    maps, masks = pair(0)
    holed = maps.copy()
    holed[2:4] = np.nan
    kept = [0, 1, 4, 5]
    assert values_of({"a": holed}, {"a": masks}) == values_of({"a": maps[kept]}, {"a": masks[kept]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, k: ({"b": m}, {"a": k}), "no scores for video 'a'"),
        (lambda m, k: ({"a": m[1:]}, {"a": k}), "'a' has 5 score maps but masks or tracks of 6"),
        (lambda m, k: ({"a": np.where(k, np.inf, m)}, {"a": k}), "frame 1 of video 'a' has values"),
        (lambda m, k: ({"a": m * np.nan}, {"a": k}), "no frame has a score map"),
        (lambda m, k: ({"a": m}, {"a": k & False}), "have no abnormal pixels"),
        (lambda m, k: ({"a": m}, {"a": k | True}), "have some abnormal pixels"),
        (lambda m, k: ({"a": m}, {"a": k[0]}), r"masks have shape \(3, 4\)"),
        (lambda m, k: ({"a": m[0]}, {"a": k}), r"maps have shape \(3, 4\)"),
    ],
)
def test_maps_that_cannot_be_evaluated(change, message):
    with pytest.raises(DataError, match=message):
        PixelAuc()(*change(*pair(0)))
