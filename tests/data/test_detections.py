"""Detections of other code: every form reads the same, and faults name the place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.detections import read_detections, write_detections
from vadkit.errors import DataError

ROWS = {
    "01": np.array([[0, 1, 2, 3, 4, 0.5], [7, 1.5, 2, 3, 4, -1]]),
    "02": np.array([[3, 0, 0, 9, 9, 2.25]]),
}


def lines(rows, mark=","):
    return [mark.join(f"{value:g}" for value in row) for row in rows]


def same(found):
    assert found.keys() == ROWS.keys()
    for video, rows in ROWS.items():
        np.testing.assert_array_equal(found[video], rows)


def test_a_folder_of_text(tmp_path):
    for video, rows in ROWS.items():
        (tmp_path / f"{video}.txt").write_text("\n".join(lines(rows)))
    same(read_detections(tmp_path))


def test_a_folder_of_tables(tmp_path):
    for video, rows in ROWS.items():
        header = "frame;x1;y1;x2;y2;score"
        (tmp_path / f"{video}.csv").write_text("\n".join([header, *lines(rows, ";")]))
    same(read_detections(tmp_path))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_tables_without_a_header(tmp_path, mark):
    for video, rows in ROWS.items():
        (tmp_path / f"{video}.csv").write_text("\n".join(lines(rows, mark)))
    same(read_detections(tmp_path))


def test_a_header_in_quotes_and_decimal_commas(tmp_path):
    header = '"frame";"x1";"y1";"x2";"y2";"score"'
    for video, rows in ROWS.items():
        text = "\n".join([header, *lines(rows, ";")])
        (tmp_path / f"{video}.csv").write_text(text.replace(".", ","))
    same(read_detections(tmp_path))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_one_table(tmp_path, mark):
    text = [mark.join(("Video", "frame", "x1", "y1", "x2", "y2", "score"))]
    text += [f"{video}{mark}{line}" for video, rows in ROWS.items() for line in lines(rows, mark)]
    (tmp_path / "all.csv").write_text("\n".join(text))
    same(read_detections(tmp_path / "all.csv"))


def test_archives(tmp_path):
    np.savez(tmp_path / "each.npz", **ROWS)
    same(read_detections(tmp_path / "each.npz"))
    write_detections(tmp_path / "table.npz", ROWS)
    same(read_detections(tmp_path / "table.npz"))


@given(
    st.dictionaries(st.text("abc/é .", min_size=1).map(str.strip).filter(bool), st.integers(1, 3))
)
def test_what_is_written_is_read(tmp_path_factory, counts):
    random = np.random.default_rng(0)
    rows = {}
    for video, count in counts.items():
        corner = random.integers(0, 50, (count, 2))
        boxes = np.hstack([corner, corner + random.integers(0, 9, (count, 2))])
        rows[video] = np.column_stack([random.integers(0, 99, count), boxes, random.random(count)])
    path = tmp_path_factory.mktemp("found") / "found.npz"
    write_detections(path, rows)
    found = read_detections(path)
    assert found.keys() == rows.keys()
    for video in rows:
        np.testing.assert_array_equal(found[video], rows[video])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1,2,3,4", "line 1: '0,1,2,3,4' is not a detection"),
        ("0,1,2,3,4,5\n0,1,2,3,4,high", "line 2: '0,1,2,3,4,high' is not a detection"),
        ("0,1,2,3,4,nan", "is not finite"),
        ("0.5,1,2,3,4,5", "has a frame that is not a whole number from 0"),
        ("-1,1,2,3,4,5", "has a frame that is not a whole number from 0"),
        ("frame,x1,y1,x2,y2\n0,1,2,3,4", "the header lacks score"),
    ],
)
def test_faults_of_text(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        read_detections(tmp_path)


def test_other_faults(tmp_path):
    with pytest.raises(DataError, match="contains no detections"):
        read_detections(tmp_path)
    (tmp_path / "a.csv").write_text("frame,x1,y1,x2,y2,score\n0,1,2,3,4,5")
    with pytest.raises(DataError, match="the header lacks video"):
        read_detections(tmp_path / "a.csv")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(DataError, match="is not a file of detections"):
        read_detections(tmp_path / "a.json")
    np.savez(tmp_path / "a.npz", video=np.array(["a"]), frame=np.zeros(2), score=np.zeros(2))
    with pytest.raises(DataError, match="expected the arrays video"):
        read_detections(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", a=np.zeros((2, 5)))
    with pytest.raises(DataError, match=r"expected numbers \(n, 6\)"):
        read_detections(tmp_path / "b.npz")
