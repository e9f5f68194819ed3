"""Tracks from MOT text, archives, AlphaPose and COCO."""

import json

import numpy as np
import pytest

from vadkit.data.objects.tracks import read_tracks
from vadkit.errors import DataError


def rows(found):
    return np.column_stack([found.frame, found.track, found.xyxy]).tolist()


EXPECTED = [[0, 1, 10, 20, 14, 32], [0, 2, 0, 0, 5, 5], [3, 1, 11, 20, 15, 32]]


def test_every_form_gives_the_same(tmp_path):
    (tmp_path / "mot" / "v" / "gt").mkdir(parents=True)
    text = "4,1,11,20,4,12,1,-1,-1,-1\n1,1,10,20,4,12,1,-1,-1,-1\n1,2,0,0,5,5,0.5,-1,-1,-1\n"
    (tmp_path / "mot" / "v" / "gt" / "gt.txt").write_text(text)
    (tmp_path / "v.txt").write_text(text.replace(",", " "))
    table = np.array(EXPECTED)[[2, 0, 1]]
    np.savez(
        tmp_path / "t.npz",
        videos=np.array(["other", "v"]),
        video=np.array([1, 1, 1], np.uint16),
        frame=table[:, 0],
        track=table[:, 1],
        xyxy=table[:, 2:],
    )
    people = [
        {"image_id": "000.jpg", "idx": [1], "box": [10, 20, 4, 12], "keypoints": []},
        {"image_id": "000.jpg", "idx": 2, "keypoints": [0, 0, 1, 5, 5, 0.5, 99, 99, 0]},
        {"image_id": "003.jpg", "idx": [[1]], "box": [11, 20, 4, 12], "keypoints": []},
    ]
    (tmp_path / "v_alphapose_tracked_person.json").write_text(json.dumps(people))
    tracked = {
        "1": {"0": {"box": [10, 20, 4, 12]}, "3": {"box": [11, 20, 4, 12]}},
        "2": {"0000": {"keypoints": [0, 0, 1, 5, 5, 1]}},
    }
    (tmp_path / "v_tracked.json").write_text(json.dumps(tracked))
    coco = {
        "images": [{"id": 7, "file_name": "v/000.jpg"}, {"id": 9, "file_name": "v/003.jpg"}],
        "annotations": [
            {"image_id": 7, "track_id": 1, "bbox": [10, 20, 4, 12]},
            {"image_id": 7, "track_id": 2, "bbox": [0, 0, 5, 5]},
            {"image_id": 9, "track_id": 1, "bbox": [11, 20, 4, 12]},
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    for name in ("mot", "v.txt", "t.npz", "v_alphapose_tracked_person.json", "v_tracked.json"):
        assert rows(read_tracks(tmp_path / name)["v"]) == EXPECTED, name
    assert rows(read_tracks(tmp_path / "coco.json")["v"]) == EXPECTED
    assert len(read_tracks(tmp_path / "t.npz")["other"]) == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("v.txt", "1,1,0,0,5\n", "line 1: 5 values; expected frame, id, x, y, w, h"),
        ("v.txt", "1,-1,0,0,5,5\n", "line 1: id -1: these are detections without tracks"),
        ("v.txt", "0,1,0,0,5,5\n", "line 1: frame 0: MOT counts frames from 1"),
        ("v.txt", "1,1,0,0,5,5\n1,1,0,0,6,6\n", "track 1 has two boxes in frame 0"),
        ("v.txt", "1,1,0,0,-5,5\n", "the row 0, 1, 0, 0, -5, 5 .* is not a box"),
        ("v.txt", "1,1,nan,0,5,5\n", "line 1: 'nan' is not a finite number"),
        ("v.json", "[1, 2", "cannot be read as JSON"),
        ("v.json", '[{"image_id": "1.jpg", "keypoints": []}]', "no 'track_id' or 'idx'"),
        ("v.json", '[{"idx": 1}]', "no 'image_id'; expected a list of people"),
        ("v.json", '{"a": 3}', "expected a list of people"),
        ("v.json", '[{"image_id": "x.jpg", "idx": 1}]', "image 'x.jpg' has no number"),
        (
            "v.json",
            '[{"image_id": "9e9.jpg", "idx": 1.5, "box": [0, 0, 1, 1]}]',
            "not a whole number",
        ),
        (
            "v.json",
            f'[{{"image_id": "{"9" * 31}.jpg", "idx": 1, "box": [0, 0, 1, 1]}}]',
            "out of range",
        ),
        ("v.mp4", "x", "is no file of tracks"),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_tracks(tmp_path / name)


def test_archives_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "a.npz", videos=np.array(["v"]), video=np.array([1]))
    with pytest.raises(DataError, match="has no array 'frame'"):
        read_tracks(tmp_path / "a.npz")
    full = {"frame": np.zeros(1), "track": np.zeros(1), "xyxy": np.zeros((1, 4))}
    np.savez(tmp_path / "a.npz", videos=np.array(["v"]), video=np.array([1]), **full)
    with pytest.raises(DataError, match="'video' reaches 1, but it names 1 videos"):
        read_tracks(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", videos=np.array(["v"]), video=np.array([0.5]), **full)
    with pytest.raises(DataError, match=r"'video' has 0\.5, which is not a whole number"):
        read_tracks(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", videos=np.array(["v", "v"]), video=np.array([1]), **full)
    with pytest.raises(DataError, match="names video 'v' twice"):
        read_tracks(tmp_path / "a.npz")
    with pytest.raises(DataError, match="tracks not found"):
        read_tracks(tmp_path / "none.npz")


def test_tracks_are_boxes_of_any_object_method(tmp_path):
    from vadkit.data.objects.tracks_file import TracksFile
    from vadkit.data.videos import Video

    (tmp_path / "v.txt").write_text("1,7,0,0,5,5\n3,7,1,0,5,5\n")
    finder = TracksFile(files=[tmp_path / "v.txt"])
    found = finder(Video("v", "test", tmp_path), 4, iter(()))
    assert found.frame.tolist() == [0, 2] and found.label.tolist() == [7, 7]
    with pytest.raises(DataError, match="'v' reach frame 2, but it has 2 frames, 0 to 1"):
        finder(Video("v", "test", tmp_path), 2, iter(()))
    with pytest.raises(DataError, match="video 'w': it is in none of the files of tracks"):
        finder(Video("w", "test", tmp_path), 2, iter(()))
