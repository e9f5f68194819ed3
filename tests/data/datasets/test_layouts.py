"""Roots, clips and files: what is found, and what is said of what is not."""

import pytest

from vadkit.data.datasets.layouts import (
    REPACKAGED,
    Layout,
    find_below,
    find_clips,
    find_file,
    find_root,
)
from vadkit.errors import DataError

NUMBERED = Layout(
    "ucsd", {**REPACKAGED, "train": ("Train", *REPACKAGED["train"])}, r"\D*(\d+)", "T"
)


def test_a_root_may_lie_one_folder_deeper(tmp_path, tree):
    tree(tmp_path, "a/inner/training/1.avi", "a/.hidden/training/1.avi", "b/Train/1.avi")
    assert find_root(NUMBERED, tmp_path / "a") == tmp_path / "a" / "inner"
    assert find_root(NUMBERED, tmp_path / "b") == tmp_path / "b"


def test_a_folder_with_training_videos_is_preferred_to_one_with_test_videos(tmp_path, tree):
    tree(tmp_path, "set/training/1.avi", "demo/testing/1.avi")
    assert find_root(NUMBERED, tmp_path) == tmp_path / "set"


def test_two_datasets_below_a_root_are_an_error(tmp_path, tree):
    tree(tmp_path, "UCSDped{1..2}/Train/Train001/1.tif")
    with pytest.raises(DataError, match=r"contains UCSDped1, UCSDped2; choose one .*dataset.root="):
        find_root(NUMBERED, tmp_path)


def test_a_wrong_root_names_layouts_readme_and_setting(tmp_path, tree):
    tree(tmp_path, "file", "empty/x.txt")
    for name, what in (("file", "is a file"), ("empty", "has no"), ("none", "does not exist")):
        with pytest.raises(DataError, match=rf"{what}.*expected T\. See datasets/ucsd/README.md"):
            find_root(NUMBERED, tmp_path / name)
    with pytest.raises(DataError, match=r"--set dataset\.root=FOLDER"):
        find_root(NUMBERED, tmp_path / "none")


@pytest.mark.parametrize(
    "name",
    [
        "training/frames/{1..2}/{0..1}.jpg",
        "training/videos/{01..02}.avi",
        "training/{01..02}.mp4",
        "training/{01..02}/0.png",
        "Train/Train{001..002}/001.tif",
    ],
)
def test_clips_of_every_packaging(tmp_path, tree, name):
    tree(tmp_path, name, "training/frames/notes.txt", "training/._03.mp4")
    clips = find_clips(NUMBERED, tmp_path, "train")
    assert list(clips) == ["01", "02"]
    assert all(str(path).endswith(("1", "2", ".avi", ".mp4")) for path in clips.values())


def test_clips_come_in_natural_order(tmp_path, tree):
    tree(tmp_path, "testing/{1..10}.mp4")
    assert list(find_clips(NUMBERED, tmp_path, "test"))[-2:] == ["09", "10"]


def test_an_empty_clip_is_not_left_out(tmp_path, tree):
    tree(tmp_path, "testing/01/1.jpg", "testing/02/none.txt", "testing/masks_gt/1.jpg")
    assert list(find_clips(NUMBERED, tmp_path, "test")) == ["01", "02"]


def test_clips_with_unknown_or_duplicate_names(tmp_path, tree):
    tree(tmp_path, "training/01.mp4", "training/1.avi", "testing/extra.mp4")
    with pytest.raises(DataError, match=r"01.mp4 and .*1.avi are both video '01'|1.avi and .*01"):
        find_clips(NUMBERED, tmp_path, "train")
    with pytest.raises(DataError, match=r"extra.mp4 is not named as a video of ucsd; expected T"):
        find_clips(NUMBERED, tmp_path, "test")
    (tmp_path / "testing/extra.mp4").unlink()
    with pytest.raises(DataError, match="has no test videos; expected T"):
        find_clips(NUMBERED, tmp_path, "test")


def test_files_are_found_by_name_first(tmp_path, tree):
    tree(tmp_path, "a/second.txt", "b/first.txt", "b/c/third.txt")
    folders = (tmp_path / "a", tmp_path / "b", tmp_path / "none")
    assert find_file(folders, ("first.txt", "second.txt")) == tmp_path / "b" / "first.txt"
    assert find_file(folders, ("*/third.txt",)) == tmp_path / "b" / "c" / "third.txt"
    assert find_file(folders, ("fourth.txt",)) is None


def test_videos_at_any_depth(tmp_path, tree):
    tree(tmp_path, "x/y/b.mp4", "x/a/1.jpg", "x/notes.txt")
    assert find_below("umn", tmp_path, "T") == [tmp_path / "x/a", tmp_path / "x/y/b.mp4"]
    for root in (tmp_path / "none", tree(tmp_path, "e/f.txt") / "e"):
        with pytest.raises(DataError, match=r"dataset umn: .*expected T\..*dataset.root="):
            find_below("umn", root, "T")
