"""UBnormal: its lists, its two kinds of training videos, and masks of abnormal objects."""

import cv2
import numpy as np
import pytest

from vadkit.data.datasets.ubnormal import UBnormal
from vadkit.errors import DataError

LISTS = {
    "normal_training": ["normal_scene_1_scenario_2", "normal_scene_1_scenario_10"],
    "abnormal_training": ["abnormal_scene_2_scenario_1"],
    "normal_test": ["normal_scene_2_scenario_3_fog"],
    "abnormal_test": ["abnormal_scene_1_scenario_1"],
    "normal_validation": ["normal_scene_1_scenario1_3"],
    "abnormal_validation": ["abnormal_scene_2_scenario_4"],
}
ABNORMAL = "abnormal_scene_1_scenario_1"


def annotate(root, name, first=0, tracks="3, 1, 2\n"):
    """Object 3 on the left in all frames, object 9 on the right; object 3 is abnormal in 1, 2."""
    folder = root / f"Scene{name.split('_')[2]}" / f"{name}_annotations"
    folder.mkdir()
    (folder / f"{name}_tracks.txt").write_text(tracks)
    image = np.zeros((4, 6), np.uint8)
    image[:, 0], image[:, 5] = 3, 9
    for frame in range(first, first + 4):
        cv2.imwrite(str(folder / f"{name}_{frame:04d}_gt.png"), image)
    return folder


@pytest.fixture(params=["", "scripts/"])
def root(tmp_path, tree, request):
    for part, names in LISTS.items():
        tree(tmp_path, *(f"Scene{name.split('_')[2]}/{name}.mp4" for name in names))
        path = tmp_path / f"{request.param}{part}_video_names.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(reversed(names)) + "\n")
    annotate(tmp_path, ABNORMAL)
    annotate(tmp_path, "abnormal_scene_2_scenario_4")
    return tmp_path


def test_training_videos(root):
    normal = UBnormal(root=root)
    assert [(v.id, v.abnormal) for v in normal.videos("train")] == [
        ("normal_scene_1_scenario_2", False),
        ("normal_scene_1_scenario_10", False),
    ]
    everything = UBnormal(root=root, train="all")
    assert [(v.id, v.abnormal) for v in everything.videos("train")][2:] == [
        ("abnormal_scene_2_scenario_1", True)
    ]
    assert (normal.expected("train"), everything.expected("train")) == ((186, None), (268, None))


def test_test_videos(root):
    dataset = UBnormal(root=root)
    normal, abnormal = dataset.videos("test")
    assert (normal.id, normal.abnormal, normal.masks) == (
        "normal_scene_2_scenario_3_fog",
        False,
        None,
    )
    assert (abnormal.id, abnormal.abnormal) == (ABNORMAL, True)
    assert abnormal.path == root / "Scene1" / f"{ABNORMAL}.mp4"
    assert normal.labels(2).tolist() == [False, False]
    assert abnormal.labels(4).tolist() == [False, True, True, False]
    masks = abnormal.masks()
    assert masks.shape == (4, 4, 6)
    assert masks[1, 0].tolist() == [True] + [False] * 5
    np.testing.assert_array_equal(masks.any(axis=(1, 2)), abnormal.labels(4))
    assert dataset.label_source == "*_tracks.txt"
    assert dataset.expected("test") == (211, None)


def test_validation(root, ids):
    dataset = UBnormal(root=root, part="validation")
    assert ids(dataset, "test") == ["normal_scene_1_scenario1_3", "abnormal_scene_2_scenario_4"]
    assert ids(dataset, "train") == ids(UBnormal(root=root), "train")
    assert dataset.expected("test") == (64, None)


def test_corrected_tracks_replace_the_first_ones(root):
    folder = root / "Scene1" / f"{ABNORMAL}_annotations"
    (folder / f"{ABNORMAL}_new_tracks.txt").write_text("9, 3, 3\n")
    video = UBnormal(root=root).videos("test")[1]
    assert video.labels(4).tolist() == [False, False, False, True]
    assert video.masks()[3, 0].tolist() == [False] * 5 + [True]
    assert not video.masks()[:3].any()


def test_masks_with_a_gap_or_none(root):
    folder = root / "Scene1" / f"{ABNORMAL}_annotations"
    video = UBnormal(root=root).videos("test")[1]
    (folder / f"{ABNORMAL}_0002_gt.png").unlink()
    with pytest.raises(DataError, match="annotations lacks image 0002"):
        video.masks()
    for image in folder.glob("*.png"):
        image.unlink()
    with pytest.raises(DataError, match=r"has no .*_0000_gt\.png"):
        video.masks()


def test_annotations_missing_of_one_or_all(root, tmp_path):
    listed = tmp_path / "abnormal_test_video_names.txt"
    (root / "Scene2/abnormal_scene_2_scenario_9.mp4").write_bytes(b"")
    path = listed if listed.is_file() else tmp_path / "scripts" / listed.name
    path.write_text(f"{ABNORMAL}\nabnormal_scene_2_scenario_9\n")
    with pytest.raises(DataError, match=r"scenario_9_tracks\.txt does not exist, but 1 of 2"):
        UBnormal(root=root).videos("test")
    path.write_text("abnormal_scene_2_scenario_9\n")
    assert [video.labels for video in UBnormal(root=root).videos("test")] == [None, None]


def test_own_labels_and_tracks_need_not_name_normal_videos(root, own_labels):
    labels = own_labels(root / "mine.json", {ABNORMAL: (4, (0, 1))})
    (root / f"{ABNORMAL}.txt").write_text("0,1,0,0,1,4\n")
    normal, abnormal = UBnormal(root=root, labels=labels, tracks=root).videos("test")
    assert (normal.labels(1).tolist(), abnormal.labels(4).tolist()) == (
        [False],
        [True, False, False, False],
    )
    assert (normal.tracks(), abnormal.tracks()[0].frames.tolist()) == ([], [1])


def test_lists_that_do_not_fit(root):
    (path,) = root.rglob("normal_training_video_names.txt")
    path.write_text("normal_scene_5_scenario_1\n")
    with pytest.raises(DataError, match=r"lists 'normal_scene_5_scenario_1', but .*Scene5"):
        UBnormal(root=root).videos("train")
    path.write_text("whatever\n")
    with pytest.raises(DataError, match="lists 'whatever'; expected names such as"):
        UBnormal(root=root).videos("train")
    path.unlink()
    with pytest.raises(DataError, match=r"has no list normal_training_video_names\.txt"):
        UBnormal(root=root).videos("train")


def test_no_root(tmp_path):
    with pytest.raises(DataError, match=r"Scene1/normal_scene.*datasets/ubnormal/README.*root="):
        UBnormal(root=tmp_path)
