"""RBDC and TBDC from scored boxes: by hand, by a plain loop, and by the public script's figures."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.detections import read_detections
from vadkit.data.labels.tracks import tracks_of
from vadkit.errors import DataError
from vadkit.evaluation.region_detection import RegionDetection
from vadkit.evaluation.regions import Tracks, Truth, truth_of_masks, truth_of_tracks

NONE = Truth(np.empty(0, int), np.empty(0, int), np.empty((0, 4)))


def truth(*rows):
    """Rows of frame, track, x1, y1, x2, y2."""
    table = np.array(rows, float).reshape(-1, 6)
    return Truth(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:])


def values(detections, truths, frames, **params):
    metrics = RegionDetection(**params).of_detections(detections, truths, frames)
    return {metric.name: metric.value for metric in metrics}


@pytest.mark.real_data
def test_the_figures_of_the_public_script(real_data):
    folder = real_data.parent / "cases" / "regions"
    if not folder.is_dir():
        pytest.skip("no cases next to the data")
    wanted = json.loads((folder / "expected.json").read_text())
    found = read_detections(folder / "detections")
    truths = {}
    for video in found:
        objects = [(one.frames, one.boxes) for one in tracks_of(folder / f"tracks/{video}.txt")]
        truths[video] = truth_of_tracks(Tracks((240, 360), objects))
    got = values(found, truths, dict.fromkeys(found, wanted["frames"] // len(found)))
    assert got["rbdc"] == pytest.approx(wanted["rbdc"], abs=1e-9)
    assert got["tbdc"] == pytest.approx(wanted["tbdc"], abs=1e-9)
    assert (got["regions"], got["tracks"], got["detections"]) == (132, 9, 295)


def test_by_hand():
    # One track in frames 0 and 1, of 10x10 pixels. Four frames.
    known = truth((0, 7, 0, 0, 9, 9), (1, 7, 0, 0, 9, 9))
    rows = np.array(
        [
            [0, 0, 0, 9, 9, 5.0],  # finds the region of frame 0: 1/2; the track: 1
            [0, 0, 0, 9, 9, 4.5],  # meets a region that was found before: not false
            [2, 0, 0, 9, 9, 4.0],  # false: 1/4
            [1, 9, 9, 18, 18, 3.0],  # shares one pixel of 199 with the region: false, 2/4
            [1, 0, 0, 9, 0, 2.0],  # 10 of 100 pixels are just enough: 2/2
        ]
    )
    got = values({"a": rows}, {"a": known}, {"a": 4})
    assert got["rbdc"] == pytest.approx(0.5 * 0.5 + 0.5 * 1)
    assert got["tbdc"] == 1
    # Half of the regions of the track are needed, then more than half.
    assert values({"a": rows}, {"a": known}, {"a": 4}, alpha=0.5)["tbdc"] == 1
    assert values({"a": rows}, {"a": known}, {"a": 4}, alpha=0.51)["tbdc"] == 0.5


def test_one_false_detection_per_frame_ends_the_curve():
    known = truth((0, 0, 0, 0, 9, 9))
    false = [[0, 50, 50, 59, 59, 9.0 - n] for n in range(3)]
    got = values({"a": np.array([*false, [0, 0, 0, 9, 9, 1.0]])}, {"a": known}, {"a": 2})
    assert got["rbdc"] == got["tbdc"] == 0


def test_equal_scores_are_one_point():
    known = truth((0, 0, 0, 0, 9, 9))
    rows = np.array([[1, 0, 0, 9, 9, 1.0], [0, 0, 0, 9, 9, 1.0]])
    for order in ([0, 1], [1, 0]):
        got = values({"a": rows[order]}, {"a": known}, {"a": 2})
        # From (0, 0) to (1/2, 1), then level.
        assert got["rbdc"] == 0.25 + 0.5


def test_masks_become_boxes_and_tracks():
    masks = np.zeros((3, 6, 8), bool)
    masks[1:, 2:4, 3:7] = True
    found = truth_of_masks(masks)
    assert found.frame.tolist() == [1, 2] and found.track.tolist() == [0, 0]
    assert found.xyxy.tolist() == [[3, 2, 6, 3]] * 2


def test_the_protocol_says_which():
    known = truth((0, 0, 0, 0, 9, 9))
    rows = np.array([[0, 0, 0, 9, 9, 1.0]])
    metrics = RegionDetection().of_detections(
        {"a": rows}, {"a": known, "b": NONE}, {"a": 1, "b": 9}
    )
    assert "from detections, alpha 0.1, beta 0.1" in str(metrics[0].protocol)
    assert [metric.value for metric in metrics[:2]] == [1, 1]


def test_what_cannot_be_compared():
    known, rows = truth((0, 0, 0, 0, 9, 9)), np.array([[4, 0, 0, 9, 9, 1.0]])
    with pytest.raises(DataError, match="'b', which has no labels"):
        values({"b": rows}, {"a": known}, {"a": 9})
    with pytest.raises(DataError, match="'a' has 4 frames, but detections in frame 4"):
        values({"a": rows}, {"a": known}, {"a": 4})
    with pytest.raises(DataError, match="no abnormal region"):
        values({"a": rows}, {"a": NONE}, {"a": 9})


def by_a_loop(detections, known, frames, alpha, beta):
    """The steps as they are published, one detection at a time."""

    def overlap(p, q):
        sides = [min(p[n + 2], q[n + 2]) - max(p[n], q[n]) + 1 for n in (0, 1)]
        shared = max(sides[0], 0) * max(sides[1], 0)
        areas = [max(r[2] - r[0] + 1, 0) * max(r[3] - r[1] + 1, 0) for r in (p, q)]
        return shared / (sum(areas) - shared)

    total = {track: (known.track == track).sum() for track in known.track}
    found, tracks, points, false = set(), {}, [(0.0, 0.0, 0.0)], 0
    for row in sorted(detections.tolist(), key=lambda row: -row[5]):
        met = [
            n
            for n, box in enumerate(known.xyxy)
            if known.frame[n] == row[0] and overlap(row[1:5], box) >= beta
        ]
        false += not met
        for n in set(met) - found:
            found.add(n)
            tracks[known.track[n]] = tracks.get(known.track[n], 0) + 1
        enough = sum(count >= alpha * total[track] for track, count in tracks.items())
        points.append((false / frames, len(found) / len(known.frame), enough / len(total)))
    kept = np.array([point for point in points if point[0] <= 1])
    kept = np.vstack([kept, [1, *kept[-1, 1:]]])
    return [float(np.trapezoid(kept[:, n], kept[:, 0])) for n in (1, 2)]


ANY = st.tuples(*[st.integers(0, 6)] * 4)
BOXES = ANY.map(lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])))
FRAMES = st.integers(0, 3)


@given(
    st.lists(st.tuples(FRAMES, st.one_of(BOXES, ANY)), max_size=12),
    st.lists(st.tuples(FRAMES, st.integers(0, 2), BOXES), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_equal_to_a_plain_loop(boxes, regions, random):
    scores = list(range(len(boxes)))
    random.shuffle(scores)
    rows = [(frame, *box, score) for (frame, box), score in zip(boxes, scores, strict=True)]
    detections = np.array(rows, float).reshape(-1, 6)
    known = truth(*[(frame, track, *box) for frame, track, box in regions])
    # Shares that no fraction of such small numbers equals, because rounding would decide.
    got = values({"a": detections}, {"a": known}, {"a": 4}, alpha=0.37, beta=0.137)
    wanted = by_a_loop(detections, known, 4, 0.37, 0.137)
    assert [got["rbdc"], got["tbdc"]] == pytest.approx(wanted, abs=1e-12)
