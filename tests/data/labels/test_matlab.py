"""MATLAB files of both kinds: rows of labels, and version 7.3 through h5py."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from vadkit.data.labels import guess_format, read_any
from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.matlab import read_matlab_array, read_matlab_row, variables_of
from vadkit.errors import DataError

ROW = np.array([[0, 1, 1, 0]], np.uint8)


def write_73(path, **arrays):
    """Write a file as MATLAB's ``save -v7.3`` does: a header, then HDF5 with reversed axes."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in arrays.items():
            if isinstance(value, list):
                references = np.empty((len(value), 1), h5py.ref_dtype)
                for place, cell in enumerate(value):
                    saved = file.create_dataset(f"#refs#/{name}{place}", data=filled(cell).T)
                    saved.attrs["MATLAB_class"] = np.bytes_("double")
                    if not cell.size:
                        saved.attrs["MATLAB_empty"] = np.uint8(1)
                    references[place, 0] = saved.ref
                file.create_dataset(name, data=references).attrs["MATLAB_class"] = np.bytes_("cell")
            else:
                saved = file.create_dataset(name, data=np.asarray(value).T)
                saved.attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM")


def filled(cell):
    return cell if cell.size else np.array(cell.shape, np.uint64)


def test_intervals_of_version_7_3(tmp_path):
    path = tmp_path / "ped2.mat"
    write_73(path, gt=[np.array([[2, 7], [3, 9.0]]), np.zeros((0, 0)), np.array([[1], [1.0]])])
    assert guess_format(path) == "interval-mat"
    assert read_any(path) == {
        "01": Labels([(1, 3), (6, 9)]),
        "02": Labels([]),
        "03": Labels([(0, 1)]),
    }


def test_masks_of_version_7_3(tmp_path):
    path = tmp_path / "3_label.mat"
    masks = np.zeros((5, 6, 4))
    masks[2:, 3, 1:3] = 1
    write_73(path, volLabel=[masks[..., frame] for frame in range(4)])
    assert read_any(path) == {"03": Labels([(1, 3)], 4)}
    write_73(path, volLabel=masks)
    assert read_matlab_array(path, "volLabel").shape == (5, 6, 4)
    assert read_any(path) == {"03": Labels([(1, 3)], 4)}


@pytest.mark.parametrize("write", [write_73, lambda path, **arrays: savemat(path, arrays)])
def test_a_row_of_labels(tmp_path, write):
    path = tmp_path / "all.mat"
    write(path, gt=ROW, other=np.zeros((3, 4)))
    assert variables_of(path)["gt"].is_row
    assert guess_format(path) == "frame-mat"
    assert read_any(path) == {"all": Labels([(1, 3)], 4)}
    write(path, mine=ROW.T)
    with pytest.raises(DataError, match="no known label format"):
        guess_format(path)
    assert read_any(path, "frame-mat") == {"all": Labels([(1, 3)], 4)}
    write(path, a=ROW, b=ROW)
    with pytest.raises(DataError, match=r"one row of numbers, named .*; it has a, b"):
        read_matlab_row(path, ["gt"])
    np.testing.assert_array_equal(read_matlab_row(path, ["b"]), ROW[0])


@settings(max_examples=4)
@given(st.lists(st.integers(0, 1), min_size=3, max_size=40))
def test_both_versions_give_the_same_row(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("mat")
    savemat(folder / "old.mat", {"labels": values})
    write_73(folder / "new.mat", labels=np.array([values], float))
    for name in ("old.mat", "new.mat"):
        np.testing.assert_array_equal(read_matlab_row(folder / name, ["labels"]), values)


def test_without_h5py_the_extra_is_named(tmp_path):
    path = tmp_path / "gt.mat"
    write_73(path, gt=ROW)
    # The file is read in another process, which finds this empty module first.
    (tmp_path / "h5py.py").write_text("raise ModuleNotFoundError('h5py')\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from pathlib import Path\nfrom vadkit.data.labels import read_any\n"
        f"read_any(Path({str(path)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (
        "gt.mat is a MATLAB 7.3 file, which needs h5py: pip install 'vadkit[matlab]'; or save"
        in (done.stderr)
    )


def test_links_and_values_in_other_files_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    write_73(tmp_path / "other.mat", gt=ROW)
    (tmp_path / "bytes").write_bytes(bytes(9))
    for name, add in (
        ("link", lambda file: file.update(gt=h5py.ExternalLink(tmp_path / "other.mat", "/gt"))),
        ("soft", lambda file: file.update(gt=h5py.SoftLink("/gt"))),
        (
            "outside",
            lambda file: file.create_dataset(
                "gt", (1, 9), "u1", external=[(tmp_path / "bytes", 0, 9)]
            ),
        ),
    ):
        path = tmp_path / f"{name}.mat"
        write_73(path, other=np.zeros((2, 2)))
        with h5py.File(path, "r+") as file:
            add(file)
        with pytest.raises(DataError, match=r"'gt' is a link|'/gt' are in another file"):
            read_any(path)
