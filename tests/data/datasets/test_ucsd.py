"""UCSD in each of its layouts, and the official counts on the real files."""

import cv2
import numpy as np
import pytest

from vadkit.data.datasets.ucsd import Ucsd
from vadkit.data.decoding.readers import pyav
from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import write_labels
from vadkit.errors import DataError

SCRIPT = "TestVideoFile{end+1}.gt_frame = [2:3];\nTestVideoFile{end+1}.gt_frame = [1:1];\n"


def image(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((4, 6), value, np.uint8))


def official(root):
    for clip in (1, 2):
        for frame in (1, 2, 3):
            image(root / f"Train/Train{clip:03d}/{frame:03d}.tif")
            image(root / f"Test/Test{clip:03d}/{frame:03d}.tif")
    for frame in (1, 2, 3):
        image(root / f"Test/Test001_gt/{frame:03d}.bmp", 255 * (frame > 1))
    (root / "Test" / "UCSDped2.m").write_text(SCRIPT)


def test_official_layout_also_from_one_folder_above(tmp_path):
    official(tmp_path / "UCSDped2")
    for root in (tmp_path, tmp_path / "UCSDped2"):
        dataset = Ucsd(root=root)
        assert [video.id for video in dataset.videos("train")] == ["01", "02"]
        first, second = dataset.videos("test")
        assert first.labels(3).tolist() == [False, True, True]
        assert second.labels(3).tolist() == [True, False, False]
        assert first.masks().shape == (3, 4, 6)
        np.testing.assert_array_equal(first.masks().any(axis=(1, 2)), first.labels(3))
        assert second.masks is None
        assert dataset.label_source == "UCSDped2.m"


def test_labels_that_reach_beyond_the_clip(tmp_path):
    official(tmp_path)
    with pytest.raises(DataError, match="'01' reach frame 3, but the video has 2"):
        Ucsd(root=tmp_path).videos("test")[0].labels(2)


@pytest.mark.parametrize("pattern", ["{split}/frames/{clip:02d}/0.jpg", "{split}/{clip:02d}.mp4"])
def test_other_layouts_and_own_labels(tmp_path, pattern):
    for clip in (10, 2, 1):
        for split in ("training", "testing"):
            image_or_file = tmp_path / pattern.format(split=split, clip=clip)
            image_or_file.parent.mkdir(parents=True, exist_ok=True)
            image_or_file.write_bytes(b"")
    flags = {
        f"{clip:02d}": Labels.from_flags(np.array([clip == 10, 1, 0], bool)) for clip in (1, 2, 10)
    }
    write_labels(tmp_path / "labels.json", flags)
    videos = Ucsd(root=tmp_path).videos("test")
    # A clip that is missing must not shift the labels of those after it.
    assert [video.id for video in videos] == ["01", "02", "10"]
    assert videos[2].labels(3).tolist() == [True, True, False]
    with pytest.raises(DataError, match=r"'02' has 4 frames but labels.json labels 3"):
        videos[1].labels(4)


def test_packed_masks_without_the_clip(tmp_path):
    for name in ("training/01.mp4", "testing/13.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    np.savez(tmp_path / "pixel_masks_packbits.npz", **{"01": np.zeros((2, 240, 45), np.uint8)})
    with pytest.raises(DataError, match="has no video '13'; it has 01"):
        Ucsd(root=tmp_path).videos("test")[0].masks()


def test_label_files_in_order(tmp_path):
    official(tmp_path)
    write_labels(tmp_path / "labels.json", {})
    assert Ucsd(root=tmp_path).label_source == "UCSDped2.m"
    explicit = Ucsd(root=tmp_path, labels=tmp_path / "labels.json")
    assert explicit.label_source == "labels.json"
    with pytest.raises(DataError, match="no entry for video '01'"):
        explicit.videos("test")
    with pytest.raises(DataError, match="labels not found"):
        Ucsd(root=tmp_path, labels=tmp_path / "gone.m").videos("test")


def test_without_label_file(tmp_path):
    official(tmp_path)
    (tmp_path / "Test" / "UCSDped2.m").unlink()
    dataset = Ucsd(root=tmp_path)
    assert [video.labels for video in dataset.videos("test")] == [None, None]
    assert dataset.label_source == "none"


def test_another_number_of_clips(tmp_path):
    official(tmp_path)
    (tmp_path / "Test" / "UCSDped2.m").write_text(SCRIPT.splitlines()[0])
    with pytest.raises(DataError, match="labels 1 videos by their order, but there are 2 test"):
        Ucsd(root=tmp_path).videos("test")


def test_missing_root_names_layouts_and_setting(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match=r"Train/Train001.*training/01.mp4.*dataset.root"):
            Ucsd(root=root)


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [("UCSDped1", (34, 6800), (36, 7200)), ("ped2", (16, 2550), (12, 2010)), ("x", None, None)],
)
def test_expected_by_the_labels_or_the_folder(tmp_path, name, train, test):
    image(tmp_path / name / "Train/Train001/001.tif")
    assert Ucsd(root=tmp_path / name).expected("train") == train
    assert Ucsd(root=tmp_path / name).expected("test") == test
    labelled = Ucsd(root=tmp_path / name, labels=tmp_path / "UCSDped1.m")
    assert labelled.expected("test") == (36, 7200)


@pytest.mark.parametrize("width", [238, 360])
def test_packed_masks_of_both_widths(tmp_path, width):
    packed_clip(tmp_path, width)
    masks = Ucsd(root=tmp_path).videos("test")[0].masks()
    assert masks.shape == (2, 4, width)
    assert masks[:, 0].sum() == masks[:, :, -1].sum() == 2


def test_packed_masks_of_another_width(tmp_path):
    packed_clip(tmp_path, 100)
    video = Ucsd(root=tmp_path).videos("test")[0]
    with pytest.raises(DataError, match="rows of 13 bytes match neither Ped1 nor Ped2"):
        video.masks()
    packed_clip(tmp_path, 100, more={"width": np.int64(100)})
    assert video.masks().shape == (2, 4, 100)


def test_packed_masks_next_to_images(tmp_path):
    packed_clip(tmp_path, 6, "testing/frames/01/1.png")
    image(tmp_path / "testing/frames/01/1.png")
    assert Ucsd(root=tmp_path).videos("test")[0].masks().shape == (2, 4, 6)


def packed_clip(root, width, path="testing/01.mp4", more=()):
    """Two masks whose last column is abnormal in row 0."""
    masks = np.zeros((2, 4, width), bool)
    masks[:, 0, -1] = True
    np.savez(root / "pixel_masks_packbits.npz", **{"01": np.packbits(masks, -1), **dict(more)})
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(b"")


@pytest.mark.real_data
def test_official_counts(real_data):
    dataset = Ucsd(root=real_data / "ped2")
    assert dataset.label_source == "UCSDped2.m"
    assert len(dataset.videos("train")) == 16
    assert (dataset.expected("train"), dataset.expected("test")) == ((16, 2550), (12, 2010))
    frames, abnormal = [], 0
    for video in dataset.videos("test"):
        masks = video.masks()
        labels = video.labels(len(masks))
        np.testing.assert_array_equal(masks.any(axis=(1, 2)), labels)
        frames.append(len(masks))
        abnormal += int(labels.sum())
    assert frames == [180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180]
    assert (abnormal, sum(frames)) == (1648, 2010)
    assert sum(1 for _ in pyav(dataset.videos("test")[8].path)) == 120
