"""Files computed from frames: their names, progress over threads, and locks."""

from __future__ import annotations

from pathlib import Path

import pytest

from vadkit.data.store.derived import counter, key_of, one_at_a_time, write_derived
from vadkit.errors import DataError


def test_a_name_depends_on_the_component_its_parameters_and_the_rest():
    name = key_of("blobs", {"a": 1, "b": [2, 3]}, "frames")
    # Files on disk have this name, so it must not change from one version to the next.
    assert name == "606d2510eb834c2c9b8c0711"
    others = [
        key_of("dis", {"a": 1, "b": [2, 3]}, "frames"),
        key_of("blobs", {"a": 1, "b": [2, 4]}, "frames"),
        key_of("blobs", {"a": 1, "b": [2, 3]}, "other frames"),
        key_of("blobs", {"a": 1, "b": [2, 3]}),
    ]
    assert len({name, *others}) == 5


def test_a_name_does_not_depend_on_the_order_of_parameters():
    assert key_of("blobs", {"a": 1, "b": 2}) == key_of("blobs", {"b": 2, "a": 1})


def test_a_parameter_may_be_a_path():
    assert key_of("onnx", {"file": Path("a")}) == key_of("onnx", {"file": Path("a")})
    assert key_of("onnx", {"file": Path("a")}) != key_of("onnx", {"file": Path("b")})


def test_progress_is_the_sum_of_all_threads():
    got = []
    tell = counter(lambda *done: got.append(done))
    tell(0, 5)
    tell(1, 2)
    tell(1, 0)
    assert got == [(0, 5), (1, 7), (2, 7)]
    counter(None)(1, 1)


def test_a_derived_file_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "objects" / "a.npz"
    with one_at_a_time(target), write_derived(target) as file:
        file.write(b"abc")
        assert not target.exists()
    assert target.read_bytes() == b"abc"
    with pytest.raises(TypeError), one_at_a_time(target), write_derived(target) as file:
        file.write("not bytes")
    assert target.read_bytes() == b"abc"
    assert [path.name for path in target.parent.iterdir() if path.name[0] != "."] == ["a.npz"]


def test_a_folder_that_cannot_be_written_is_named_with_advice(tmp_path):
    (tmp_path / "objects").write_text("a file")
    target = tmp_path / "objects" / "a.npz"
    with pytest.raises(DataError) as caught, one_at_a_time(target):
        pass
    assert str(caught.value) == (
        f"{target} cannot be written: File exists; free space with `vadkit data cache prune`, or "
        "set VADKIT_CACHE to a writable folder"
    )
