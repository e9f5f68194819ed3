"""ShanghaiTech Campus in each of its layouts."""

import json

import numpy as np
import pytest

from vadkit.data.datasets.shanghaitech import ShanghaiTech
from vadkit.errors import DataError

TEST = ("01_0014", "01_0015", "12_0142")


def save(folder, masks):
    for kind in ("test_frame_mask", "test_pixel_mask"):
        (folder / kind).mkdir(parents=True)
    for name in TEST:
        flags = np.array([0, 1, name == "12_0142"], np.uint8)
        np.save(folder / "test_frame_mask" / f"{name}.npy", flags)
        if masks:
            np.save(
                folder / "test_pixel_mask" / f"{name}.npy", flags[:, None, None] * np.ones((4, 6))
            )


@pytest.fixture
def official(tmp_path, tree):
    tree(
        tmp_path / "shanghaitech", "training/videos/01_{001..002}.avi", "training/videos/13_001.avi"
    )
    tree(tmp_path / "shanghaitech", *(f"testing/frames/{name}/{{000..002}}.jpg" for name in TEST))
    save(tmp_path / "shanghaitech" / "testing", masks=True)
    return tmp_path


def test_official_layout(official, ids):
    dataset = ShanghaiTech(root=official)
    assert ids(dataset, "train") == ["01_001", "01_002", "13_001"]
    assert ids(dataset, "test") == list(TEST)
    for video in dataset.videos("test"):
        labels = video.labels(3)
        assert labels.tolist() == [False, True, video.id == "12_0142"]
        np.testing.assert_array_equal(video.masks().any(axis=(1, 2)), labels)
    assert dataset.label_source == "test_frame_mask"
    with pytest.raises(DataError, match=r"'01_0014' has 4 frames but test_frame_mask labels 3"):
        dataset.videos("test")[0].labels(4)


def test_repackaged_without_pixel_masks(tmp_path, tree, ids):
    tree(tmp_path, "training/frames/01_001/0.jpg", *(f"testing/{name}/0.jpg" for name in TEST))
    save(tmp_path, masks=False)
    dataset = ShanghaiTech(root=tmp_path)
    assert ids(dataset, "train") == ["01_001"]
    assert [video.masks for video in dataset.videos("test")] == [None] * 3
    assert dataset.videos("test")[2].labels(3).tolist() == [False, True, True]


def test_scenes(official, ids):
    dataset = ShanghaiTech(root=official, scenes=[12, 13])
    assert (ids(dataset, "train"), ids(dataset, "test")) == (["13_001"], ["12_0142"])
    assert dataset.videos("test")[0].labels(3).tolist() == [False, True, True]
    assert dataset.expected("train") is None
    with pytest.raises(DataError, match=r"no test videos of scenes \[13\].*it has scenes 1, 12"):
        ShanghaiTech(root=official, scenes=[13]).videos("test")


def test_labels_that_lack_a_video(official):
    (official / "shanghaitech/testing/test_frame_mask/01_0015.npy").unlink()
    with pytest.raises(DataError, match="test_frame_mask has no entry for video '01_0015'"):
        ShanghaiTech(root=official).videos("test")


def test_expected_and_no_labels(tmp_path, tree):
    dataset = ShanghaiTech(root=tree(tmp_path, "testing/01_0014.mp4"))
    assert dataset.videos("test")[0].labels is None
    assert dataset.expected("train") == (330, 274515)
    assert dataset.expected("test") == (107, None)
    with pytest.raises(DataError, match=r"no train videos; expected training/videos/01_001.avi"):
        dataset.videos("train")


def test_no_root(tmp_path):
    with pytest.raises(DataError, match=r"01_001.avi.*datasets/shanghaitech/README.*root="):
        ShanghaiTech(root=tmp_path / "none")


def test_labels_without_any_video(tmp_path, ids):
    videos = {
        "01_001": {"frames": 20},
        "13_002": {"frames": 9},
        "01_0014": {"frames": 30, "abnormal": [[3, 5]]},
        "02_0001": {"frames": 4},
    }
    (tmp_path / "labels.json").write_text(json.dumps({"videos": videos}))
    for root in (tmp_path, tmp_path / "labels.json"):
        dataset = ShanghaiTech(root=root)
        assert ids(dataset, "train") == ["01_001", "13_002"]
        found = dataset.videos("test")
        assert [(video.id, video.frames, video.abnormal) for video in found] == [
            ("01_0014", 30, True),
            ("02_0001", 4, False),
        ]
        assert np.flatnonzero(found[0].labels(30)).tolist() == [3, 4]
        assert dataset.label_source == "labels.json"
    assert ids(ShanghaiTech(root=tmp_path, scenes=[13]), "train") == ["13_002"]
    videos["01_001"] = {}
    (tmp_path / "labels.json").write_text(json.dumps({"videos": videos}))
    with pytest.raises(DataError, match="video '01_001' has no number of frames"):
        ShanghaiTech(root=tmp_path).videos("train")


@pytest.mark.real_data
def test_both_splits_from_the_labels_alone(real_data):
    labels = real_data / "shanghaitech" / "labels.json"

    def sizes(dataset):
        for split in ("train", "test"):
            videos = dataset.videos(split)
            yield len(videos), sum(bool(video.abnormal) for video in videos)
            yield sum(video.frames for video in videos)

    assert [*sizes(ShanghaiTech(root=labels))] == [(330, 0), 274515, (107, 107), 40791]
    # 141,869 frames are one of three truths of the weak split in use.
    weak = ShanghaiTech(root=labels, split=labels)
    assert [*sizes(weak)] == [(238, 63), 173437, (199, 44), 141869]
