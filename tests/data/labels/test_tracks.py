"""Objects over time: UBnormal's spans, RBDC/TBDC boxes and Street Scene."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.tracks import (
    read_street_scene,
    read_track_files,
    read_ubnormal,
    read_ubnormal_tracks,
    street_scene_tracks,
    tracks_of,
)
from vadkit.errors import DataError


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def ubnormal(root, video, text, kind="tracks"):
    scene = root / "Scene1" / f"{video}_annotations"
    return write(scene / f"{video}_{kind}.txt", text)


def test_ubnormal_includes_both_ends_and_joins_objects(tmp_path):
    path = ubnormal(tmp_path, "abnormal_scene_1_scenario_2", "7.0, 60.0, 99.0\n9,90,150\n3,0,0\n")
    assert read_ubnormal_tracks(path) == Labels([(0, 1), (60, 151)])
    assert read_ubnormal(path) == {"abnormal_scene_1_scenario_2": Labels([(0, 1), (60, 151)])}


def test_ubnormal_folder_takes_the_corrected_files(tmp_path):
    old = ubnormal(tmp_path, "a", "1,0,5")
    ubnormal(tmp_path, "a", "1,2,3\n", "new_tracks")
    ubnormal(tmp_path, "b", "1,4,5\n")
    ubnormal(tmp_path, "c", "")
    write(tmp_path / "other" / "d_tracks.txt", "1,4,5")
    expected = {"a": Labels([(2, 4)]), "b": Labels([(4, 6)]), "c": Labels([])}
    assert read_ubnormal(tmp_path) == expected
    assert read_ubnormal(old.parent) == {"a": expected["a"]}
    assert read_ubnormal_tracks(old) == expected["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,0,5\n1,5", "line 2: 2 comma-separated values; expected 3: object, start, end"),
        ("1,9,5", "line 1: 9 to 5 is not a range of frames"),
        ("1,-1,5", "line 1: -1 to 5 is not a range of frames that count from 0"),
        ("1,0.5,5", "line 1: 0.5 is not a whole number"),
        ("1,,5", "line 1: '' is not a number"),
    ],
)
def test_ubnormal_faults_name_the_line(tmp_path, text, message):
    ubnormal(tmp_path, "a", text)
    with pytest.raises(DataError, match=rf"a_tracks\.txt, {message}"):
        read_ubnormal(tmp_path)


def test_ubnormal_folders_without_or_with_two(tmp_path):
    with pytest.raises(DataError, match=r"contains no <video>_annotations/<video>_tracks\.txt"):
        read_ubnormal(tmp_path)
    with pytest.raises(DataError, match="labels not found"):
        read_ubnormal(tmp_path / "none")
    ubnormal(tmp_path / "1", "a", "1,0,5")
    ubnormal(tmp_path / "2", "a", "1,0,5")
    with pytest.raises(DataError, match="both label video 'a'"):
        read_ubnormal(tmp_path)


def test_track_files(tmp_path):
    path = write(
        tmp_path / "10.txt",
        "1,5,10,20,30,40\n1, 4, 11.5, 20, 30, 40\r\n\n0,7,1,2,3,4\n0.0,8.0,0,0,0,0\n",
    )
    write(tmp_path / "9.txt", "")
    first, second = tracks_of(path)
    assert first.frames.tolist() == [7, 8]
    assert first.boxes.tolist() == [[1, 2, 3, 4], [0, 0, 0, 0]]
    assert second.frames.tolist() == [4, 5]
    assert second.boxes.tolist() == [[11.5, 20, 30, 40], [10, 20, 30, 40]]
    read = read_track_files(tmp_path)
    assert read == {"9": Labels([]), "10": Labels([(4, 6), (7, 9)])}
    assert list(read) == ["9", "10"]
    assert read_track_files(path) == {"10": read["10"]}
    assert tracks_of(tmp_path / "9.txt") == []


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 4), st.integers(0, 60)),
        st.tuples(*[st.integers(0, 99)] * 2, *[st.integers(1, 99)] * 2),
        max_size=30,
    ),
    st.sampled_from(["{:d}", "{:.1f}", " {:d} "]),
)
def test_track_files_round_trip(tmp_path_factory, boxes, form):
    rows = [(*key, x, y, x + w, y + h) for key, (x, y, w, h) in boxes.items()]
    path = tmp_path_factory.mktemp("tracks") / "a.txt"
    path.write_text("\n".join(",".join(form.format(value) for value in row) for row in rows))
    tracks = tracks_of(path)
    numbers = sorted({row[0] for row in rows})
    assert len(tracks) == len(numbers)
    for number, track in zip(numbers, tracks, strict=True):
        expected = np.array(sorted(row[1:] for row in rows if row[0] == number))
        np.testing.assert_array_equal(track.frames, expected[:, 0])
        np.testing.assert_array_equal(track.boxes, expected[:, 1:])
    flags = read_track_files(path)["a"].flags(61, "a", "a.txt")
    assert np.flatnonzero(flags).tolist() == sorted({row[1] for row in rows})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,5,10,20,30", "line 2: 5 comma-separated values; expected 6: track, frame, x_min"),
        ("1 6 10 20 30 40", "line 2: 1 comma-separated values"),
        ("1,-6,10,20,30,40", "line 2: frame -6 is below the first one"),
        ("1,6,30,20,10,40", "line 2: the end of the box is before its start"),
        ("1,6,10,inf,30,40", "line 2: 'inf' is not a finite number"),
        ("1,5,1,2,3,4", "line 2: track 1 has a second box in frame 5"),
    ],
)
def test_track_faults_name_the_line(tmp_path, row, message):
    write(tmp_path / "01.txt", f"1,5,10,20,30,40\n{row}\n")
    with pytest.raises(DataError, match=rf"01\.txt, {message}"):
        read_track_files(tmp_path)


def test_street_scene(tmp_path):
    path = write(
        tmp_path / "Test001" / "Test001_gt.txt",
        "Street Scene/Test001/003.jpg 2 10 20 5 8\n"
        "Street Scene/Test001/001.jpg 2 11 20 5.5 8\n"
        "004.jpg\t0\t1\t2\t3\t4\n",
    )
    write(tmp_path / "Test010" / "Test010_gt.txt", "0012.jpg 1 0 0 9 9\n")
    first, second = street_scene_tracks(path)
    assert first.frames.tolist() == [3] and first.boxes.tolist() == [[1, 2, 4, 6]]
    assert second.frames.tolist() == [0, 2]
    assert second.boxes.tolist() == [[11, 20, 16.5, 28], [10, 20, 15, 28]]
    expected = {"Test001": Labels([(0, 1), (2, 4)]), "Test010": Labels([(11, 12)])}
    assert read_street_scene(tmp_path) == expected
    assert read_street_scene(path) == {"Test001": expected["Test001"]}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("001.jpg 1 2 3 4", "line 1: expected '001.jpg track x y w h'"),
        ("frame 1 2 3 4 5", "line 1: expected '001.jpg track x y w h'"),
        ("000.jpg 1 2 3 4 5", "line 1: image 000.jpg: images count from 1"),
        ("001.jpg 1 2 3 -4 5", "line 1: the end of the box is before its start"),
        ("001.jpg 1.5 2 3 4 5", "line 1: 1.5 is not a whole number"),
    ],
)
def test_street_scene_faults_name_the_line(tmp_path, row, message):
    write(tmp_path / "Test001_gt.txt", row)
    with pytest.raises(DataError, match=rf"Test001_gt\.txt, {message}"):
        read_street_scene(tmp_path)
