"""One value a frame in NumPy files: shapes, types, and files that are something else."""

import pickle

import numpy as np
import pytest

from vadkit.data.labels.arrays import read_frame_npy, read_frame_npz
from vadkit.data.labels.intervals import Labels
from vadkit.errors import DataError


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
@pytest.mark.parametrize("shape", [(5,), (1, 5)])
def test_values_of_any_type_and_both_shapes(tmp_path, kind, shape):
    np.save(tmp_path / "01_0014.npy", np.array([0, 1, 1, 0, 1], kind).reshape(shape))
    expected = Labels([(1, 3), (4, 5)], 5)
    assert read_frame_npy(tmp_path / "01_0014.npy") == {"01_0014": expected}
    np.savez(tmp_path / "gt.npz", D001_01=np.array([0, 1, 1, 0, 1], kind).reshape(shape))
    assert read_frame_npz(tmp_path / "gt.npz") == {"D001_01": expected}


def test_folder_in_natural_order_without_hidden_files(tmp_path):
    for name in ("10", "9", "._9"):
        np.save(tmp_path / f"{name}.npy", np.zeros(4))
    assert read_frame_npy(tmp_path) == {"9": Labels([], 4), "10": Labels([], 4)}
    assert list(read_frame_npy(tmp_path)) == ["9", "10"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([0, 1, 2]), r"a\.npy has the value 2; expected 0 .* 1"),
        (np.array([0, 0.5]), r"a\.npy has the value 0\.5"),
        (np.array([0, np.nan]), r"a\.npy has the value nan"),
        (np.array([-1, 0]), r"a\.npy has the value -1"),
        (np.array(["0", "1"]), r"a\.npy has values of type <U1"),
        (np.zeros((3, 4, 5)), r"a\.npy has shape \(3, 4, 5\); expected \(N,\).*pixel-npy"),
        (np.zeros((5, 1)), r"a\.npy has shape \(5, 1\); expected \(N,\) or \(1, N\)"),
        (np.zeros(()), r"a\.npy has shape \(\)"),
        (
            np.array([None, 1], object),
            r"a\.npy is not a plain NumPy array; pickled .*save it again",
        ),
    ],
)
def test_arrays_that_are_not_labels(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        read_frame_npy(tmp_path)


def test_pickle_is_never_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "a.npy").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(DataError, match="pickled objects are not read"):
        read_frame_npy(tmp_path / "a.npy")
    np.savez(tmp_path / "gt.npz", a=np.array([Payload()], object))
    with pytest.raises(DataError, match=r"gt\.npz .*pickled objects are not read"):
        read_frame_npz(tmp_path / "gt.npz")
    assert not (tmp_path / "ran").exists()


def test_cut_or_damaged_files_are_named(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(300))
    np.savez_compressed(tmp_path / "gt.npz", a=np.arange(300) % 2)
    for name, read in (("a.npy", read_frame_npy), ("gt.npz", read_frame_npz)):
        whole = (tmp_path / name).read_bytes()
        for length in (0, 4, 70, len(whole) - 30):
            (tmp_path / name).write_bytes(whole[:length])
            with pytest.raises(DataError, match=name):
                read(tmp_path / name)
        middle = len(whole) // 2
        damaged = whole[: middle - 40] + b"\xff" * 80 + whole[middle + 40 :]
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(DataError, match=name):
            read(tmp_path / name)


def test_the_wrong_kind_of_file(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(DataError, match=r"a\.npy is an archive of arrays"):
        read_frame_npy(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"b\.npy is one array"):
        read_frame_npz(tmp_path / "b.npy")


def test_archive_names_the_video_at_fault(tmp_path):
    np.savez(tmp_path / "gt.npz", a=np.zeros(3), b=np.array([0, 3]))
    with pytest.raises(DataError, match=r"gt\.npz, video 'b' has the value 3"):
        read_frame_npz(tmp_path / "gt.npz")


def test_missing_files(tmp_path):
    for read, name in ((read_frame_npy, "x.npy"), (read_frame_npz, "x.npz")):
        with pytest.raises(DataError, match=f"labels not found: .*{name}"):
            read(tmp_path / name)
    with pytest.raises(DataError, match=r"contains no label file \*\.npy"):
        read_frame_npy(tmp_path)
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        read_frame_npz(tmp_path)
