"""AUC of each kind of anomaly against all normal frames."""

import numpy as np
import pytest

from vadkit.evaluation.category_auc import CategoryAuc
from vadkit.evaluation.frame_auc import FrameAuc
from vadkit.evaluation.metrics import Setting

SCORES = {"a": np.array([1.0, 5.0]), "b": np.array([2.0, 3.0]), "n": np.array([4.0, 0.0])}
LABELS = {"a": np.array([0, 1], bool), "b": np.array([0, 1], bool), "n": np.zeros(2, bool)}


def test_by_hand():
    setting = Setting("raw", categories={"a": "Arson", "b": "Fighting"})
    found = {metric.name: metric.value for metric in CategoryAuc()(SCORES, LABELS, setting)}
    # Normal 1, 2, 4, 0: the 5 is above all four, the 3 above three.
    assert found == {"auc[Arson]": 1.0, "auc[Fighting]": pytest.approx(0.75)}


def test_without_categories_there_are_no_metrics():
    assert CategoryAuc()(SCORES, LABELS) == []
    assert CategoryAuc()(SCORES, LABELS, Setting(categories={"n": "Normal"})) == []


def test_increasing_transforms_and_order_of_videos_do_not_matter():
    setting = Setting("raw", categories={"a": "Arson", "b": "Fighting"})
    before = CategoryAuc()(SCORES, LABELS, setting)
    assert CategoryAuc()({v: np.exp(s) for v, s in SCORES.items()}, LABELS, setting) == before
    turned = {video: SCORES[video] for video in reversed(SCORES)}
    assert CategoryAuc()(turned, LABELS, setting) == before


def test_one_category_of_all_videos_is_the_micro_auc():
    setting = Setting("raw", categories=dict.fromkeys(SCORES, "any"))
    [found] = CategoryAuc()(SCORES, LABELS, setting)
    assert found.value == FrameAuc()(SCORES, LABELS)[0].value
