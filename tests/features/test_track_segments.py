"""Features of segments from tracks, against values worked out by hand."""

import numpy as np
import pytest

from vadkit.data.objects.tracks import TrackRows
from vadkit.data.segments.video import segment_of_frames
from vadkit.data.videos import Video
from vadkit.errors import DataError
from vadkit.features.track_segments import (
    NAMES,
    TrackSegments,
    TrackSet,
    people_of,
    segment_features,
    with_context,
)

SIZE = (100, 200)


def walker(track, frames, start, step, width=10, height=20):
    """The rows (n, 6) of one track that moves by ``step`` (x, y) a frame."""
    frames = np.asarray(frames)
    corner = np.asarray(start) + np.outer(frames - frames[0], step)
    box = np.hstack([corner, corner + np.array([width, height])])
    return np.column_stack([frames, np.full(len(frames), track), box])


def tracks(*walkers):
    rows = np.concatenate(walkers)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return TrackRows(rows[:, 0].astype(int), rows[:, 1].astype(int), rows[:, 2:].astype(np.float32))


def test_what_each_track_does():
    rows = tracks(
        walker(3, range(16), (0, 0), (4, 0)),
        walker(5, range(16), (0, 60), (0, 2), width=40),
        # Too short to have a speed.
        walker(9, range(3), (150, 0), (0, 0)),
    )
    people = people_of(rows, np.zeros(16, int), SIZE)
    assert people.segment.tolist() == [0, 0]
    values = {name: each.tolist() for name, each in people.values.items()}
    assert values["across"] == pytest.approx([0.2, 0])
    assert values["along"] == pytest.approx([0, 0.1])
    assert values["speed"] == pytest.approx([0.2, 0.1])
    assert values["path"] == pytest.approx([0.2, 0.1])
    assert values["aspect"] == pytest.approx([0.5, 2])
    assert values["wobble"] == pytest.approx([0, 0], abs=1e-6)
    assert values["height"] == pytest.approx([0.2, 0.2])
    assert values["x"] == pytest.approx([(5 + 30) / 200, 20 / 200])
    assert values["foot"] == pytest.approx([0.2, (80 + 15) / 100])


def test_a_person_who_walks_to_and_fro_has_a_path_but_little_speed():
    there = walker(1, range(8), (0, 0), (4, 0))
    back = walker(1, range(8, 16), (28, 0), (-4, 0))
    people = people_of(tracks(there, back), np.zeros(16, int), SIZE)
    assert people.values["speed"][0] < 0.02 < 0.15 < people.values["path"][0]


def test_features_of_segments():
    rows = tracks(walker(1, range(32), (0, 0), (1, 0)), walker(2, range(16), (30, 0), (3, 0)))
    found = segment_features(rows, segment_of_frames(3, 50, 16), SIZE)
    assert found.shape == (3, len(NAMES)) and found.dtype == np.float32
    first, second, third = (dict(zip(NAMES, row, strict=True)) for row in found)
    assert (first["people"], first["tracks"]) == (2, 2)
    assert (second["people"], second["tracks"]) == (1, 1)
    assert first["speed-most"] == pytest.approx(np.log1p(15))
    assert first["speed-least"] == pytest.approx(np.log1p(5))
    assert first["fastest-x"] == pytest.approx((35 + 22.5) / 200)
    # Centres 30 apart at first and 60 at the end, in heights of 20.
    assert first["near-mean"] == pytest.approx((1.5 + 3) / 2)
    assert second["near-mean"] == 5
    assert not any(third.values())


def test_context_adds_means_and_maxima_of_neighbours():
    features = np.array([[1.0], [4.0], [2.0], [0.0]], np.float32)
    found = with_context(features, 1)
    np.testing.assert_allclose(
        found, [[1, 2, 4], [4, 7 / 3, 4], [2, 2, 4], [0, 2 / 3, 2]], rtol=1e-6
    )
    assert found.dtype == np.float32
    assert with_context(features, 0) is features
    # A video shorter than the context.
    assert with_context(features[:1], 3).tolist() == [[1, 1, 1]]


def test_a_set_of_tracks_gives_segments_of_videos(tmp_path):
    row = walker(1, range(1, 41), (0, 0), (1, 0))
    mot = row.copy()
    mot[:, 4:] -= mot[:, 2:4]
    mot[:, 0] += 1
    np.savetxt(tmp_path / "a.txt", mot, delimiter=",")
    extractor = TrackSegments(files=[tmp_path], size=SIZE)
    video = Video("a", "test", tmp_path, abnormal=True, category="run")
    (found,) = extractor.open().videos([video], {"a": 49})
    assert found.shape == (3, 1, 3 * len(NAMES)) and len(found) == 49
    assert (found.abnormal, found.category) == (True, "run")
    assert found.crop(0)[:, NAMES.index("tracks")].tolist() == [1, 1, 1]
    (found,) = extractor.open().videos([video], {})
    assert len(found) == 41
    with pytest.raises(DataError, match="reach frame 40, but it has 30 frames"):
        extractor.open().videos([video], {"a": 30})
    with pytest.raises(DataError, match="no tracks of video 'b'; there are those of a"):
        extractor.open().videos([Video("b", "test", tmp_path)], {})


def test_a_video_without_people_has_features_of_zeros(tmp_path):
    empty = TrackRows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4), np.float32))
    (found,) = TrackSet({"a": empty}, SIZE, 16).videos(
        [Video("x/a", "test", tmp_path)], {"x/a": 40}
    )
    assert found.shape == (2, 1, len(NAMES)) and not found.crop(0).any()
