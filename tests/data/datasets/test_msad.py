"""MSAD by its published lists: which videos are normal, and kinds of anomalies from names."""

import numpy as np
import pytest

from vadkit.data.datasets.msad import Msad

TRAIN = ["training/Object_falling_12_i3d.npy", "training/MSAD_normal_frontdoor1_i3d.npy"]
TEST = [
    "abnormal-testing/Fire_2_i3d.npy",
    "normal-testing/MSAD_normal_testing_1_i3d.npy",
    "abnormal-testing/Traffic_accident_4_i3d.npy",
]


@pytest.fixture
def lists(tmp_path):
    for name, entries in (("msad-i3d.list", TRAIN), ("msad-i3d-test.list", TEST)):
        (tmp_path / name).write_text("".join(f"/scratch/MSAD-I3D-{one}\n" for one in entries))
    return {"train": tmp_path / "msad-i3d.list", "test": tmp_path / "msad-i3d-test.list"}


def test_names_tell_what_is_abnormal_and_of_which_kind(lists):
    found = [(one.id, one.abnormal, one.category) for one in Msad(**lists).videos("train")]
    assert found == [
        ("Object_falling_12", True, "object falling"),
        ("MSAD_normal_frontdoor1", False, None),
    ]
    assert Msad(**lists).expected("test") == (240, None)


def test_the_row_of_labels_is_cut_by_features(lists, tmp_path):
    features = tmp_path / "features"
    features.mkdir()
    for entry, segments in zip(TEST, (2, 1, 3), strict=True):
        np.save(features / entry.rpartition("/")[2], np.zeros((segments, 10, 4), np.float16))
    row = np.zeros(96)
    row[16:40] = row[60:96] = 1
    np.save(tmp_path / "gt-MSAD-WS.npy", row)
    data = Msad(**lists, labels=tmp_path / "gt-MSAD-WS.npy", features=features)
    found = data.videos("test")
    assert [(one.id, one.frames, one.category) for one in found] == [
        ("Fire_2", 32, "fire"),
        ("MSAD_normal_testing_1", 16, None),
        ("Traffic_accident_4", 48, "traffic accident"),
    ]
    flags = np.concatenate([one.labels(one.frames) for one in found])
    np.testing.assert_array_equal(flags, row.astype(bool))
