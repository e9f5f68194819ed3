"""Boxes linked to tracks: by overlap, over gaps, and past each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.objects.linking import averaged, link_boxes, overlaps
from vadkit.data.objects.tracks import read_tracks


def moving(x, y, speed, frames, side=10.0):
    """A square that moves to the right: rows of frame, x1, y1, x2, y2."""
    left = x + speed * frames
    rows = [frames, left, np.full(len(frames), y), left + side, np.full(len(frames), y + side)]
    return np.stack(rows, axis=1)


def linked(*objects, **settings):
    """The track of each row, by object."""
    rows = np.concatenate(objects)
    owner = np.repeat(np.arange(len(objects)), [len(one) for one in objects])
    order = np.argsort(rows[:, 0], kind="stable")
    found = link_boxes(rows[order, 0].astype(int), rows[order, 1:], **settings)
    return [found[owner[order] == number].tolist() for number in range(len(objects))]


def test_overlaps_by_hand():
    boxes = np.array([[0, 0, 4, 4], [2, 0, 6, 4], [9, 9, 9, 9]], float)
    assert overlaps(boxes[:1], boxes).tolist() == [[1, pytest.approx(8 / 24), 0]]


def test_two_objects():
    frames = np.arange(20.0)
    assert linked(moving(0, 0, 2, frames), moving(0, 50, -1, frames)) == [[0] * 20, [1] * 20]


def test_a_fast_object_is_expected_ahead():
    # After a slow start, it moves by its own width: no box overlaps the one before.
    slow = moving(0, 0, 6, np.arange(3.0))
    fast = moving(-14, 0, 12, np.arange(3.0, 8.0))
    assert linked(np.concatenate([slow, fast]), overlap=0.2) == [[0] * 8]


def test_objects_that_cross_keep_their_numbers():
    frames = np.arange(30.0)
    found = linked(moving(0, 0, 3, frames), moving(87, 2, -3, frames))
    assert found == [[0] * 30, [1] * 30]


@pytest.mark.parametrize(("gap", "tracks"), [(10, [0]), (11, [0, 1])])
def test_a_gap(gap, tracks):
    frames = np.r_[np.arange(5.0), np.arange(5.0 + gap, 10.0 + gap)]
    (found,) = linked(moving(0, 0, 1, frames), patience=10)
    assert sorted(set(found)) == tracks


def test_scores_averaged_along_tracks():
    # The first track misses frame 2; the second one has a single box.
    frame, track = np.array([0, 1, 1, 3]), np.array([0, 0, 1, 0])
    found = averaged(frame, track, np.array([4.0, 1.0, 7.0, 0.0]), 0.5)
    second = (0.5 * 4 + 1) / 1.5
    last = (0.125 * 4 + 0.25 * 1 + 0) / (0.125 + 0.25 + 1)
    assert found.tolist() == pytest.approx([4, second, 7, last])
    assert averaged(frame, track, np.arange(4.0), 0).tolist() == [0, 1, 2, 3]


def test_linked_boxes_are_a_file_of_tracks(tmp_path):
    # As in docs/tracks.md: boxes of a detector, in any order within a frame.
    frames = np.arange(4.0)
    rows = np.concatenate([moving(87, 2, -3, frames), moving(0, 0, 3, frames)])
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    frame, xyxy = rows[:, 0].astype(int), rows[:, 1:]
    videos = np.zeros(len(frame), int)
    tracks = link_boxes(frame, xyxy)
    file = tmp_path / "tracks.npz"
    np.savez(file, videos=["door"], video=videos, frame=frame, track=tracks, xyxy=xyxy)
    found = read_tracks(file)["door"]
    for number, x in enumerate(([87, 84, 81, 78], [0, 3, 6, 9])):
        assert found.xyxy[found.track == number, 0].tolist() == x


def test_no_boxes():
    assert link_boxes(np.empty(0, int), np.empty((0, 4))).shape == (0,)


@given(st.lists(st.tuples(st.integers(0, 5), *[st.integers(0, 9)] * 2), max_size=30))
def test_a_track_has_one_box_a_frame(rows):
    rows = sorted(rows)
    frame = np.array([row[0] for row in rows], int)
    corner = np.array([row[1:] for row in rows], float).reshape(-1, 2)
    found = link_boxes(frame, np.hstack([corner, corner + 3]))
    assert len(set(zip(frame.tolist(), found.tolist(), strict=True))) == len(rows)
    assert set(found.tolist()) == set(range(len(set(found.tolist()))))
