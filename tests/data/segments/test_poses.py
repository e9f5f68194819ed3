"""Windows of people's poses."""

import numpy as np
import pytest
import torch

from vadkit.data.objects.pose_tracks import PoseRows
from vadkit.data.segments.pose_windows import WindowLoader
from vadkit.data.segments.poses import PERSON, pose_rows, tracks_of, windows_of
from vadkit.data.segments.video import SegmentVideo
from vadkit.errors import DataError


def people(frame, track):
    """Poses whose joints are all at (frame, track), each lower joint one pixel below."""
    points = np.ones((len(frame), 18, 3), np.float32)
    points[:, :, 0] = np.array(frame)[:, None]
    points[:, :, 1] = np.array(track)[:, None] + np.arange(18) * np.array(track)[:, None]
    return PoseRows(np.array(frame, int), np.array(track, int), points)


def video(name, rows, abnormal=False):
    shape = (len(rows), 1, rows.shape[1])
    return SegmentVideo(name, name, shape, lambda crop: rows, len(rows), 1, abnormal)


def test_rows_keep_the_tallest():
    rows = pose_rows(people([0, 0, 2], [1, 7, 1]), 4, 1)
    assert rows.shape == (4, 1 + PERSON)
    assert rows[:, 0].tolist() == [0, 1, 2, 3]
    # Track 7 is the second one and the taller one.
    assert rows[:, 1].tolist() == [2, 0, 1, 0]


def test_stretches_and_windows_by_hand():
    # Track 1 misses frame 2, and then three frames; track 2 has frames 1 to 4.
    frame = [0, 1, 1, 2, 3, 3, 4, 4, 8, 9]
    track = [1, 1, 2, 2, 1, 2, 1, 2, 1, 1]
    tracks = tracks_of(pose_rows(people(frame, track), 12, 3), 2)
    assert tracks.starts.tolist() == [0, 5, 7, 11] and tracks.frames.tolist() == [0, 8, 1]
    # Frame 2 was filled between 1 and 3.
    assert tracks.points[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 8, 9, 1, 2, 3, 4]
    first, frames = windows_of(tracks, 3, 1)
    assert first.tolist() == [0, 1, 2, 7, 8] and frames.tolist() == [0, 1, 2, 1, 2]
    first, frames = windows_of(tracks, 3, 2)
    assert first.tolist() == [0, 2, 7] and frames.tolist() == [0, 2, 1]
    # Without filling, frame 2 ends the first stretch.
    assert tracks_of(pose_rows(people(frame, track), 12, 3), 0).frames.tolist() == [0, 3, 8, 1]


def test_nobody_has_no_window():
    rows = pose_rows(people([], []), 5, 2)
    first, frames = windows_of(tracks_of(rows, 2), 3, 1)
    assert len(first) == len(frames) == 0


def test_the_loader_shows_each_window_once_an_epoch():
    rows = pose_rows(people(np.arange(10), np.full(10, 1)), 10, 2)
    settings = {"length": 4, "stride": 1, "gap": 2, "batch_size": 3, "seed": 5}
    settings["device"] = torch.device("cpu")
    videos = [video("a", rows), video("b", rows, abnormal=True), video("c", rows[:6])]
    loader = WindowLoader(videos, **settings)
    assert loader.clips.tolist() == [[0, n] for n in range(7)] + [[2, n] for n in range(3)]
    assert len(loader) == 4
    epoch = [batch.features[:, :, 0] for batch in loader.batches(1)]
    assert [len(one) for one in epoch] == [3, 3, 3, 1]
    every = torch.cat(epoch)
    assert sorted(every[:, 0].tolist()) == sorted([*range(7), *range(3)])
    assert (every.diff(dim=1) == 1).all()
    # A resumed epoch is the same; another one is not.
    assert next(loader.batches(1, 2)).features[:, 0, 0].equal(epoch[2][:, 0])
    assert not torch.cat([b.features[:, :, 0] for b in loader.batches(2)]).equal(every)
    part = loader.keeping(loader.clips[:, 0] == 2)
    assert len(part) == 1 and len(next(part.batches(0)).features) == 3
    with pytest.raises(DataError, match="no person is tracked for 20 frames in any of 2 normal"):
        WindowLoader(videos, **{**settings, "length": 20})
    with pytest.raises(DataError, match="all 1 training videos are abnormal"):
        WindowLoader(videos[1:2], **settings)
