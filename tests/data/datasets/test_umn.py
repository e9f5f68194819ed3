"""UMN: eleven clips of one video."""

import pytest

from vadkit.data.datasets.umn import Umn
from vadkit.errors import DataError

FRAMES = 7739


@pytest.fixture
def root(tmp_path, tree):
    return tree(tmp_path, "Crowd-Activity-All.avi", "other.avi")


def test_parts_cover_the_video_once(root):
    dataset = Umn(root=root)
    train, test = dataset.videos("train"), dataset.videos("test")
    assert [(v.id, v.part) for v in train] == [
        ("lawn", (0, 400)),
        ("indoor", (1453, 1853)),
        ("plaza", (5596, 5996)),
    ]
    assert [video.id for video in test][:4] == ["lawn-01", "lawn-02", "indoor-03", "indoor-04"]
    assert (test[0].part, test[1].part, test[10].part) == ((400, 625), (625, 1453), (6931, None))
    covered = [
        frame
        for video in (*train, *test)
        for frame in range(video.part[0], video.part[1] or FRAMES)
    ]
    assert sorted(covered) == list(range(FRAMES))
    assert {video.path for video in (*train, *test)} == {root / "Crowd-Activity-All.avi"}


@pytest.mark.parametrize(
    ("scene", "clips"), [("lawn", 2), ("indoor", 6), ("plaza", 3), ("all", 11)]
)
def test_scenes(root, scene, clips):
    dataset = Umn(root=root, scene=scene, train_frames=300)
    train, test = dataset.videos("train"), dataset.videos("test")
    scenes = 3 if scene == "all" else 1
    assert (len(train), len(test)) == (scenes, clips)
    assert dataset.expected("train") == (scenes, 300 * scenes)
    assert dataset.expected("test") == (clips, None)
    assert test[0].part[0] == train[0].part[1] == train[0].part[0] + 300


def test_labels_of_the_whole_file(root, own_labels):
    own_labels(root / "l.json", {"Crowd-Activity-All": (FRAMES, (600, 625), (7700, 7739))})
    dataset = Umn(root=root, labels=root / "l.json")
    videos = dataset.videos("test")
    assert videos[0].labels(225).nonzero()[0].tolist() == list(range(200, 225))
    assert not videos[1].labels(828).any()
    assert videos[10].labels(808).sum() == 39
    assert dataset.label_source == "l.json"
    with pytest.raises(DataError, match=r"has 7740 frames but l\.json labels 7739"):
        videos[10].labels(809)


def test_labels_of_clips(root, own_labels):
    own_labels(root / "l.json", {"lawn-01": (225, (200, 225)), "lawn-02": (828,)})
    videos = Umn(root=root, labels=root / "l.json", scene="lawn").videos("test")
    assert videos[0].labels(225).sum() == 25
    with pytest.raises(DataError, match=r"no entry 'Crowd-Activity-All'.*'indoor-03' and 8 more"):
        Umn(root=root, labels=root / "l.json").videos("test")


def test_no_root(tmp_path, tree):
    for root in (tmp_path / "none", tree(tmp_path, "other.avi")):
        with pytest.raises(DataError, match=r"Crowd-Activity-All.avi.*datasets/umn/README.*root="):
            Umn(root=root).videos("train")
    tree(tmp_path, "Crowd-Activity-All.avi", "x/crowd-activity-all.mp4")
    with pytest.raises(DataError, match="more than once"):
        Umn(root=tmp_path).videos("train")
