"""Presets of protocols: every choice of each, word for word."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from vadkit import registry
from vadkit.errors import RecipeError
from vadkit.evaluation.protocol import Protocol

DEFAULTS = {
    "averaging": "micro",
    "normalisation": "none",
    "smoothing": "none",
    "window": None,
    "parts": (),
    "unscored": "drop",
    "checkpoint": "last",
    "labels": "",
    "steps": "",
    "note": "",
}
BEST_STEP = "the authors report the best training step on the test set, this preset does not"
TRAPEZOID = "; their AP is ap-trapezoid"
PRESETS = {
    "raw": {},
    "custom": {},
    "online": {"smoothing": "causal", "window": 4},
    "offline": {"smoothing": "offline", "window": 4},
    "conv-ae": {"normalisation": "per-video"},
    "ano-pred": {
        "normalisation": "per-video",
        "note": "the authors' code reports the best checkpoint on the test set; this preset does "
        "not",
    },
    "memae": {"normalisation": "per-video"},
    "mnad": {
        "normalisation": "per-video",
        "parts": (("error", 0.6), ("distance", 0.4)),
        "note": "the authors' memory also learns from test video; here only with update_at_test",
    },
    "amc": {
        "normalisation": "per-video",
        "note": "the paper divides by each video's highest score; here the lowest score also "
        "becomes 0",
    },
    "ocae": {"averaging": "macro", "smoothing": "offline", "window": 5},
    "aed-sssmtl": {
        "averaging": "padded-macro",
        "smoothing": "offline",
        "window": 10,
        "note": "the authors filter score maps over space and time; here, sigma 10 replaces that",
    },
    "ai-vad": {
        "smoothing": "offline",
        "window": 3,
        "note": "the authors use a sigma of 3 to 7 frames, depending on the dataset",
    },
    "deep-mil": {
        "unscored": "back-fill",
        "note": "the paper scores 32 equal segments of each video, however long they are",
    },
    "rtfm": {"unscored": "back-fill", "note": BEST_STEP + TRAPEZOID},
    "mgfn": {
        "unscored": "back-fill",
        "note": "the authors report the best epoch on the test set, this preset does not"
        + TRAPEZOID,
    },
    "s3r": {
        "unscored": "back-fill",
        "note": "the authors report the best training step on the test set; this preset does not",
    },
    "ur-dmu": {"unscored": "back-fill", "note": BEST_STEP + TRAPEZOID},
    "pel4vad": {
        "unscored": "back-fill",
        "note": "the authors smooth over a window that differs by data set, this preset does not"
        + TRAPEZOID,
    },
    "bn-wvad": {"unscored": "back-fill", "note": BEST_STEP + TRAPEZOID},
    "vadclip": {
        "unscored": "back-fill",
        "note": "the authors report the best checkpoint on the test set, this preset does not; "
        "their mAP also counts normal videos as a kind",
    },
}


@pytest.mark.parametrize("name", sorted(registry.components("protocols")))
def test_a_preset_makes_these_choices(name):
    expected = {"name": name, **DEFAULTS, **PRESETS[name]}
    assert asdict(registry.build("protocols", name, {})) == expected


def test_a_custom_protocol_takes_every_choice():
    choices = {
        "name": "mine",
        "averaging": "macro",
        "normalisation": "training",
        "smoothing": "causal",
        "window": 2.0,
        "unscored": "lowest",
        "checkpoint": "best-on-test",
    }
    got = asdict(registry.build("protocols", "custom", choices))
    assert got == {**DEFAULTS, **choices}


@pytest.mark.parametrize(
    ("choices", "ending"),
    [
        ({"smoothing": "causal"}, "smoothing 'causal' needs a window (frames)"),
        ({"window": 3.0}, "smoothing 'none' takes no window"),
    ],
)
def test_a_window_and_smoothing_belong_together(choices, ending):
    with pytest.raises(RecipeError) as caught:
        Protocol(name="mine", **choices)
    assert str(caught.value) == f"protocol 'mine': {ending}"
    # The recipe's own scorers replace both.
    assert Protocol(name="mine", steps="ema(halflife=2)", **choices).scoring_words == (
        "ema(halflife=2)"
    )


def test_scorers_and_words_of_each_choice():
    assert Protocol().scorers() == []
    assert Protocol(smoothing="causal", window=2).scorers() == [("ema", {"halflife": 2})]
    both = Protocol(smoothing="offline", window=3, normalisation="per-video")
    assert both.scorers() == [("gaussian", {"sigma": 3}), ("minmax-per-video", {})]
    # Scaling by training scores is not a scorer, because it needs these scores.
    assert Protocol(normalisation="training").scorers() == []
    assert Protocol().words == (
        "custom: not smoothed, not normalised, unscored frames dropped, checkpoint last"
    )
    causal = Protocol(smoothing="causal", window=2, normalisation="training", unscored="lowest")
    assert causal.words == (
        "custom: exponential average, half-life 2 frames, scaled by training scores, unscored "
        "frames lowest, checkpoint last"
    )
    assert causal.foresight == [] and not causal.keeps_unit


def test_what_a_live_system_does_not_have():
    assert Protocol(normalisation="per-video").foresight == [
        "needs each whole test video for its minimum and maximum"
    ]
    assert Protocol(smoothing="offline", window=1).foresight == ["smooths with later frames"]
    assert Protocol(unscored="back-fill").foresight == ["gives frames the scores of later frames"]
    assert Protocol(averaging="macro").foresight == ["uses a separate threshold for each video"]
    assert Protocol(averaging="padded-macro").foresight == [
        "uses a separate threshold for each video",
        "adds two trivially correct frames to each video",
    ]
    assert Protocol(checkpoint="best-on-test").foresight == [
        "chooses the checkpoint with test labels"
    ]
