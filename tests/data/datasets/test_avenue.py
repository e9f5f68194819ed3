"""Avenue in each of its layouts."""

import numpy as np
import pytest
from scipy.io import savemat

from vadkit.data.datasets.avenue import Avenue
from vadkit.errors import DataError


def save_masks(folder, **flags):
    """``1_label.mat`` and so on from a 0 or 1 a frame."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in flags.items():
        cells = np.empty((1, len(values)), object)
        for frame, value in enumerate(values):
            cells[0, frame] = np.full((4, 6), value, np.uint8)
        savemat(folder / f"{name.strip('v')}_label.mat", {"volLabel": cells})


@pytest.mark.parametrize(
    "masks", ["Avenue Dataset/testing_label_mask", "ground_truth_demo/testing_label_mask"]
)
def test_official_layout(tmp_path, tree, ids, masks):
    tree(tmp_path, "Avenue Dataset/training_videos/{01..03}.avi")
    tree(
        tmp_path,
        "Avenue Dataset/testing_videos/{01..02}.avi",
        "ground_truth_demo/testing_videos/01.avi",
    )
    save_masks(tmp_path / masks, v1=[0, 1, 1], v2=[1, 0])
    dataset = Avenue(root=tmp_path)
    assert ids(dataset, "train") == ["01", "02", "03"]
    first, second = dataset.videos("test")
    assert first.path == tmp_path / "Avenue Dataset" / "testing_videos" / "01.avi"
    assert first.labels(3).tolist() == [False, True, True]
    assert second.labels(2).tolist() == [True, False]
    assert first.masks().shape == (3, 4, 6)
    assert first.masks().any(axis=(1, 2)).tolist() == [False, True, True]
    assert first.tracks is None
    assert dataset.label_source == "testing_label_mask"
    with pytest.raises(DataError, match=r"'02' has 3 frames but testing_label_mask/2_label.mat"):
        second.labels(3)


def test_a_mask_file_that_is_missing(tmp_path, tree):
    tree(tmp_path, "training_videos/01.avi", "testing_videos/{01..02}.avi")
    save_masks(tmp_path / "testing_label_mask", v1=[0, 1])
    with pytest.raises(DataError, match=r"no 2_label.mat for test video '02'"):
        Avenue(root=tmp_path).videos("test")


@pytest.mark.parametrize(
    "name", ["{}ing/frames/{{01..02}}/0.jpg", "{}ing/videos/{{01..02}}.avi", "{}ing/{{01..02}}.mp4"]
)
def test_repackaged_with_intervals(tmp_path, tree, ids, name):
    tree(tmp_path, name.format("train"), name.format("test"))
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = np.array([[2], [3]]), np.zeros((2, 0))
    savemat(tmp_path / "avenue.mat", {"gt": cells})
    dataset = Avenue(root=tmp_path)
    assert ids(dataset, "train") == ["01", "02"]
    first, second = dataset.videos("test")
    assert (first.labels(3).tolist(), second.labels(1).tolist()) == ([False, True, True], [False])
    assert first.masks is None
    assert dataset.label_source == "avenue.mat"


def test_other_labels_and_tracks(tmp_path, tree, own_labels):
    tree(tmp_path, "training/01.mp4", "testing/01.mp4")
    save_masks(tmp_path / "testing_label_mask", v1=[0, 1])
    (tmp_path / "01.txt").write_text("7,1,0,0,3,4\n")
    labels = own_labels(tmp_path / "mine.json", {"01": (2, (0, 1))})
    dataset = Avenue(root=tmp_path, labels=labels, tracks=tmp_path)
    video = dataset.videos("test")[0]
    assert video.labels(2).tolist() == [True, False]
    assert video.masks().any(axis=(1, 2)).tolist() == [False, True]
    assert video.tracks()[0].boxes.tolist() == [[0, 0, 3, 4]]
    assert dataset.label_source == "mine.json"


def test_without_labels(tmp_path, tree):
    dataset = Avenue(root=tree(tmp_path, "training/01.mp4", "testing/01.mp4"))
    assert [(v.labels, v.masks) for v in dataset.videos("test")] == [(None, None)]
    assert dataset.label_source == "none"
    assert (dataset.expected("train"), dataset.expected("test")) == ((16, 15328), (21, 15324))


def test_no_root(tmp_path):
    with pytest.raises(DataError, match=r"training_videos/01.avi.*datasets/avenue/README.*root="):
        Avenue(root=tmp_path)
