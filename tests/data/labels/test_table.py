"""Labels in CSV, a row a frame or a row an interval."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.table import read_csv, seconds
from vadkit.errors import DataError


def write(folder, text):
    path = folder / "l.csv"
    path.write_bytes(text.encode())
    return path


def test_one_row_per_frame_in_any_order(tmp_path):
    text = "video,frame,abnormal\na,2,TRUE\nb,0,0\na,0,false\n\na,1,1\n"
    assert read_csv(write(tmp_path, text)) == {"a": Labels([(1, 3)], 3), "b": Labels([], 1)}


@pytest.mark.parametrize("separator", [",", ";", "\t", ", "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_one_row_per_interval(tmp_path, separator, end, mark):
    rows = ["Video,start,end,frames", "a,2,5,20", "b,,,30", "a,7,9,", ",,,", "c,1,4,"]
    text = mark + end.join(rows).replace(",", separator)
    assert read_csv(write(tmp_path, text)) == {
        "a": Labels([(2, 5), (7, 9)], 20),
        "b": Labels([], 30),
        "c": Labels([(1, 4)]),
    }


def test_columns_in_any_order_and_without_lengths(tmp_path):
    assert read_csv(write(tmp_path, "end,video,start\n5,a,2\n")) == {"a": Labels([(2, 5)])}


# No control characters and no space at the ends, which spreadsheets drop.
names = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1).map(
    str.strip
)
flags = st.lists(st.booleans(), min_size=1, max_size=25)


@given(
    st.dictionaries(names.filter(bool), flags, min_size=1),
    st.sampled_from([",", ";", "\t"]),
    st.booleans(),
)
def test_round_trip(tmp_path_factory, videos, separator, by_frame):
    labels = {video: Labels.from_flags(np.array(values)) for video, values in videos.items()}
    header = ["video", "start", "end", "frames"]
    rows = [
        [video, *pair, one.frames]
        for video, one in labels.items()
        for pair in one.intervals or [("", "")]
    ]
    if by_frame:
        header = ["video", "frame", "abnormal"]
        rows = [
            [video, frame, int(flag)]
            for video, values in videos.items()
            for frame, flag in enumerate(values)
        ]
    path = tmp_path_factory.mktemp("csv") / "l.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows([header, *rows])
    assert read_csv(path) == labels


FRAMES = "video,frame,abnormal\na,0,0\n"
SPANS = "video,start,end,frames\na,2,5,20\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header is ''; expected 'video,frame,abnormal' or"),
        ("a,0,1\n", "line 1: the header is '0,1,a'"),
        ("video,frame,abnormal,note\n", "line 1: the header is 'abnormal,frame,note,video'"),
        (FRAMES + "a,1\n", "line 3: 2 cells, but the header has 3"),
        (FRAMES + ",1,0\n", "line 3: the video's name is empty"),
        (FRAMES + "a,0,1\n", "line 3: a second row for frame 0 of video 'a'"),
        (FRAMES + "a,-1,1\n", "line 3: frame -1; frames count from 0"),
        (FRAMES + "a,one,1\n", "line 3: 'one' is not a number"),
        (FRAMES + "a,1,2\n", "line 3: abnormal is '2'; expected 0, 1, true or false"),
        (FRAMES + '\na,1,"1\n', "line 4: unexpected end of data"),
        (SPANS + "a,7,7,20\n", r"line 3: \[7, 7\) is not an interval"),
        (SPANS + "a,-1,7,20\n", r"line 3: \[-1, 7\) is not an interval"),
        (SPANS + "a,1,,20\n", "line 3: '' is not a number"),
        (SPANS + "a,7,8,21\n", "line 3: video 'a' has 21 frames, but 20 in an earlier row"),
        (SPANS + "b,7,8,\nb,,,7\n", "line 3: end 8 of video 'b', which has 7 frames"),
    ],
)
def test_faults_name_the_line(tmp_path, text, message):
    with pytest.raises(DataError, match=rf"l\.csv, {message}"):
        read_csv(write(tmp_path, text))


def test_missing_frames_are_named(tmp_path):
    text = "video,frame,abnormal\nb,0,0\na,1,0\na,2,0\na,4,1\n"
    message = r"l\.csv: video 'a' has no row for frame 0, but its rows reach frame 4"
    with pytest.raises(DataError, match=message):
        read_csv(write(tmp_path, text))
    with pytest.raises(DataError, match="'a' has no row for frame 3, but"):
        read_csv(write(tmp_path, text + "a,0,0\n"))


def in_seconds(*pairs, frames=None):
    return Labels([], frames, pairs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("video,start_s,end_s\na,2.0,4\na,7,8.5\nb,,\n", in_seconds((2, 4), (7, 8.5))),
        ("file_name;Start (s);End (s)\na;2,5;4,25\nb;;\n", in_seconds((2.5, 4.25))),
        ("end time\tstart time\tvideo\n4\t2\ta\n\t\tb\n", in_seconds((2, 4))),
        ("video,start,end\na,0:02,1:00:04.5\nb,,\n", in_seconds((2, 3604.5))),
        ("video_name,start_frame,end_frame\na,2.0,4\nb,,\n", Labels([(2, 4)])),
        ("end_frame,video,n_frames,start_frame\n4,a,9,2\n,b,,\n", Labels([(2, 4)], 9)),
    ],
)
def test_the_header_tells_the_unit(tmp_path, text, expected):
    path = write(tmp_path, text)
    assert read_csv(path) == {"a": expected, "b": Labels([])}
    with pytest.raises(DataError, match=r"remove one of both|is not a number"):
        read_csv(path, "seconds" if expected.intervals else "frames")


@pytest.mark.parametrize("cells", ["2.0,4.0", "2,4.", "2.5,4"])
def test_decimals_without_a_unit_are_asked_about(tmp_path, cells):
    path = write(tmp_path, f"video,start,end\nb,,\na,{cells}\n")
    with pytest.raises(DataError, match=r"l\.csv, line 3: (start|end) is .*`--unit frames` or"):
        read_csv(path)
    assert read_csv(path, "seconds")["a"].seconds
    if "2.5" not in cells:
        assert read_csv(path, "frames")["a"] == Labels([(2, 4)])


def test_whole_numbers_are_frames_unless_said_otherwise(tmp_path):
    path = write(tmp_path, "video,start,end\na,2,4\n")
    assert read_csv(path)["a"] == Labels([(2, 4)])
    assert read_csv(path, "seconds")["a"] == in_seconds((2.0, 4.0))


def test_two_columns_of_one_meaning(tmp_path):
    with pytest.raises(DataError, match="line 1: two columns are 'video'; delete one"):
        read_csv(write(tmp_path, "video,name,start,end\n"))


def test_utf_16_as_excel_saves_text(tmp_path):
    path = tmp_path / "l.csv"
    path.write_bytes("video\tstart\tend\né\t1\t3\n".encode("utf-16"))
    assert read_csv(path) == {"é": Labels([(1, 3)])}


def test_an_excel_sheet_is_a_table(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["clip", "start", "end", "frames"], ["a", 2, 4, 9], ["b", None, None, 7]):
        book.active.append(row)
    book.save(tmp_path / "l.xlsx")
    assert read_csv(tmp_path / "l.xlsx") == {"a": Labels([(2, 4)], 9), "b": Labels([], 7)}


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_clock_times_are_seconds(hours, minutes, whole, thousandths):
    value = hours * 3600 + minutes * 60 + whole + thousandths / 1000
    assert seconds(f"{hours}:{minutes:02d}:{whole:02d}.{thousandths:03d}") == pytest.approx(value)
    assert seconds(f"{value:.3f}".replace(".", ",")) == pytest.approx(value)


@given(st.text(max_size=12))
def test_other_text_is_no_time(text):
    try:
        found = seconds(text)
    except ValueError:
        return
    assert np.isfinite(found)
