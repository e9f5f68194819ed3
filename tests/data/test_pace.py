"""The pace of frames: which ones clips contain, and how many steps of training are between."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.pace import Pacer, beats, other_rate, pace_note, paces_of, renumbered, spread


def test_the_trained_rate_changes_nothing():
    found = beats(np.arange(9) / 10, (), 10.0, 10.0)
    assert found.as_trained
    assert found.picked.tolist() == [True] * 9
    # Rates that only rounding separates, and times in milliseconds.
    assert beats(np.arange(300) / 29.97, (), 30.0, 29.97).as_trained
    assert beats((np.arange(300) / 30).round(3), (), 30.0, 30.0).as_trained


@given(st.lists(st.floats(0.02, 0.3), max_size=80), st.sets(st.integers(1, 40), max_size=3))
def test_the_short_way_for_steady_video_gives_what_the_pacer_gives(steps, cuts):
    times = np.cumsum([0.0, *steps])
    cuts = {cut for cut in cuts if cut < len(times)}
    found, pacer = beats(times, cuts, 10.0, 10.0), Pacer(10.0, 10.0)
    each = [pacer.at(time, anew=place in cuts) for place, time in enumerate(times)]
    assert found.picked.tolist() == [one.picked for one in each]
    assert found.since_frame.tolist() == [one.since_frame for one in each]
    assert found.since_pick.tolist() == [one.since_pick for one in each]


@pytest.mark.parametrize("known", [(None, 10.0), (10.0, None)])
def test_an_unknown_rate_changes_nothing(known):
    assert beats(np.arange(9) / 3, (), *known).as_trained


def test_of_twice_the_rate_every_second_frame_is_picked():
    found = beats(np.arange(8) / 20, (), 10.0, 20.0)
    assert found.picked.tolist() == [True, False] * 4
    assert found.since_frame == pytest.approx([1, *[0.5] * 7])
    # From one picked frame to the next, one step passes.
    assert found.since_pick[found.picked].tolist() == [1.0] * 4
    assert not found.as_trained


def test_at_half_the_rate_two_steps_pass_between_frames():
    found = beats(np.arange(5) / 5, (), 10.0, 5.0)
    assert found.picked.all()
    assert found.since_pick == pytest.approx([1, 2, 2, 2, 2])


def test_uneven_ratios_keep_the_trained_rate():
    found = beats(np.arange(251) / 25, (), 10.0, 25.0)
    assert found.picked.sum() == 101
    steps = np.diff(np.flatnonzero(found.picked))
    assert set(steps) == {2, 3}
    assert found.since_pick[found.picked][1:] == pytest.approx(steps / 2.5)


def test_after_a_cut_the_pace_starts_again():
    times = np.array([0.0, 0.05, 0.1, 9.0, 9.05, 9.1])
    found = beats(times, [3], 10.0, 20.0)
    assert found.picked.tolist() == [True, False, True, True, False, True]
    assert found.since_pick[3] == 1


def test_a_rate_that_drops_within_a_file_counts_when_it_lasts():
    times = np.concatenate([np.arange(100) / 10, 10 + np.arange(60) / 2.5])
    found = beats(times, (), 10.0, 10.0)
    assert found.picked.all()
    assert (found.since_pick[:125] == 1).all()
    assert found.since_pick[130:] == pytest.approx(4)


def test_single_times_that_are_inexact_change_nothing():
    jitter = np.random.default_rng(0).uniform(-0.04, 0.04, 200)
    assert beats(np.arange(200) / 10 + jitter, (), 10.0, 10.0).as_trained
    # Frames that arrive in pairs.
    pairs = np.arange(200) // 2 / 5 + np.arange(200) % 2 * 0.001
    assert set(beats(pairs, (), 10.0, 10.0).since_pick) == {1.0}


@pytest.mark.parametrize("stated", [5.0, 1000.0])
def test_a_camera_that_states_a_wrong_rate(stated):
    pacer = Pacer(25.0)
    pacer.expect(stated, sure=False)
    found = [pacer.at(number / 25) for number in range(60)]
    assert [one.since_pick for one in found[10:]] == [1.0] * 50


@given(
    st.lists(st.floats(0.001, 1.0), min_size=1, max_size=60),
    st.floats(0.5, 60),
    st.floats(0.5, 200),
)
def test_no_time_is_lost(steps, clip_fps, fps):
    times = np.cumsum([0.0, *steps])
    found = beats(times, (), clip_fps, fps)
    assert found.picked[0]
    assert len(found.picked) == len(times)
    assert (found.since_frame > 0).all()
    assert (found.since_pick[found.picked] > 0).all()


@given(st.integers(2, 12), st.sampled_from([5.0, 10.0, 12.5, 25.0]), st.integers(1, 40))
def test_whole_ratios_pick_exactly_the_frames_of_training(ratio, clip_fps, frames):
    times = np.arange(frames * ratio) / (clip_fps * ratio)
    found = beats(times, (), clip_fps, clip_fps * ratio)
    assert np.flatnonzero(found.picked).tolist() == list(range(0, frames * ratio, ratio))
    assert (found.since_pick[found.picked] == 1).all()


def test_rows_of_chosen_frames_are_renumbered():
    chosen, place = renumbered(np.array([0, 1, 2, 2, 5, 9]), np.array([1, 2, 5]))
    assert chosen.tolist() == [False, True, True, True, True, False]
    assert place.tolist() == [0, 1, 1, 2]


def test_spread_repeats_the_value_of_the_picked_frame_before():
    picked = np.array([True, False, False, True, True, False])
    assert spread(np.array([5, 6, 7]), picked).tolist() == [5, 5, 5, 6, 7, 7]


def test_paces_of_videos():
    assert paces_of({"a": 10.0, "b": 5.0, "c": 20.0}, 10.0) == {"a": 1.0, "b": 2.0, "c": 0.5}
    assert paces_of({"a": 7.0}, None) == {"a": 1.0}


def test_notes_for_the_user():
    assert pace_note(10.0, 10.4, flow=True) is None
    assert not other_rate(None, 30.0)
    assert "the others get the score before" in (pace_note(10.0, 20.0, flow=True) or "")
    assert "motion is scaled" in (pace_note(10.0, 5.0, flow=True) or "")
    assert "lasts longer than in training" in (pace_note(10.0, 5.0, flow=False) or "")
    assert "lasts shorter than in training" in (pace_note(10.0, 12.0, flow=False) or "")
