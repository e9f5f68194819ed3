"""Street Scene with its boxes inside and beside the sequences."""

import pytest

from vadkit.data.datasets.street_scene import StreetScene
from vadkit.errors import DataError

BOXES = "Test/Test001/002.jpg 4 10 20 30 40\nTest/Test001/003.jpg 4 11 20 30 40\n"


@pytest.fixture
def root(tmp_path, tree):
    tree(tmp_path / "StreetScene", "Train/Train{001..002}/{001..002}.jpg")
    return tree(tmp_path / "StreetScene", "Test/Test{001..002}/{001..003}.jpg")


@pytest.mark.parametrize("place", ["Test/{0}/{0}_gt.txt", "Test/{0}_gt.txt"])
def test_official_layout(root, ids, place):
    (root / place.format("Test001")).write_text(BOXES)
    (root / place.format("Test002")).write_text("")
    dataset = StreetScene(root=root.parent)
    assert ids(dataset, "train") == ["Train001", "Train002"]
    first, second = dataset.videos("test")
    assert (first.id, second.id) == ("Test001", "Test002")
    assert first.labels(3).tolist() == [False, True, True]
    assert second.labels(3).tolist() == [False, False, False]
    (track,) = first.tracks()
    assert track.frames.tolist() == [1, 2]
    assert track.boxes[0].tolist() == [10, 20, 40, 60]
    assert second.tracks() == []
    assert dataset.label_source == "Test*_gt.txt"
    with pytest.raises(DataError, match="'Test001' reach frame 3, but the video has 2"):
        first.labels(2)


def test_one_file_of_boxes_missing(root):
    (root / "Test/Test001_gt.txt").write_text(BOXES)
    with pytest.raises(DataError, match=r"Test002_gt.txt is neither in .* but 1 of 2"):
        StreetScene(root=root).videos("test")


def test_other_labels_or_none(root, own_labels):
    dataset = StreetScene(root=root)
    assert [(v.labels, v.tracks) for v in dataset.videos("test")] == [(None, None)] * 2
    assert dataset.label_source == "none"
    labels = own_labels(root / "mine.json", {"Test001": (3, (0, 1)), "Test002": (3,)})
    dataset = StreetScene(root=root, labels=labels)
    assert dataset.videos("test")[0].labels(3).tolist() == [True, False, False]
    assert dataset.label_source == "mine.json"


def test_expected_and_no_root(root, tmp_path):
    dataset = StreetScene(root=root)
    assert (dataset.expected("train"), dataset.expected("test")) == ((46, 56847), (35, 146410))
    with pytest.raises(DataError, match=r"Train/Train001/\*.jpg.*street-scene/README.*root="):
        StreetScene(root=tmp_path / "none")
