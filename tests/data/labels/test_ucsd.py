"""UCSD's label script, the ``gt`` cell array, and the real files of Ped2."""

import json

import numpy as np
import pytest
from scipy.io import savemat

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.masks import packed_masks
from vadkit.data.labels.ucsd import read_interval_mat, read_ucsd_m
from vadkit.errors import DataError


def intervals(labels):
    return {video: one.intervals for video, one in labels.items()}


def test_script_counts_from_one_and_includes_both_ends(tmp_path):
    path = tmp_path / "UCSDped1.m"
    path.write_text(
        "TestVideoFile = {};\n"
        "TestVideoFile{end+1}.gt_frame = [60:152];\n"
        "TestVideoFile{end+1}.gt_frame = [5:90, 140 : 200];\n"
        "%TestVideoFile{end+1}.gt_frame = [1:2];\n"
        "TestVideoFile{end+1}.gt_frame = [1:100 110:200 7];\n"
        "TestVideoFile{end+1}.gt_frame = [];\n"
    )
    assert read_ucsd_m(path) == {
        "01": Labels([(59, 152)]),
        "02": Labels([(4, 90), (139, 200)]),
        "03": Labels([(0, 100), (109, 200), (6, 7)]),
        "04": Labels([]),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = 1;", "no line such as"), ("gt_frame = [1:2:9]", "clip 1: '1:2:9'")],
)
def test_script_that_cannot_be_understood(tmp_path, text, message):
    path = tmp_path / "UCSDped2.m"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_ucsd_m(path)


def test_script_that_is_missing(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_ucsd_m(tmp_path / "none.m")


def test_matlab_files_of_version_7_3_say_how_to_convert_them(tmp_path):
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8)
    # Version 2.0 in the header is HDF5.
    (tmp_path / "ped2.mat").write_bytes(header + b"\x00\x02IM" + bytes(384) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(DataError, match=r"ped2\.mat is a MATLAB 7.3 file.*'gt', '-v7'"):
        read_interval_mat(tmp_path / "ped2.mat")


def save_cells(path, *values):
    cells = np.empty((1, len(values)), object)
    for place, value in enumerate(values):
        cells[0, place] = value
    savemat(path, {"gt": cells})
    return path


def test_interval_mat(tmp_path):
    first = np.array([[61], [180]], np.uint8)
    second = np.array([[5, 140], [90, 200]], np.uint8)
    path = save_cells(tmp_path / "ped2.mat", first, second)
    assert read_interval_mat(path) == {
        "01": Labels([(60, 180)]),
        "02": Labels([(4, 90), (139, 200)]),
    }
    savemat(tmp_path / "other.mat", {"labels": first})
    with pytest.raises(DataError, match="no cell array 'gt'"):
        read_interval_mat(tmp_path / "other.mat")
    with pytest.raises(DataError, match=r"labels not found: .*none\.mat"):
        read_interval_mat(tmp_path / "none.mat")


@pytest.mark.parametrize("shape", [(0, 0), (1, 0), (2, 0)])
def test_interval_mat_with_an_empty_cell(tmp_path, shape):
    path = save_cells(tmp_path / "ped2.mat", np.zeros(shape))
    assert read_interval_mat(path) == {"01": Labels([])}


@pytest.mark.parametrize(
    "cell", [np.array([1, 2, 3]), np.array([[61.5], [180]]), np.array([[1], [np.inf]]), "abc"]
)
def test_interval_mat_whose_cell_holds_no_intervals(tmp_path, cell):
    path = save_cells(tmp_path / "ped2.mat", cell)
    with pytest.raises(DataError, match=r"ped2.mat, clip 1: expected first and last"):
        read_interval_mat(path)


def test_interval_mat_cut_short(tmp_path):
    whole = save_cells(tmp_path / "whole.mat", np.array([[61], [180]])).read_bytes()
    for length in (0, 150, len(whole) - 20):
        (tmp_path / "cut.mat").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.mat"):
            read_interval_mat(tmp_path / "cut.mat")


@pytest.mark.real_data
def test_official_labels_of_ped2_agree_with_the_masks(real_data):
    folder = real_data / "ped2"
    labels = read_ucsd_m(folder / "UCSDped2.m")
    listed = json.loads((folder / "frame_labels.json").read_text())["clips"]
    assert intervals(labels) == {
        clip: [tuple(pair) for pair in pairs] for clip, pairs in listed.items()
    }
    frames = abnormal = 0
    for video, one in labels.items():
        masks = packed_masks(folder / "pixel_masks_packbits.npz", video, 360)
        assert masks.dtype == bool and masks.shape[1:] == (240, 360)
        flags = one.flags(len(masks), video, "UCSDped2.m")
        np.testing.assert_array_equal(flags, masks.any(axis=(1, 2)), err_msg=video)
        frames += len(flags)
        abnormal += flags.sum()
    assert (frames, abnormal) == (2010, 1648)


@pytest.mark.real_data
def test_ped2_mat_begins_later_than_the_official_labels(real_data):
    official = read_ucsd_m(real_data / "ped2" / "UCSDped2.m")
    spread = read_interval_mat(real_data / "ped2" / "ped2.mat")
    # The spread file leaves out the first four frames, which few methods score.
    later = {
        video: Labels([(4 if start == 0 else start, end) for start, end in one.intervals])
        for video, one in official.items()
        if video != "06"
    }
    assert {video: spread[video] for video in later} == later
    assert spread["06"] == official["06"] == Labels([(0, 159)])
