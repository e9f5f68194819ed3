"""Intervals in and out, and every label file with its own way of counting."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.labels import (
    check_length,
    frames_to_intervals,
    intervals_to_frames,
    read_interval_mat,
    read_labels,
    read_ucsd_m,
    write_labels,
)
from vadkit.errors import DataError


@given(st.lists(st.booleans(), max_size=60))
def test_intervals_round_trip(flags):
    flags = np.array(flags, bool)
    intervals = frames_to_intervals(flags)
    np.testing.assert_array_equal(intervals_to_frames(intervals, len(flags), "01"), flags)
    assert all(before[1] < after[0] for before, after in pairwise(intervals))


@given(st.dictionaries(st.text(min_size=1), st.lists(st.booleans(), min_size=1, max_size=30)))
def test_json_round_trip(tmp_path_factory, videos):
    path = tmp_path_factory.mktemp("labels") / "labels.json"
    write_labels(path, {name: np.array(flags) for name, flags in videos.items()})
    read = read_labels(path)
    assert {name: flags.tolist() for name, flags in read.items()} == videos


def test_interval_beyond_the_video_names_it_and_both_numbers():
    with pytest.raises(DataError, match=r"'cam/07'.* 181.* 180 .*another version"):
        intervals_to_frames([(60, 181)], 180, "cam/07")


@pytest.mark.parametrize("interval", [(-1, 5), (5, 5), (6, 2)])
def test_interval_that_is_none(interval):
    with pytest.raises(DataError, match=r"'01'.*not an interval"):
        intervals_to_frames([interval], 10, "01")


def test_length_mismatch_names_video_both_numbers_and_file():
    flags = np.zeros(180, bool)
    assert check_length(flags, 180, "03", "labels.json") is flags
    with pytest.raises(DataError, match=r"'03' has 179 frames but labels.json labels 180.*re-enc"):
        check_length(flags, 179, "03", "labels.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "not a label file of vadkit"),
        ('{"format": "vadkit-labels-9", "videos": {}}', "not a label file of vadkit"),
        ('{"format": "vadkit-labels-1", "videos": []}', "must map video ids"),
        ('{"format": "vadkit-labels-1", "videos": {"a": {"frames": 3}}}', "'a' needs 'frames'"),
        *(
            (
                f'{{"format": "vadkit-labels-1", "videos": {{"a": {{"frames": {frames}, '
                f'"abnormal": {abnormal}}}}}}}',
                "'a' needs 'frames'",
            )
            for frames, abnormal in (
                ("-1", "[]"),
                ("180.9", "[]"),
                ("Infinity", "[]"),
                ('"5"', "[]"),
                ("5", "[[1.7, 3]]"),
                ("5", "[[1, 2, 3]]"),
            )
        ),
        (
            '{"format": "vadkit-labels-1", "videos": {"a": {"frames": 3, "abnormal": [[1, 9]]}}}',
            "'a' reach frame 9, but the video has 3",
        ),
    ],
)
def test_broken_json_says_how(tmp_path, text, message):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_labels(path)


def test_missing_json(tmp_path):
    with pytest.raises(DataError, match="labels not found"):
        read_labels(tmp_path / "none.json")


def test_json_is_plain(tmp_path):
    write_labels(tmp_path / "l.json", {"01": np.array([0, 1, 1, 0, 1], bool)})
    expected = {"01": {"frames": 5, "abnormal": [[1, 3], [4, 5]]}}
    assert json.loads((tmp_path / "l.json").read_text())["videos"] == expected


def test_ucsd_script_counts_from_one_and_includes_both_ends(tmp_path):
    path = tmp_path / "UCSDped1.m"
    path.write_text(
        "TestVideoFile = {};\n"
        "TestVideoFile{end+1}.gt_frame = [60:152];\n"
        "TestVideoFile{end+1}.gt_frame = [5:90, 140 : 200];\n"
        "%TestVideoFile{end+1}.gt_frame = [1:2];\n"
        "TestVideoFile{end+1}.gt_frame = [1:100 110:200 7];\n"
        "TestVideoFile{end+1}.gt_frame = [];\n"
    )
    assert read_ucsd_m(path) == [
        [(59, 152)],
        [(4, 90), (139, 200)],
        [(0, 100), (109, 200), (6, 7)],
        [],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = 1;", "no line such as"), ("gt_frame = [1:2:9]", "clip 1: '1:2:9'")],
)
def test_ucsd_script_that_cannot_be_understood(tmp_path, text, message):
    path = tmp_path / "UCSDped2.m"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_ucsd_m(path)


def test_interval_mat(tmp_path):
    from scipy.io import savemat

    cells = np.empty((1, 2), object)
    cells[0, 0] = np.array([[61], [180]], np.uint8)
    cells[0, 1] = np.array([[5, 140], [90, 200]], np.uint8)
    savemat(tmp_path / "ped2.mat", {"gt": cells})
    assert read_interval_mat(tmp_path / "ped2.mat") == [[(60, 180)], [(4, 90), (139, 200)]]
    savemat(tmp_path / "other.mat", {"labels": cells})
    with pytest.raises(DataError, match="no cell array 'gt'"):
        read_interval_mat(tmp_path / "other.mat")


@pytest.mark.parametrize("shape", [(0, 0), (1, 0), (2, 0)])
def test_interval_mat_with_an_empty_cell(tmp_path, shape):
    save_cell(tmp_path / "ped2.mat", np.zeros(shape))
    assert read_interval_mat(tmp_path / "ped2.mat") == [[]]


@pytest.mark.parametrize("cell", [np.array([1, 2, 3]), np.array([[61.5], [180]]), "abc"])
def test_interval_mat_whose_cell_holds_no_intervals(tmp_path, cell):
    save_cell(tmp_path / "ped2.mat", cell)
    with pytest.raises(DataError, match=r"ped2.mat, clip 1: expected first and last"):
        read_interval_mat(tmp_path / "ped2.mat")


def test_interval_mat_cut_short(tmp_path):
    save_cell(tmp_path / "whole.mat", np.array([[61], [180]]))
    whole = (tmp_path / "whole.mat").read_bytes()
    for length in (0, 150, len(whole) - 20):
        (tmp_path / "cut.mat").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.mat"):
            read_interval_mat(tmp_path / "cut.mat")


def save_cell(path, cell):
    from scipy.io import savemat

    cells = np.empty((1, 1), object)
    cells[0, 0] = cell
    savemat(path, {"gt": cells})


def test_ucsd_script_that_is_missing(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_ucsd_m(tmp_path / "none.m")
