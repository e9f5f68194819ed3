"""vadkit's own JSON: what is written is read again, and faults are named."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import read_labels, write_labels
from vadkit.errors import DataError


@given(st.dictionaries(st.text(min_size=1), st.lists(st.booleans(), min_size=1, max_size=30)))
def test_json_round_trip(tmp_path_factory, videos):
    path = tmp_path_factory.mktemp("labels") / "labels.json"
    labels = {name: Labels.from_flags(np.array(flags)) for name, flags in videos.items()}
    write_labels(path, labels)
    assert read_labels(path) == labels


def test_json_is_plain(tmp_path):
    labels = {"01": Labels.from_flags(np.array([0, 1, 1, 0, 1], bool))}
    write_labels(tmp_path / "l.json", labels)
    expected = {"01": {"frames": 5, "abnormal": [[1, 3], [4, 5]]}}
    assert json.loads((tmp_path / "l.json").read_text())["videos"] == expected


def test_integers_of_numpy_are_written(tmp_path):
    one, three = np.int64(1), np.int32(3)
    write_labels(tmp_path / "l.json", {"01": Labels([(one, three)], three)})
    assert read_labels(tmp_path / "l.json") == {"01": Labels([(1, 3)], 3)}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            Labels([(1, 3)]),
            r"'b' do not state the number of frames, which .*l\.json needs; give",
        ),
        (Labels([(1, 9)], 3), "'b' reach frame 9, but the video has 3"),
    ],
)
def test_labels_that_cannot_be_written_keep_the_old_file(tmp_path, labels, message):
    path = tmp_path / "l.json"
    write_labels(path, {"a": Labels([], 4)})
    with pytest.raises(DataError, match=message):
        write_labels(path, {"a": Labels([], 5), "b": labels})
    assert read_labels(path) == {"a": Labels([], 4)}


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "l.json"
    write_labels(path, {"a": Labels([], 4)})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_labels(path, {"a": Labels([], 5)})
    assert read_labels(path) == {"a": Labels([], 4)}
    assert [file.name for file in tmp_path.iterdir()] == ["l.json"]


def entry(frames, abnormal):
    return (
        f'{{"format": "vadkit-labels-1", "videos": {{"a": {{"frames": {frames}, '
        f'"abnormal": {abnormal}}}}}}}'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "not a label file of vadkit"),
        ('{"format": "vadkit-labels-9", "videos": {}}', "not a label file of vadkit"),
        ('{"format": "vadkit-labels-1", "videos": []}', "must map video ids"),
        ('{"format": "vadkit-labels-1", "videos": {"a": {"frames": 3}}}', "'a' needs 'frames'"),
        (entry("-1", "[]"), "'a' needs 'frames'"),
        (entry("180.9", "[]"), "'a' needs 'frames'"),
        (entry("Infinity", "[]"), "'a' needs 'frames'"),
        (entry('"5"', "[]"), "'a' needs 'frames'"),
        (entry("5", "[[1.7, 3]]"), "'a' needs 'frames'"),
        (entry("5", "[[1, 2, 3]]"), "'a' needs 'frames'"),
        (entry("3", "[[1, 9]]"), "'a' reach frame 9, but the video has 3"),
        (entry("2000000000", "[]"), "'a' cannot have 2000000000 frames"),
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
