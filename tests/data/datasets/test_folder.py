"""A folder of the user's own: what counts as a video, and what its labels must say."""

import numpy as np
import pytest

from vadkit.data.datasets.folder import Folder, find_videos
from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import write_labels
from vadkit.errors import DataError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def names(root):
    return [name for name, _ in find_videos(root)]


def test_files_and_image_folders_at_any_depth_in_natural_order(tmp_path):
    touch(tmp_path, "10.mp4", "2.AVI", "cam/b/1.jpg", "cam/b/2.jpg", "cam/a.webm", "notes.txt")
    touch(tmp_path, ".hidden/x.mp4", "._2.mp4")
    assert names(tmp_path) == ["2", "10", "cam/a", "cam/b"]


def test_folder_of_images_is_itself_the_video(tmp_path):
    touch(tmp_path, "walk/1.png", "walk/2.png")
    assert find_videos(tmp_path / "walk") == [("walk", tmp_path / "walk")]


def test_picture_next_to_videos_is_not_a_video(tmp_path):
    touch(tmp_path, "poster.jpg", "a.mp4")
    assert names(tmp_path) == ["a"]


def test_same_name_twice_keeps_the_endings(tmp_path):
    touch(tmp_path, "a.mp4", "a.avi", "b.mp4")
    assert sorted(names(tmp_path)) == ["a.avi", "a.mp4", "b"]


def test_links_are_followed_and_a_loop_of_links_ends(tmp_path):
    touch(tmp_path, "root/a.mp4", "root/x/b.mp4", "elsewhere/c.mp4")
    (tmp_path / "root/x/again").symlink_to(tmp_path / "root")
    (tmp_path / "root/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "root/x")
    assert names(tmp_path / "root") == ["a", "linked/back/b", "linked/c"]


def test_missing_file_and_empty_folder_say_what_to_do(tmp_path):
    touch(tmp_path, "file.txt", "empty/notes.txt")
    with pytest.raises(DataError, match="none does not exist"):
        find_videos(tmp_path / "none")
    with pytest.raises(DataError, match="is a file"):
        find_videos(tmp_path / "file.txt")
    with pytest.raises(DataError, match=r"no videos .*mp4.*put videos there"):
        find_videos(tmp_path / "empty")


def test_train_needs_no_labels(tmp_path):
    touch(tmp_path, "a.mp4")
    dataset = Folder(root=tmp_path)
    assert [(v.id, v.split, v.labels) for v in dataset.videos("train")] == [("a", "train", None)]
    assert dataset.videos("test") == []
    assert dataset.label_source == "none"


def test_labels_by_path(tmp_path):
    touch(tmp_path, "train/a.mp4", "test/x/b.mp4", "test/c.mp4")
    flags = {"x/b": Labels([(1, 3)], 3), "c": Labels([], 2)}
    write_labels(tmp_path / "mine.json", flags)
    dataset = Folder(root=tmp_path / "train", test=tmp_path / "test", labels=tmp_path / "mine.json")
    videos = {video.id: video for video in dataset.videos("test")}
    assert videos["x/b"].labels(3).tolist() == [False, True, True]
    assert dataset.label_source == "mine.json"
    with pytest.raises(DataError, match=r"'c' has 5 frames but mine.json labels 2"):
        videos["c"].labels(5)


def test_video_without_labels_is_named(tmp_path):
    touch(tmp_path, "b.mp4", "c.mp4")
    write_labels(tmp_path / "l.json", {"b": Labels([], 2)})
    with pytest.raises(DataError, match="no entry for video 'c'"):
        Folder(root=tmp_path, test=tmp_path, labels=tmp_path / "l.json").videos("test")


def test_labels_of_other_formats(tmp_path):
    touch(tmp_path, "a.mp4", "test/x/b.mp4", "test/c.mp4")
    (tmp_path / "l.csv").write_text("video,start,end\nx/b,1,3\nc,,\n")
    np.savez(tmp_path / "l.npz", **{"x/b": np.array([0, 1, 1]), "c": np.zeros(2)})
    for name in ("l.csv", "l.npz"):
        dataset = Folder(root=tmp_path, test=tmp_path / "test", labels=tmp_path / name)
        videos = {video.id: video for video in dataset.videos("test")}
        assert videos["x/b"].labels(3).tolist() == [False, True, True]
        assert videos["c"].labels(2).tolist() == [False, False]
        assert dataset.label_source == name


def test_a_test_folder_inside_the_root_is_not_trained_on(tmp_path):
    touch(tmp_path, "a.mp4", "check/b.mp4", "checked/c.mp4")
    dataset = Folder(root=tmp_path, test=tmp_path / "check")
    assert [video.id for video in dataset.videos("train")] == ["a", "checked/c"]
    assert [video.id for video in dataset.videos("test")] == ["b"]


def test_everything_that_ffmpeg_opens_is_a_video(tmp_path):
    endings = ["dav", "MTS", "m2ts", "3gp", "asf", "h264", "vob", "gif", "ogv"]
    touch(tmp_path, *(f"{n}.{ending}" for n, ending in enumerate(endings)))
    assert [path.name for _, path in find_videos(tmp_path)] == [
        f"{n}.{ending}" for n, ending in enumerate(endings)
    ]


def test_bins_snapshots_and_partial_files_are_left_out_with_a_word(tmp_path, caplog):
    touch(
        tmp_path,
        "a.mp4",
        "labels.json",
        "poster.jpg",
        "@eaDir/a.mp4/thumb.jpg",
        "#recycle/deleted.mp4",
        "day/#snapshot/old.mp4",
        "$RECYCLE.BIN/gone.avi",
        "day/b.mp4",
        ".hidden/c.mp4",
        "._a.mp4",
        "d.mp4.part",
        "e.mp4.crdownload",
        "more.zip",
        "f.mp5",
        "g.mp5",
    )
    assert [name for name, _ in find_videos(tmp_path)] == ["a", "day/b"]
    find_videos(tmp_path)
    (message,) = caplog.messages
    assert message == (
        f"{tmp_path}: left out #recycle/, #snapshot/, $RECYCLE.BIN/, 1 file .crdownload (partial "
        "downloads), 2 files .mp5, 1 file .part (partial downloads), 1 file .zip (archives; unpack "
        "them), @eaDir/, 1 hidden video"
    )


def test_usual_companions_need_no_word(tmp_path, caplog):
    touch(tmp_path, "a.mp4", "a.txt", "labels.csv", "masks.npz", "gt.mat", "a.jpg", "README.md")
    assert len(find_videos(tmp_path)) == 1 and caplog.messages == []


def test_a_folder_of_archives_says_what_to_do(tmp_path):
    touch(tmp_path, "all.zip")
    with pytest.raises(DataError, match=r"It has 1 file \.zip \(archives; unpack them\)"):
        find_videos(tmp_path)


def test_an_archive_is_not_decoded(tmp_path):
    from vadkit.data.decoding.decode import probe

    touch(tmp_path, "all.zip")
    with pytest.raises(DataError, match=r"all\.zip is an archive; unpack it and give the folder"):
        probe(tmp_path / "all.zip")
