"""Protocols: what they say, what they do to scores, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit import registry
from vadkit.errors import DataError, RecipeError
from vadkit.evaluation.protocol import Protocol, fill_unscored
from vadkit.recipe import Spec
from vadkit.scoring.ema import Ema
from vadkit.scoring.normal import NormalScores
from vadkit.workflows.build import build_list
from vadkit.workflows.evaluate.protocols import (
    LabelledScores,
    build_protocols,
    default_protocols,
    evaluate_scored,
    final_scores,
)

NAN = math.nan
SCORES = {"a": np.array([NAN, 1.0, 3.0, NAN, 5.0, NAN]), "b": np.array([2.0, 8.0])}
LABELS = {"a": np.array([0, 0, 0, 1, 1, 0], bool), "b": np.array([0, 1], bool)}
NORMAL = NormalScores(1.0, 3.0, 4.0, NAN, NAN, NAN, 100)


def scored(**known):
    return LabelledScores(SCORES, LABELS, "labels.m", **known)


def test_the_words_name_every_choice():
    protocol = Protocol(
        name="mine",
        averaging="macro",
        smoothing="offline",
        window=3,
        normalisation="per-video",
        unscored="back-fill",
        checkpoint="best-on-test",
        labels="ped2.mat",
    )
    assert protocol.words == (
        "mine: Gaussian, sigma 3 frames, per-video min-max, unscored frames back-filled, "
        "checkpoint best-on-test, labels ped2.mat"
    )
    assert protocol.headline == "macro-auc"
    assert len(protocol.foresight) == 5
    assert not protocol.keeps_unit


@pytest.mark.parametrize("name", sorted(registry.components("protocols")))
def test_every_preset_is_called_by_its_name(name):
    protocol = registry.build("protocols", name, {})
    assert protocol.name == name
    assert protocol.words.startswith(f"{name}: ")


def test_only_raw_and_online_are_valid_in_live_use():
    presets = [registry.build("protocols", name, {}) for name in registry.components("protocols")]
    valid = {protocol.name for protocol in presets if not protocol.foresight}
    assert valid == {"custom", "raw", "online"}


@pytest.mark.parametrize(
    "choice", [{"smoothing": "causal"}, {"smoothing": "offline"}, {"window": 3.0}]
)
def test_a_window_without_smoothing_and_the_reverse(choice):
    with pytest.raises(RecipeError, match=r"protocol 'custom': smoothing '\w+' (needs a|takes no)"):
        registry.build("protocols", "custom", choice)


def test_parts_are_scaled_in_each_video_and_then_mixed():
    (mnad,) = build_protocols([Spec(type="mnad")])
    assert "per-video min-max of each part, 0.6 error + 0.4 distance" in mnad.words
    parts = {
        "error": {"a": np.array([NAN, 1.0, 3.0, NAN, 5.0, NAN]), "b": np.array([2.0, 8.0])},
        "distance": {"a": np.array([NAN, 7.0, 7.5, NAN, 6.5, NAN]), "b": np.array([8.0, 8.0])},
    }
    final = final_scores(mnad, scored(parts=parts))
    np.testing.assert_allclose(final["a"], [NAN, 0.2, 0.7, NAN, 0.6, NAN])
    np.testing.assert_allclose(final["b"], [0.0, 0.6])
    # An affine change of a part, such as another unit, changes nothing.
    other = {**parts, "distance": {v: 3 * x - 2 for v, x in parts["distance"].items()}}
    np.testing.assert_allclose(final_scores(mnad, scored(parts=other))["a"], final["a"])


def test_a_protocol_of_parts_needs_them():
    protocols = build_protocols([Spec(type="mnad")])
    only = {"error": SCORES}
    with pytest.raises(DataError, match="have no part 'error' or 'distance'; choose another"):
        final_scores(protocols[0], scored())
    with pytest.raises(DataError, match="have no part 'distance'; choose another"):
        final_scores(protocols[0], scored(parts=only))


def test_scorers_that_scale_each_video_are_not_the_mix_of_parts():
    """The chain of a recipe is left out where a protocol does the same, but a mix does not."""
    chain = build_list("scorers", [Spec(type="minmax-per-video")])
    known = scored(parts={"error": SCORES, "distance": SCORES}, scorers=chain)
    names = [
        result.protocol.name
        for result in evaluate_scored(known, build_protocols([Spec(type="mnad")]), [])
    ]
    assert names == ["mnad", "recipe"]


def test_unscored_frames_by_hand():
    assert fill_unscored(SCORES, "drop") is SCORES
    np.testing.assert_array_equal(fill_unscored(SCORES, "back-fill")["a"], [1, 1, 3, 5, 5, 5])
    np.testing.assert_array_equal(fill_unscored(SCORES, "lowest")["a"], [1, 1, 3, 1, 5, 1])
    assert np.isnan(fill_unscored({"v": np.array([NAN, NAN])}, "lowest")["v"]).all()


@given(st.lists(st.one_of(st.just(NAN), st.floats(-9, 9)), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_filling_keeps_scores_and_adds_no_new_value(values):
    scores = {"v": np.array(values)}
    known = ~np.isnan(scores["v"])
    for how in ("back-fill", "lowest"):
        filled = fill_unscored(scores, how)["v"]
        np.testing.assert_array_equal(filled[known], scores["v"][known])
        assert np.isnan(filled).any() == (not known.any())
        assert set(filled[~np.isnan(filled)]) <= set(scores["v"][known])


def test_each_step_by_hand():
    per_video = final_scores(registry.build("protocols", "ano-pred", {}), scored())
    np.testing.assert_array_equal(per_video["a"], [NAN, 0, 0.5, NAN, 1, NAN])
    training = Protocol(name="t", normalisation="training")
    np.testing.assert_array_equal(
        final_scores(training, scored(normal=NORMAL))["a"], [NAN, 0, 1, NAN, 2, NAN]
    )
    with pytest.raises(
        DataError, match="protocol 't' normalises by training scores, but there are none"
    ):
        final_scores(training, scored())
    # Half of the weight on the newest score of two.
    causal = Protocol(name="c", smoothing="causal", window=1)
    np.testing.assert_allclose(final_scores(causal, scored())["b"], [2, 5])


def test_one_result_per_protocol_and_one_for_the_recipes_scorers():
    own = build_list("scorers", [Spec(type="gaussian", sigma=2)])
    evaluators = build_list("evaluators", [Spec(type="frame-auc"), Spec(type="alarms")])
    results = evaluate_scored(scored(scorers=own, normal=NORMAL), default_protocols(), evaluators)
    assert [one.protocol.name for one in results] == ["raw", "online", "offline", "recipe"]
    assert results[-1].protocol.foresight == ["smooths with later frames"]
    assert results[-1].protocol.words == (
        "recipe: gaussian(sigma=2), unscored frames dropped, checkpoint last, labels labels.m"
    )
    figures = {metric.name: metric for metric in results[0].metrics}
    # Normal 1, 3, 2 against abnormal 5, 8.
    assert figures["micro-auc"].value == 1
    # Both videos alone give the same, so that drawing them says nothing.
    assert np.isnan(figures["micro-auc"].low)
    # 4 parts them all.
    assert (figures["threshold"].value, figures["f1"].value) == (4, 1)
    same = build_list("scorers", [Spec(type="gaussian", sigma=4)])
    names = [
        one.protocol.name
        for one in evaluate_scored(scored(scorers=same), default_protocols(), evaluators)
    ]
    assert names == ["raw", "online", "offline"], "the recipe's scorers do what offline does"


def test_a_causal_scorer_with_another_unit_is_valid_online():
    class Halved(Ema):
        keeps_unit = False
        label = "halved"

    evaluators = build_list("evaluators", [Spec(type="frame-auc")])
    *_, own = evaluate_scored(scored(scorers=[Halved(alpha=0.5)]), default_protocols(), evaluators)
    assert own.protocol.name == "recipe" and own.protocol.foresight == []
    assert not own.protocol.keeps_unit
    minmax = build_list("scorers", [Spec(type="minmax-per-video")])
    *_, own = evaluate_scored(
        scored(scorers=[Halved(alpha=0.5), *minmax]), default_protocols(), evaluators
    )
    assert own.protocol.foresight == ["needs each whole test video for its minimum and maximum"]


def test_no_threshold_if_the_unit_changes():
    evaluators = build_list("evaluators", [Spec(type="alarms")])
    (result,) = evaluate_scored(
        scored(normal=NORMAL), build_protocols([Spec(type="memae")]), evaluators, intervals=False
    )
    assert result.metrics == []
