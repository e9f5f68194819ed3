"""Lists of intervals by name: UCF-Crime counts from 1, XD-Violence from 0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.temporal import read_ucf_crime, read_xd_violence
from vadkit.errors import DataError


def test_ucf_crime(tmp_path):
    path = tmp_path / "Temporal.txt"
    path.write_bytes(
        b"Abuse028_x264.mp4  Abuse  165  240  -1  -1  \r\n"
        b"\r\n"
        b"Arson011_x264.mp4\tArson\t150\t420\t680\t1267\r\n"
        b"Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1\n"
        b"  Fire1 Arson 1 1  "
    )
    assert read_ucf_crime(path) == {
        "Abuse028_x264": Labels([(164, 240)]),
        "Arson011_x264": Labels([(149, 420), (679, 1267)]),
        "Normal_Videos_003_x264": Labels([]),
        "Fire1": Labels([(0, 1)]),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b.mp4 Abuse 165 240 -1", "line 2: 3 frame numbers; expected pairs"),
        ("b.mp4 Abuse", "line 2: 0 frame numbers"),
        ("b.mp4", "line 2: expected 'name class first last first last'"),
        ("b.mp4 Abuse 240 165", "line 2: 240 to 165 is not a range"),
        ("b.mp4 Abuse 0 165", "line 2: 0 to 165 is not a range of frames that count from 1"),
        ("b.mp4 Abuse 5 -1", "line 2: 5 to -1 is not a range .*; a missing pair is -1 -1"),
        ("b.mp4 Abuse 1.5 165", "line 2: 1.5 is not a whole number"),
        ("b.mp4 Abuse 1 nan", "line 2: 'nan' is not a finite number"),
        ("b.mp4 Abuse 1 1e12", "line 2: 1e12 is too large"),
        ("b.mp4 Abuse one 165", "line 2: 'one' is not a number"),
        ("b.mp4 Abuse -1 -1 -1 -1", "line 2: class 'Abuse' has no abnormal frames; only normal"),
        ("b.mp4 Normal 5 9", "line 2: class 'Normal' has frames 5 to 9; only normal"),
        ("a.mp4 Abuse 5 9", "line 2: video 'a' is in the file twice"),
    ],
)
def test_ucf_crime_faults_name_the_line(tmp_path, line, message):
    path = tmp_path / "ucf.txt"
    path.write_text(f"a.mp4 Abuse 1 2\n{line}\n")
    with pytest.raises(DataError, match=rf"ucf\.txt, {message}"):
        read_ucf_crime(path)


names = st.text("abcXYZ019_.=#-", min_size=1).filter(
    lambda name: not name.lower().endswith((".mp4", ".avi", ".mkv"))
)
intervals = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(1, 900)).map(lambda one: (one[0], sum(one))),
    max_size=3,
)


@given(
    st.dictionaries(names, intervals, min_size=1),
    st.sampled_from([" ", "  ", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r\n\r\n"]),
    st.sampled_from(["", ".mp4"]),
)
def test_ucf_crime_round_trip(tmp_path_factory, videos, space, end, suffix):
    path = tmp_path_factory.mktemp("ucf") / "ucf.txt"
    lines = []
    for name, pairs in videos.items():
        words = [name + suffix, "Robbery" if pairs else "Normal"]
        words += [f"{start + 1}{space}{stop}" for start, stop in pairs] + ["-1", "-1"]
        lines.append(space.join(words) + end)
    path.write_bytes("".join(lines).encode())
    assert read_ucf_crime(path) == {name: Labels(pairs) for name, pairs in videos.items()}


def test_xd_violence(tmp_path):
    path = tmp_path / "annotations.txt"
    path.write_text(
        "v=abc__#1_label_B2-0-0 0 165 300 301\n"
        "A.Beautiful.Mind.2001__#00-25-20_00-29-20_label_G-B2-B6.mp4 420 1848\n"
    )
    assert read_xd_violence(path) == {
        "v=abc__#1_label_B2-0-0": Labels([(0, 165), (300, 301)]),
        "A.Beautiful.Mind.2001__#00-25-20_00-29-20_label_G-B2-B6": Labels([(420, 1848)]),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b 1 2 3", "line 3: 3 frame numbers; expected pairs"),
        ("b", "line 3: 0 frame numbers; expected pairs"),
        ("b 9 5", r"line 3: \[9, 5\) is not an interval"),
        ("b 5 5", r"line 3: \[5, 5\) is not an interval"),
        ("b -1 -1", r"line 3: \[-1, -1\) is not an interval of frames that count from 0"),
        ("b Abuse 5", "line 3: 'Abuse' is not a number"),
        ("a.mp4 5 9", "line 3: video 'a' is in the file twice"),
    ],
)
def test_xd_violence_faults_name_the_line(tmp_path, line, message):
    path = tmp_path / "xd.txt"
    path.write_text(f"a 1 2\n\n{line}\n")
    with pytest.raises(DataError, match=rf"xd\.txt, {message}"):
        read_xd_violence(path)


@pytest.mark.parametrize("read", [read_ucf_crime, read_xd_violence])
def test_files_that_are_not_lists(tmp_path, read):
    with pytest.raises(DataError, match="labels not found"):
        read(tmp_path / "none.txt")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read(tmp_path)
    (tmp_path / "a.txt").write_text("\n \n")
    with pytest.raises(DataError, match=r"a\.txt has no lines"):
        read(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DataError, match=r"a\.txt are not a UTF-8 text file"):
        read(tmp_path / "a.txt")
