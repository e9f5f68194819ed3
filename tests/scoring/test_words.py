"""Scores from captions: clauses against sentences, counts of words, causal averages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.scoring.words import by_features, by_sentences, by_words, clauses, smoothed

KNOWN = {"walk": [1.0, 0, 0], "ride": [0, 1.0, 0], "fight": [0, 0, 1.0], "both": [1.0, 1.0, 0]}


def embed(texts):
    return np.array([KNOWN.get(text, [0.1, 0.1, 0.1]) for text in texts])


def test_the_clause_that_says_it_decides():
    found = by_sentences(
        ["walk, walk. ride", "walk", "", "both; fight"],
        embed(["walk"]),
        embed(["ride", "fight"]),
        embed,
    )
    # A ride is nearer to "ride" by 1; both are as near to "walk" as to "ride".
    assert found.scores[:2] == pytest.approx([1, -1]) and found.scores[3] == pytest.approx(1)
    assert np.isnan(found.scores[2])
    assert found.reasons.tolist() == [0, -1, -1, 1]
    assert clauses(" a, b.c;; d\n") == ["a", "b", "c", "d"]


def test_features_of_frames_are_compared_in_the_same_way():
    rows = np.array([[5.0, 0, 0], [0, 0, 0.1], [0, 0, 0]])
    found = by_features(rows, embed(["walk"]), embed(["ride", "fight"]))
    assert found.scores == pytest.approx([-1, 1, 0])
    assert found.reasons.tolist() == [-1, 1, -1]


def test_words_count_with_endings_and_need_a_majority():
    captions = ["two bikes, a Bike", "carrying a bag", "cars", "a car", "no hitchbiker", ""]
    found = by_words(captions, ["bike", "car"], 1)
    assert found.scores[:5].tolist() == [2, 0, 1, 1, 0] and np.isnan(found.scores[5])
    assert found.reasons.tolist() == [0, -1, 1, 1, -1, -1]
    found = by_words(captions[:5], ["bike", "car"], 3)
    # Two of the last three frames must say a word.
    assert found.scores == pytest.approx([2, 0, 1, 2 / 3, 2 / 3])


@given(st.lists(st.sampled_from(["", "car", "bike bike", "walk"]), min_size=1), st.integers(1, 5))
def test_later_captions_never_matter(captions, majority):
    whole = by_words(captions, ["car", "bike"], majority)
    half = by_words(captions[: len(captions) // 2 + 1], ["car", "bike"], majority)
    np.testing.assert_array_equal(whole.scores[: len(half.scores)], half.scores)
    scores = whole.scores
    np.testing.assert_array_equal(smoothed(scores, 3)[: len(half.scores)], smoothed(half.scores, 3))


def test_an_average_halves_after_its_half_life():
    out = smoothed(np.array([np.nan, 1.0, 0, 0, np.nan]), 2)
    assert np.isnan(out[0]) and out[1:].tolist() == pytest.approx([1, 0.5**0.5, 0.5, 0.5])
    assert smoothed(np.array([1.0, 0]), 0).tolist() == [1, 0]
