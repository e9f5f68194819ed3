"""Clip arithmetic against brute force."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.clips.ranges import scatter_scores, scoring_starts, training_clips
from vadkit.data.videos import ClipSpec


@st.composite
def specs(draw):
    frames = draw(st.integers(1, 8))
    scored = draw(st.sets(st.integers(0, frames - 1), min_size=1).map(sorted))
    return ClipSpec(frames, (8, 8), "gray", tuple(scored), draw(st.integers(1, 3)))


@given(st.lists(st.integers(0, 30), max_size=5), specs())
def test_training_clips_are_all_that_fit(lengths, spec):
    expected = [
        (video, start)
        for video, length in enumerate(lengths)
        for start in range(length)
        if start + (spec.frames - 1) * spec.step < length
    ]
    assert [tuple(row) for row in training_clips(lengths, spec).tolist()] == expected


@given(st.integers(0, 60), specs())
def test_every_frame_that_a_clip_could_score_is_scored(frames, spec):
    starts = scoring_starts(frames, spec)
    assert all(start >= 0 and start + spec.span <= frames for start in starts)
    assert (np.diff(starts) > 0).all()
    possible = {
        start + offset * spec.step
        for start in range(frames - spec.span + 1)
        for offset in spec.scored
    }
    assert {s + offset * spec.step for s in starts.tolist() for offset in spec.scored} == possible


@given(st.integers(0, 40), specs(), st.randoms(use_true_random=False))
def test_scores_land_on_their_frames_and_overlaps_are_averaged(frames, spec, random):
    starts = scoring_starts(frames, spec)
    scores = np.array([[random.random() for _ in spec.scored] for _ in starts])
    scores = scores.reshape(len(starts), len(spec.scored))
    got = scatter_scores(scores, starts, frames, spec)
    found = {}
    for row, start in enumerate(starts):
        for place, offset in enumerate(spec.scored):
            found.setdefault(int(start + offset * spec.step), []).append(scores[row, place])
    for frame in range(frames):
        if frame in found:
            np.testing.assert_allclose(got[frame], np.mean(found[frame]))
        else:
            assert np.isnan(got[frame])


def test_a_reconstruction_scores_each_frame_once_but_for_the_tail():
    spec = ClipSpec(10, (8, 8), "gray", tuple(range(10)))
    assert scoring_starts(35, spec).tolist() == [0, 10, 20, 25]
    assert scoring_starts(30, spec).tolist() == [0, 10, 20]
    assert scoring_starts(9, spec).tolist() == []


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), specs(), st.data())
def test_no_clip_crosses_a_cut_and_all_others_are_there(lengths, spec, data):
    cuts = [
        sorted(data.draw(st.sets(st.integers(1, max(1, length - 1)), max_size=3)))
        if length > 1
        else []
        for length in lengths
    ]
    whole = training_clips(lengths, spec).tolist()
    expected = [
        [video, start]
        for video, start in whole
        if not any(start < cut <= start + spec.span - 1 for cut in cuts[video])
    ]
    assert training_clips(lengths, spec, cuts).tolist() == expected
    for length, own in zip(lengths, cuts, strict=True):
        starts = scoring_starts(length, spec, own)
        edges = [0, *own, length]
        parts = [
            (scoring_starts(stop - first, spec) + first).tolist()
            for first, stop in itertools.pairwise(edges)
        ]
        assert starts.tolist() == list(itertools.chain(*parts))
