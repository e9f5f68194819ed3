"""Scorers: values worked out by hand, gaps, and what holds for any scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit import registry
from vadkit.arrays import runs
from vadkit.errors import DataError, RecipeError
from vadkit.scoring.ema import Ema
from vadkit.scoring.gaussian import Gaussian
from vadkit.scoring.minmax import MinMaxPerVideo
from vadkit.scoring.scorer import apply, chain_keeps_unit, chain_label, stream_chain

NAN = math.nan
SCORERS = [Gaussian(sigma=1.5), Ema(alpha=0.3), MinMaxPerVideo()]
score_lists = st.lists(st.floats(-1e6, 1e6) | st.just(NAN), max_size=40)


def one(scorer, values):
    return scorer({"v": np.array(values, dtype=float)})["v"]


def test_registry_builds_every_scorer_with_its_parameters():
    assert registry.build("scorers", "gaussian", {"sigma": 2}).label == "gaussian(sigma=2)"
    assert registry.build("scorers", "ema", {"halflife": 4}).label == "ema(halflife=4)"
    assert registry.build("scorers", "minmax-per-video", {}).label == "minmax-per-video"
    with pytest.raises(ValueError, match="greater than 0"):
        registry.build("scorers", "gaussian", {"sigma": 0})
    with pytest.raises(ValueError, match="less than or equal to 1"):
        registry.build("scorers", "ema", {"alpha": 1.5})


def test_gaussian_spreads_an_impulse_by_the_normal_curve():
    values = np.zeros(81)
    values[40] = 1
    weights = np.exp(-(np.arange(-12, 13) ** 2) / (2 * 3.0**2))  # 4 sigma to each side
    expected = np.zeros(81)
    expected[28:53] = weights / weights.sum()
    np.testing.assert_allclose(one(Gaussian(sigma=3), values), expected, atol=1e-12)


def test_gaussian_normalises_its_cut_window_at_the_ends():
    w1, w2 = math.exp(-0.5), math.exp(-2.0)
    got = one(Gaussian(sigma=1), [1, 0, 0])
    np.testing.assert_allclose(got[0], 1 / (1 + w1 + w2))
    np.testing.assert_allclose(got[1], w1 / (1 + 2 * w1))


def test_gaussian_smooths_each_run_of_scored_frames_separately():
    got = one(Gaussian(sigma=2), [NAN, 1, 5, NAN, 100, 200, NAN])
    np.testing.assert_array_equal(np.isnan(got), [1, 0, 0, 1, 0, 0, 1])
    np.testing.assert_allclose(got[1:3], one(Gaussian(sigma=2), [1, 5]))
    np.testing.assert_allclose(got[4:6], one(Gaussian(sigma=2), [100, 200]))


def test_runs():
    assert runs(np.array([1, 1, 0, 1], bool)) == [(0, 2), (3, 4)]
    assert runs(np.zeros(3, bool)) == runs(np.zeros(0, bool)) == []


def test_ema_by_hand_and_its_halflife():
    np.testing.assert_allclose(one(Ema(alpha=0.5), [4, 0, 2]), [4, 2, 2])
    impulse = one(Ema(halflife=3), [8, 0, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(impulse[[3, 6]], [4, 2])


def test_ema_fades_through_a_gap_as_time_passes():
    # Two unscored frames: the old average weighs 0.5^3 at the next score.
    got = one(Ema(alpha=0.5), [NAN, 8, NAN, NAN, 0])
    np.testing.assert_allclose(got, [NAN, 8, NAN, NAN, 1])


def test_ema_stream_gives_the_same_as_the_whole_video():
    values = [NAN, 1.0, 3.0, NAN, 2.0]
    ema = Ema(halflife=2)
    step = ema.stream()
    np.testing.assert_array_equal([step(v) for v in values], one(ema, values))


@pytest.mark.parametrize("given_", [{}, {"alpha": 0.5, "halflife": 3.0}])
def test_ema_needs_one_of_its_two_parameters(given_):
    with pytest.raises(RecipeError) as caught:
        Ema(**given_)
    assert str(caught.value) == (
        "scorer 'ema' takes either 'alpha' or 'halflife' (frames); got "
        + ("both" if given_ else "none")
    )


def test_gaussians_substitute_damps_noise_as_much():
    import yaml

    noise = {"v": np.random.default_rng(0).normal(size=50_000)}
    entry = yaml.safe_load(Gaussian(sigma=3).substitute)
    substitute = registry.build("scorers", entry.pop("type"), entry)
    assert substitute.causal
    assert substitute(noise)["v"].std() == pytest.approx(Gaussian(sigma=3)(noise)["v"].std(), 0.05)
    yaml.safe_load(Gaussian(sigma=0.2).substitute)


def test_minmax_by_hand():
    np.testing.assert_allclose(one(MinMaxPerVideo(), [2, NAN, 4, 3]), [0, NAN, 1, 0.5])
    np.testing.assert_array_equal(one(MinMaxPerVideo(), [NAN, NAN]), [NAN, NAN])


def test_minmax_of_a_constant_video_is_zero_even_after_smoothing():
    np.testing.assert_array_equal(one(MinMaxPerVideo(), [7, 7, NAN]), [0, 0, NAN])
    constant = {"v": np.full(200, 0.1)}
    final = apply([Gaussian(sigma=3), MinMaxPerVideo()], constant)["v"]
    np.testing.assert_array_equal(final, np.zeros(200))


def test_videos_do_not_affect_each_other():
    final = MinMaxPerVideo()({"a": np.array([0.0, 1.0]), "b": np.array([10.0, 30.0])})
    np.testing.assert_array_equal(final["b"], [0, 1])
    np.testing.assert_array_equal(final["a"], [0, 1])


def test_apply_runs_in_order_and_does_not_change_its_input():
    raw = {"v": np.array([0.0, 4.0, 8.0], dtype=np.float32)}
    final = apply([MinMaxPerVideo(), Ema(alpha=0.5)], raw)
    np.testing.assert_allclose(final["v"], [0, 0.25, 0.625])
    np.testing.assert_array_equal(raw["v"], [0, 4, 8])
    copied = apply([], raw)["v"]
    assert copied.dtype == np.float64
    assert copied is not raw["v"]


def test_apply_refuses_input_that_is_not_one_score_per_frame():
    with pytest.raises(DataError, match=r"'b' are infinite on 1 frame\(s\), first on frame 1"):
        apply([], {"b": np.array([0, math.inf])})
    with pytest.raises(DataError, match=r"video 'b' have shape \(2, 2\)"):
        apply([], {"b": np.zeros((2, 2))})


def test_chain_label():
    assert chain_label([]) == "raw"
    chain = [Gaussian(sigma=3), MinMaxPerVideo()]
    assert chain_label(chain) == "gaussian(sigma=3) > minmax-per-video"
    assert not chain_keeps_unit(chain)
    assert chain_keeps_unit([Gaussian(), Ema(alpha=0.25)])


@settings(deadline=None)
@given(values=score_lists, which=st.sampled_from(SCORERS))
def test_nan_stays_nan_and_scores_stay_in_range(values, which):
    got = one(which, values)
    scored = ~np.isnan(np.array(values, dtype=float))
    np.testing.assert_array_equal(~np.isnan(got), scored)
    if scored.any():
        inside = np.array(values)[scored]
        low, high = (inside.min(), inside.max()) if which.keeps_unit else (0.0, 1.0)
        slack = 1e-9 * max(1, abs(low), abs(high))
        assert low - slack <= got[scored].min()
        assert got[scored].max() <= high + slack


@settings(deadline=None)
@given(values=score_lists, cut=st.integers(0, 40), which=st.sampled_from(SCORERS))
def test_a_causal_scorer_never_looks_ahead(values, cut, which):
    if which.causal:
        np.testing.assert_array_equal(one(which, values)[:cut], one(which, values[:cut]))


def test_a_stream_runs_through_the_whole_chain():
    step = stream_chain([Ema(alpha=0.5), Ema(alpha=0.5)])
    # 8 after 0: 4 in the first average, 2 in the second.
    assert [step(0.0), step(8.0)] == [0, 2]
    assert math.isnan(step(NAN))
    with pytest.raises(DataError) as caught:
        step(-math.inf)
    assert str(caught.value) == "a score is infinite; give NaN to frames without a score"
    assert stream_chain([])(3.0) == 3


def test_a_stream_cannot_use_a_scorer_that_looks_ahead():
    with pytest.raises(RecipeError) as caught:
        stream_chain([Ema(alpha=0.5), MinMaxPerVideo()])
    assert str(caught.value) == (
        "scorers: minmax-per-video uses future frames, which live video does not have; use "
        "scorers: [{type: ema, halflife: 4}] instead, which smooths with past frames only"
    )
    with pytest.raises(RecipeError, match=r"gaussian\(sigma=3\) uses .* \[\{type: ema, halflife: "):
        stream_chain([Gaussian(sigma=3)])


def test_a_stream_cannot_use_a_causal_scorer_without_a_stream():
    class Batch(Ema):
        stream = None

    with pytest.raises(RecipeError) as caught:
        stream_chain([Batch(alpha=0.5)])
    assert str(caught.value) == (
        "scorers: ema(alpha=0.5) is causal but has no stream(), which live video needs; see "
        "vadkit.scoring.scorer"
    )
