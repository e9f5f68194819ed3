"""Scores of other code: every form, and what is wrong with the broken ones."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.data.frame_scores import read_scores, split_row
from vadkit.errors import DataError

VALUES = np.array([0.25, np.nan, -3.0])


def test_every_form_of_a_folder_gives_the_same(tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    np.save(tmp_path / "b.npy", VALUES.astype(np.float32)[None])
    np.savez(tmp_path / "c.npz", scores=VALUES, labels=np.zeros(3))
    np.savez(tmp_path / "d.npz", VALUES)
    (tmp_path / "e.txt").write_text("0.25\nnan\n-3\n\n")
    (tmp_path / "f.csv").write_text("frame,score\n0,0.25\n1,\n2,-3\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "g.txt").write_bytes(b"\xef\xbb\xbf0.25\r\nNaN\r\n-3.0\r\n")
    (tmp_path / "readme.md").write_text("not scores")
    found = read_scores(tmp_path)
    assert sorted(found) == ["a", "b", "c", "d", "deep/g", "e", "f"]
    for values in found.values():
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, VALUES)


def test_single_files_for_all_videos(tmp_path):
    np.savez(tmp_path / "all.npz", **{"01": VALUES, "02": np.ones(2)})
    found = read_scores(tmp_path / "all.npz")
    np.testing.assert_array_equal(found["01"], VALUES)
    table = "video,frame,score\n01,1,nan\n01,0,0.25\n02,0,7\n01,2,-3\n"
    (tmp_path / "all.csv").write_text(table)
    found = read_scores(tmp_path / "all.csv")
    np.testing.assert_array_equal(found["01"], VALUES)
    np.testing.assert_array_equal(found["02"], [7])
    np.save(tmp_path / "all.npy", np.arange(5))
    row = read_scores(tmp_path / "all.npy")[""]
    parts = split_row(row, {"b": 2, "a": 3})
    np.testing.assert_array_equal(parts["b"], [0, 1])
    np.testing.assert_array_equal(parts["a"], [2, 3, 4])
    with pytest.raises(DataError, match="one array of 5 frames, but the 2 labelled videos have 6"):
        split_row(row, {"b": 2, "a": 4})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("v.txt", "1\nx\n", "line 2: 'x' is not a number"),
        ("v.txt", "1,2\n", "line 1: several values and no header"),
        ("v.txt", "", "v.txt is empty"),
        ("v.npy", "junk", "cannot be read as a NumPy file|pickled"),
        ("v.npz", "junk", "cannot be read as a NumPy file|pickled"),
        ("all.csv", "a,b\n1,2\n", "line 1: the header is 'a,b'; expected 'video,frame,score'"),
        ("all.csv", "video,frame,score\nv,0,1\nv,2,1\n", "reaches frame 2 but lacks frame 1"),
        ("all.csv", "video,frame,score\nv,0,1\nv,0,1\n", "line 3: frame 0 is given twice"),
        ("all.csv", "video,frame,score\nv,-1,1\n", "line 2: frame -1 is not a frame number"),
        ("all.csv", "video,frame,score\nv,0\n", "line 2: 2 cells, but the header has 3"),
        ("all.csv", "video,frame,score\n,0,1\n", "line 2: the video's name is empty"),
        ("all.csv", "video,frame,score\nv,1e99,1\n", "reaches frame 9\\d+ but lacks frame 0"),
        ("v.txt", "1\n1_000\n", "line 2: '1_000' is not a number"),
        ("v.txt", "\u0661\n", "line 1: '\u0661' is not a number"),
        ("v.txt", "score\n1\n2,3\n", "line 3: 2 cells, but the header has 1"),
        ("v.mp4", "x", "v.mp4 is not a score file"),
    ],
)
def test_broken_files_are_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_scores(tmp_path / name)


def test_broken_folders(tmp_path):
    with pytest.raises(DataError, match="contains no scores"):
        read_scores(tmp_path)
    with pytest.raises(DataError, match="scores not found"):
        read_scores(tmp_path / "none")
    np.save(tmp_path / "v.npy", np.ones((2, 3)))
    with pytest.raises(DataError, match=r"shape \(2, 3\); expected one score per frame"):
        read_scores(tmp_path)
    np.save(tmp_path / "v.npy", np.array(["a"]))
    with pytest.raises(DataError, match="has values of type"):
        read_scores(tmp_path)
    np.save(tmp_path / "v.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match="pickled objects, which are not read"):
        read_scores(tmp_path)
    np.save(tmp_path / "v.npy", np.ones(2))
    (tmp_path / "v.txt").write_text("1\n1\n")
    with pytest.raises(DataError, match="both score video 'v'; remove one"):
        read_scores(tmp_path)
    (tmp_path / "v.txt").unlink()
    np.savez(tmp_path / "w.npz", a=np.ones(2), b=np.ones(2))
    with pytest.raises(DataError, match="contains a, b; expected an array named 'scores'"):
        read_scores(tmp_path)


def test_a_column_of_frames_is_the_order(tmp_path):
    (tmp_path / "v.csv").write_text("score,frame,other\n3,1,x\n2,0,y\n,2,z\n")
    np.testing.assert_array_equal(read_scores(tmp_path)["v"], [2, 3, np.nan])
    (tmp_path / "v.csv").write_text("score,label\n3,1\n\n2,0\n")
    np.testing.assert_array_equal(read_scores(tmp_path)["v"], [3, np.nan, 2])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,5\n2,6", "the table reaches frame 2 but lacks frame 0; frames count from 0"),
        ("0,5\n0,6", "line 3: frame 0 is given twice"),
        ("0,5\n1", "line 3: 1 cells, but the header has 2"),
        ("0,5\n\n2,5", "line 3: 0 cells, but the header has 2"),
    ],
)
def test_frames_of_a_column_with_gaps_or_duplicates(tmp_path, rows, message):
    (tmp_path / "v.csv").write_text(f"frame,score\n{rows}\n")
    with pytest.raises(DataError, match=message):
        read_scores(tmp_path)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv"])
def test_damage_is_an_error_of_the_data_and_nothing_else(tmp_path, suffix):
    path, random = tmp_path / f"v{suffix}", np.random.default_rng(0)
    if suffix == ".csv":
        path.write_text("frame,score\n0,1.5\n1,-2\n2,nan\n")
    else:
        np.save(path, VALUES) if suffix == ".npy" else np.savez(path, scores=VALUES)
    whole = path.read_bytes()
    for _ in range(150):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged[: random.integers(1, len(whole) + 1)])
        with contextlib.suppress(DataError):
            read_scores(tmp_path)


def test_a_header_that_promises_more_than_memory_holds(tmp_path):
    with (tmp_path / "v.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(DataError, match="cannot be read as a NumPy file"):
        read_scores(tmp_path)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_text_keeps_every_value(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("scores")
    (folder / "v.txt").write_text("\n".join(repr(value) for value in values))
    np.testing.assert_array_equal(read_scores(folder)["v"], values)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("all.csv", "frame,name,pred\n0,v,0.25\n1,v,\n2,v,-3\n"),
        ("all.csv", "Video Name;Frame No;Anomaly Score\nv;0;0,25\nv;1;nan\nv;2;-3\n"),
        ("all.tsv", "score\tframe\tvideo\n0.25\t0\tv\n\t1\tv\n-3\t2\tv\n"),
        ("all.CSV", "video,frame,score,pred\nv,0,0.25,7\nv,1,,8\nv,2,-3,9\n"),
    ],
)
def test_tables_of_other_people(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    np.testing.assert_array_equal(read_scores(tmp_path / name)["v"], VALUES)


def test_other_files_of_one_video(tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "a.mat", {"scores": VALUES, "n": 3})
    np.savetxt(tmp_path / "b.txt", VALUES[None])
    (tmp_path / "c.csv").write_bytes("frame;score\n0;0,25\n1;\n2;-3,0\n".encode("utf-16"))
    found = read_scores(tmp_path)
    assert sorted(found) == ["a", "b", "c"]
    for values in found.values():
        np.testing.assert_array_equal(values, VALUES)


def test_an_excel_sheet_of_scores(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["video", "frame", "score"], ["v", 0, 0.25], ["v", 1, None], ["v", 2, -3]):
        book.active.append(row)
    book.save(tmp_path / "all.xlsx")
    np.testing.assert_array_equal(read_scores(tmp_path / "all.xlsx")["v"], VALUES)
    (tmp_path / "all.ods").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"all\.ods is a spreadsheet; save it as \.xlsx or CSV"):
        read_scores(tmp_path / "all.ods")


@given(st.lists(st.integers(2, 30), min_size=1, max_size=6), st.integers(0, 1))
def test_a_row_is_split_at_the_borders(lengths, offset):
    frames = {str(number): length for number, length in enumerate(lengths)}
    parts = {video: np.full(count - offset, float(video)) for video, count in frames.items()}
    found = split_row(np.concatenate(list(parts.values())), frames, offset)
    for video, values in parts.items():
        np.testing.assert_array_equal(found[video], values)
