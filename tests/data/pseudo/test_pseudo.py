"""What every way to make pseudo-anomalies keeps to, and what each of them does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.data import COMPONENTS
from vadkit.data.pseudo.editing import between
from vadkit.data.pseudo.pace import Freeze, Pace
from vadkit.data.pseudo.paste import Glide, Stray
from vadkit.data.pseudo.playback import Playback
from vadkit.data.pseudo.scene import Scene, median_of
from vadkit.data.pseudo.texture import Texture
from vadkit.data.pseudo.vanish import Vanish
from vadkit.registry import build

HEIGHT, WIDTH, FRAMES = 48, 96, 70
# Rows of two walkers, and pixels a frame that they go to the right.
WALKERS = ((6, 1.0), (28, 0.75))


def walking(channels=1, walkers=WALKERS, frames=FRAMES):
    """Striped boxes that walk over noise, from 4 pixels off the left edge on."""
    rng = np.random.default_rng(0)
    ground = rng.integers(90, 110, (HEIGHT, WIDTH, channels))
    video = np.repeat(ground[None], frames, axis=0)
    stripes = np.where(np.arange(14) % 4 < 2, 200, 230)[:, None, None]
    for top, speed in walkers:
        for time in range(frames):
            left = 4 + int(speed * time)
            video[time, top : top + 14, left : left + 8] = stripes
    return video.astype(np.uint8)


@pytest.fixture(scope="module")
def scene():
    frames = walking()
    return Scene(frames, median_of(frames))


@given(
    name=st.sampled_from(sorted(COMPONENTS["pseudo"])),
    which=st.integers(0, 5),
    lead=st.integers(1, 9),
    length=st.integers(1, 14),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_labels_masks_and_the_lead_are_consistent(scene, name, which, lead, length, seed):
    kind = build("pseudo", name, {})
    strength = kind.strengths[which % len(kind.strengths)]
    made = kind(scene, strength, lead, length, np.random.default_rng(seed))
    assert made is not None
    again = kind(scene, strength, lead, length, np.random.default_rng(seed))
    assert np.array_equal(made.frames, again.frames), "a function of its arguments"
    assert np.array_equal(made.masks, again.masks)
    assert made.frames.dtype == np.uint8
    assert made.frames.shape[1:] == scene.frames.shape[1:]
    assert lead < len(made.frames) <= lead + length
    assert made.masks.shape == made.frames.shape[:3]
    assert made.masks.dtype == bool
    assert np.array_equal(made.labels, made.masks.any(axis=(1, 2)))
    assert made.labels.any()
    if name == "stray":
        assert made.labels.all(), "it is there from the first frame on"
        return
    # The lead is the scene's own, frame after frame, and nothing of it is abnormal.
    assert not made.labels[:lead].any()
    starts = [
        first
        for first in range(len(scene.frames) - lead + 1)
        if np.array_equal(scene.frames[first : first + lead], made.frames[:lead])
    ]
    assert starts
    if name == "playback":
        return
    # After it, what differs from the scene is near what is masked, or where the figure was.
    for now, frame in enumerate(made.frames[lead:], starts[0] + lead):
        changed = np.abs(frame.astype(int) - scene.frames[now]).max(axis=2) > 3
        rows = np.flatnonzero(changed.any(axis=1))
        if len(rows):
            assert rows.max() - rows.min() < 14 + 10, "one figure, not both"


@pytest.mark.parametrize("kind", [Playback(), Pace()])
def test_a_control_is_edited_but_not_abnormal(scene, kind):
    made = kind(scene, kind.control, 4, 8, np.random.default_rng(0))
    assert len(made.frames) == 12
    assert not made.labels.any()
    first = made.frames[:1]
    assert not (first == scene.frames).all(axis=(1, 2, 3)).any(), "no frame is left as it was"


def left_edges(made, top):
    """Where the walker of a row begins, by frame."""
    bright = made.frames[:, top + 1 : top + 13, :, 0] > 160
    return [int(np.flatnonzero(row.all(axis=0)).min()) for row in bright]


@pytest.mark.parametrize(("speed", "step"), [(2.0, 2), (-1.0, -1), (4.0, 4)])
def test_playback_continues_from_the_previous_frame(speed, step):
    frames = walking(walkers=[(10, 1.0)])
    made = Playback()(Scene(frames, median_of(frames)), speed, 3, 6, np.random.default_rng(1))
    assert np.diff(left_edges(made, 10)).tolist() == [1, 1] + [step] * 6


def test_frames_between_are_moved_not_mixed():
    frames = walking(walkers=[(10, 2.0)])
    halfway = between(frames, 20.5)[11:23, :, 0]
    assert abs(int(np.flatnonzero((halfway > 160).all(axis=0)).min()) - (4 + 41)) <= 1


@pytest.mark.parametrize(("speed", "step"), [(2.0, 2), (-1.0, -1), (0.0, 0)])
def test_one_walker_changes_its_pace_and_the_other_does_not(speed, step):
    frames = walking(walkers=[(6, 1.0), (28, 0.0)])
    empty = walking(walkers=[])
    made = Pace()(Scene(frames, empty[0]), speed, 3, 8, np.random.default_rng(2))
    assert np.diff(left_edges(made, 6)).tolist() == [1, 1] + [step] * 8
    assert len(set(left_edges(made, 28))) == 1
    assert not made.masks[:, 26:].any()
    inside = made.masks[5]
    assert inside[7:19].any(axis=0).sum() in range(8, 13), "about as wide as the walker"


def test_a_frozen_walker_stays_where_it_was(scene):
    made = Freeze()(scene, 0.0, 3, 10, np.random.default_rng(0))
    masked = made.masks[3:]
    assert (masked == masked[0]).all()


def test_a_gliding_walker_takes_no_step():
    frames = walking(walkers=[(10, 1.0)])
    made = Glide()(Scene(frames, median_of(frames)), 2.0, 3, 8, np.random.default_rng(0))
    edges = left_edges(made, 10)
    assert np.diff(edges[2:]).mean() == pytest.approx(2.0, abs=0.3)


def test_a_stray_walker_is_one_more(scene):
    made = Stray()(scene, 1.0, 3, 8, np.random.default_rng(0))
    before = (scene.frames > 160).sum(axis=(1, 2, 3)).mean()
    assert (made.frames > 160).sum(axis=(1, 2, 3)).mean() > 1.2 * before


def test_vanishing_is_labelled_at_both_ends(scene):
    made = Vanish()(scene, 3, 2, 9, np.random.default_rng(0))
    flags = [False, False] + [True, False, False] * 3
    assert made.labels.tolist() == flags
    bright = (made.frames > 160).sum(axis=(1, 2, 3))
    assert bright[2] < 0.7 * bright[1]
    assert bright[5] > 0.9 * bright[1]


def test_a_texture_goes_where_the_walker_went_and_is_seen(scene):
    made = Texture()(scene, 1.0, 3, 8, np.random.default_rng(0))
    middles = [np.argwhere(mask).mean(axis=0)[1] for mask in made.masks[3:]]
    assert 0.5 < np.diff(middles).mean() < 1.2
    faint = Texture()(scene, 0.25, 3, 8, np.random.default_rng(0))
    assert np.array_equal(made.masks, faint.masks)
    off = [np.abs(one.frames[5].astype(int) - 100)[one.masks[5]].mean() for one in (faint, made)]
    assert off[0] < off[1]


def test_nothing_can_be_made_where_nothing_moves():
    frames = walking(walkers=[])
    still = Scene(frames, median_of(frames))
    for name in COMPONENTS["pseudo"]:
        kind = build("pseudo", name, {})
        made = kind(still, kind.strengths[0], 3, 8, np.random.default_rng(0))
        assert made is None or not made.labels.any()


def test_colour_is_kept():
    frames = walking(channels=3)
    scene = Scene(frames, median_of(frames))
    made = Pace()(scene, 2.0, 3, 8, np.random.default_rng(0))
    assert made.frames.shape[-1] == 3
    assert made.labels[3:].all()
