"""Poses of tracked people from AlphaPose, COCO and archives."""

import json

import numpy as np
import pytest

from vadkit.data.objects.pose_tracks import read_pose_tracks
from vadkit.data.objects.skeleton import EDGES, JOINTS, adjacency, with_neck
from vadkit.errors import DataError


def pose(start):
    """17 joints at (start, start + 1), (start + 2, start + 3), ... with confidence 0.5."""
    places = start + np.arange(34.0).reshape(17, 2)
    return np.column_stack([places, np.full(17, 0.5)])


def test_every_form_gives_the_same(tmp_path):
    poses = {(0, 1): pose(0), (0, 2): pose(50), (3, 1): pose(10)}
    people = [
        {"image_id": f"{frame:03d}.jpg", "idx": track, "keypoints": one.ravel().tolist()}
        for (frame, track), one in poses.items()
    ]
    (tmp_path / "v_alphapose-results.json").write_text(json.dumps(people[::-1]))
    coco = {
        "images": [{"id": 5, "file_name": "v/000.jpg"}, {"id": 6, "file_name": "v/003.jpg"}],
        "annotations": [
            {"image_id": 5 + (frame == 3), "track_id": track, "keypoints": one.ravel().tolist()}
            for (frame, track), one in poses.items()
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    np.savez(
        tmp_path / "t.npz",
        videos=np.array(["other", "v"]),
        video=np.array([1, 1, 1]),
        frame=np.array([0, 0, 3]),
        track=np.array([1, 2, 1]),
        points=np.stack(list(poses.values())),
    )
    for name in ("v_alphapose-results.json", "coco.json", "t.npz"):
        found = read_pose_tracks(tmp_path / name)["v"]
        assert found.frame.tolist() == [0, 0, 3] and found.track.tolist() == [1, 2, 1], name
        expected = with_neck(np.stack(list(poses.values())))
        np.testing.assert_allclose(found.points, expected)
    assert len(read_pose_tracks(tmp_path / "t.npz")["other"]) == 0


def test_the_neck_is_between_the_shoulders():
    points = pose(0)
    points[6, 2] = 0.1
    found = with_neck(points[None])[0]
    # COCO's left shoulder is number 5, and its right one number 6.
    assert found[1].tolist() == [11, 12, 0.1]
    assert found[2].tolist() == [12, 13, 0.1] and found[5].tolist() == [10, 11, 0.5]
    assert found[10].tolist() == points[16].tolist() and found[13].tolist() == points[15].tolist()


def test_a_joint_that_is_not_seen_is_in_the_middle(tmp_path):
    seen = np.zeros((18, 3))
    seen[[0, 1]] = [[10, 20, 1], [30, 60, 0.5]]
    people = [
        {"image_id": 0, "idx": 1, "keypoints": seen.ravel().tolist()},
        {"image_id": 1, "idx": 1, "keypoints": [0.0] * 54},
    ]
    (tmp_path / "v.json").write_text(json.dumps(people))
    found = read_pose_tracks(tmp_path / "v.json")["v"]
    assert found.frame.tolist() == [0]
    assert found.points[0, 5].tolist() == [20, 40, 0]


def test_near_joints_have_equal_weights():
    assert len(EDGES) == JOINTS - 1
    one = adjacency(1)
    np.testing.assert_allclose(one.sum(axis=0), 1, rtol=1e-6)
    # The right wrist (4) has only the elbow (3) next to it.
    assert np.flatnonzero(one[:, 4]).tolist() == [3, 4] and one[3, 4] == 0.5
    # Eight steps reach every joint.
    assert (adjacency(8) > 0).all()


@pytest.mark.parametrize(
    ("people", "message"),
    [
        ([{"image_id": 0, "keypoints": [1.0] * 51}], "no 'track_id' or 'idx'; track people first"),
        ([{"image_id": 0, "idx": 1, "keypoints": [1.0] * 50}], "50 numbers of key points"),
        ([{"image_id": 0, "idx": 1, "keypoints": [1.0] * 99}], "33 key points; expected 17 .COCO"),
        ([{"image_id": 0, "idx": 1, "box": [0, 0, 1, 1]}], "no 'keypoints'"),
        ([{"image_id": 0, "idx": 1, "keypoints": [1.0] * 51}] * 2, "two poses in frame 0"),
        ([{"image_id": -1, "idx": 1, "keypoints": [1.0] * 51}], "frame below 0"),
        ([{"image_id": 10**15, "idx": 1, "keypoints": [1.0] * 51}], "out of range"),
        ([{"image_id": 0, "idx": 10**400, "keypoints": [1.0] * 51}], "int too large"),
        ([{"image_id": 0, "idx": 1, "keypoints": [1e300] * 51}], "not finite, or too large"),
    ],
)
def test_wrong_poses_are_named(people, message, tmp_path):
    (tmp_path / "v.json").write_text(json.dumps(people))
    with pytest.raises(DataError, match=message):
        read_pose_tracks(tmp_path / "v.json")


def test_archives_and_paths_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "t.npz", videos=np.array(["v"]), video=np.array([0]))
    with pytest.raises(DataError, match=r"has no array 'frame'"):
        read_pose_tracks(tmp_path / "t.npz")
    good = {"video": np.array([1]), "frame": np.array([0]), "track": np.array([1])}
    np.savez(tmp_path / "t.npz", videos=np.array(["v"]), points=np.zeros((1, 17, 2)), **good)
    with pytest.raises(DataError, match=r"'points' is float64 \(1, 17, 2\); expected numbers"):
        read_pose_tracks(tmp_path / "t.npz")
    np.savez(tmp_path / "t.npz", videos=np.array(["v"]), points=np.zeros((1, 17, 3)), **good)
    with pytest.raises(DataError, match="'video' reaches 1, but it names 1"):
        read_pose_tracks(tmp_path / "t.npz")
    with pytest.raises(DataError, match="poses not found"):
        read_pose_tracks(tmp_path / "no.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="contains no poses"):
        read_pose_tracks(tmp_path / "empty")
