"""Features of segments from tracks, against values worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from vadkit.data.objects.tracks import TrackRows
from vadkit.data.segments.video import segment_of_frames
from vadkit.data.videos import Video
from vadkit.errors import DataError
from vadkit.features.segment_people import people_of
from vadkit.features.track_segments import (
    NAMES,
    UNUSUAL,
    TrackSegments,
    TrackSet,
    segment_features,
    with_context,
)
from vadkit.features.unusual_people import UsualPeople

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
    segments = segment_of_frames(3, 50, 16)
    found = segment_features(people_of(rows, segments, SIZE), segments)
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


def test_people_are_compared_with_those_of_other_normal_videos():
    slow = {f"slow-{n}": tracks(walker(1, range(16), (n, 0), (1, 0))) for n in range(7)}
    known = {**slow, "fast": tracks(walker(1, range(16), (3, 0), (6, 0)))}
    normal = [Video(name, "train", Path(name), abnormal=False) for name in slow]
    new = [*normal, Video("fast", "test", Path("fast"))]
    found = TrackSet(known, SIZE, 16).comparing(normal, {}).videos(new, {})
    rows = {one.id: dict(zip(NAMES + UNUSUAL, one.crop(0)[0], strict=True)) for one in found}
    # Of one person, the mean is the maximum.
    for row in rows.values():
        assert row["unusual-motion-mean"] == row["unusual-motion-most"]
    # All slow ones move alike: a distance of 0.
    assert rows["slow-0"]["unusual-motion-most"] == pytest.approx(np.log(1e-3))
    assert rows["fast"]["unusual-motion-most"] > 0
    assert rows["fast"]["unusual-place-most"] > rows["slow-3"]["unusual-place-most"]


def test_the_fifth_nearest_person_of_another_video_counts():
    values = {
        name: np.zeros(1) for name in ("across", "along", "path", "wobble", "speed", "aspect")
    }
    values |= {"height": np.zeros(1), "foot": np.zeros(1)}
    # Two people in each of six videos, at x = 0, 0, 1, 1, ... 5, 5.
    people = {
        str(n): {key: np.repeat(each, 2) for key, each in values.items()} | {"x": np.full(2, n)}
        for n in range(6)
    }
    usual = UsualPeople(people)
    deviation = np.sqrt(35 / 12)
    # Of the others, those at 1, 1, 2, 2 and 3 are the nearest to 0.
    _, shape, _ = usual.unusual({**values, "x": np.zeros(1)}, "0")[0]
    assert shape == pytest.approx(np.log(3 / deviation + 1e-3))
    # A new video has its own people at 0, 0, 1, 1 and 2.
    _, shape, _ = usual.unusual({**values, "x": np.zeros(1)}, "new")[0]
    assert shape == pytest.approx(np.log(2 / deviation + 1e-3))


def test_a_segment_without_people_has_the_means_of_others_if_people_are_compared():
    known = {
        "a": tracks(walker(1, range(16), (0, 0), (1, 0))),
        "b": tracks(walker(1, range(16), (0, 0), (3, 0))),
    }
    normal = [Video(name, "train", Path(name), abnormal=False) for name in known]
    compared = TrackSet(known, SIZE, 16).comparing(normal, {})
    first, second = (one.crop(0) for one in compared.videos(normal, {"a": 32}))
    assert first.shape == (2, len(NAMES + UNUSUAL))
    assert first[1, :2].tolist() == [0, 0]
    np.testing.assert_allclose(first[1, 2:], (first[0, 2:] + second[0, 2:]) / 2, rtol=1e-5)
    nobody = TrackRows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4), np.float32))
    compared = compared._replace(tracks={"c": nobody})
    (third,) = compared.videos([Video("c", "test", Path("c"))], {"c": 16})
    assert np.array_equal(third.crop(0)[0], first[1])


def test_nobody_to_compare_with_is_a_clear_error():
    empty = TrackRows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4), np.float32))
    tracks_of = TrackSet({"a": empty}, SIZE, 16)
    with pytest.raises(DataError, match="have no people to compare with"):
        tracks_of.comparing([Video("a", "train", Path("a"))], {"a": 16})
