"""XD-Violence: splits by folder, violence by name."""

import pytest

from vadkit.data.datasets.xd_violence import XdViolence
from vadkit.errors import DataError

CALM = "Before.Sunset.2004__#01-14-30_01-16-51_label_A"
FIGHT = "Bad.Boys.1995__#01-11-55_01-12-40_label_G-B2-B6"


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("1-1004", "test_videos"),
        ("videos/1005-2004", "videos/test"),
        ("train/3320-3954", "test/videos"),
        ("train_videos", "videos"),
    ],
)
def test_layouts(tmp_path, tree, train, test):
    tree(tmp_path, f"{train}/a_{CALM}.mp4", f"{train}/a_{FIGHT}.mp4")
    tree(tmp_path, f"{test}/{CALM}.mp4", f"{test}/{FIGHT}.mp4")
    (tmp_path / "annotations.txt").write_text(f"{FIGHT} 1 3\n")
    dataset = XdViolence(root=tmp_path)
    assert [(v.id, v.abnormal) for v in dataset.videos("train")] == [(f"a_{CALM}", False)]
    everything = XdViolence(root=tmp_path, train="all").videos("train")
    assert [(v.id, v.abnormal) for v in everything] == [
        (f"a_{FIGHT}", True),
        (f"a_{CALM}", False),
    ]
    fight, calm = dataset.videos("test")
    assert (fight.id, fight.abnormal, calm.id, calm.abnormal) == (FIGHT, True, CALM, False)
    assert fight.labels(4).tolist() == [False, True, True, False]
    assert calm.labels(2).tolist() == [False, False]
    assert dataset.label_source == "annotations.txt"


def test_expected(tmp_path):
    dataset = XdViolence(root=tmp_path)
    assert (dataset.expected("train"), dataset.expected("test")) == ((2049, None), (800, None))
    assert XdViolence(root=tmp_path, train="all").expected("train") == (3954, None)


def test_annotations_that_lack_a_violent_video(tmp_path, tree):
    tree(tmp_path, f"test/{CALM}.mp4", f"test/{FIGHT}.mp4")
    assert [video.labels for video in XdViolence(root=tmp_path).videos("test")] == [None, None]
    (tmp_path / "annotations.txt").write_text("another_label_B1-0-0 1 3\n")
    with pytest.raises(DataError, match=r"annotations\.txt has no entry for video 'Bad.Boys.1995"):
        XdViolence(root=tmp_path).videos("test")


def test_splits_that_are_unknown(tmp_path, tree):
    tree(tmp_path, f"test/{CALM}.mp4")
    dataset = XdViolence(root=tmp_path)
    with pytest.raises(DataError, match="has no train videos; expected training videos in folders"):
        dataset.videos("train")
    tree(tmp_path, f"test/again/{CALM}.mp4")
    with pytest.raises(DataError, match=r"are both video 'Before\.Sunset"):
        dataset.videos("test")
    tree(tmp_path, "demo/b.mp4")
    with pytest.raises(DataError, match=r"demo/b.mp4 is in no known split, move it away"):
        dataset.videos("test")


def test_no_root(tmp_path):
    with pytest.raises(DataError, match=r"1-1004 to 3320-3954.*xd-violence/README.*root="):
        XdViolence(root=tmp_path / "none")
    with pytest.raises(DataError, match="has no known layout"):
        XdViolence(root=tmp_path).videos("train")
