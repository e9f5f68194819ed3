"""Label and score files of strangers: bounded memory, and one clear line for what is wrong."""

import importlib
import json
import random
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy
from scipy.io import savemat

from vadkit.arrays import load_archive, load_array
from vadkit.data.decoding.folders import natural_key
from vadkit.data.frame_scores import read_scores
from vadkit.data.images import decode_image
from vadkit.data.labels import read_any
from vadkit.data.labels.masks import image_masks, packed_masks
from vadkit.errors import DataError, VadkitError

sys.path.insert(0, str(Path(__file__).parent))
mutations = importlib.import_module("mutations")

FLAGS = np.array([0, 1, 1, 0], np.uint8)
# Of the address space of a child process: what Python and the libraries take, and one gigabyte.
MEMORY = 6 << 30


def head(shape, kind="|u1", order=False):
    """The first bytes of a ``.npy`` file that says so."""
    from io import BytesIO

    out = BytesIO()
    npy.write_array_header_1_0(out, {"descr": kind, "fortran_order": order, "shape": shape})
    return out.getvalue()


def bomb(path, count, kind="|u1", name="01", method=zipfile.ZIP_DEFLATED):
    """An archive whose one array has ``count`` zeros, a thousandth of that as a file."""
    block = bytes(10_000_000)
    with (
        zipfile.ZipFile(path, "w", method, compresslevel=9) as archive,
        archive.open(f"{name}.npy", "w", force_zip64=True) as member,
    ):
        member.write(head((count,), kind))
        left = count * np.dtype(kind).itemsize
        while left > 0:
            member.write(block[:left])
            left -= len(block)
    return path


def refused(read, *words):
    with pytest.raises(DataError) as error:
        read()
    message = str(error.value)
    assert all(word in message for word in words), message
    assert len(message.splitlines()) == 1 and len(message) < 1000
    return message


def peak_of(code):
    """Megabytes that a child process took at most beyond its imports; its errors are raised."""
    program = (
        "import resource, sys\n"
        "from vadkit.data.labels import read_any\n"
        "from vadkit.data.frame_scores import read_scores\n"
        "from vadkit.errors import DataError\n"
        "import scipy.io, numpy, cv2, PIL.Image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"try:\n    {code}\nexcept DataError as error:\n    print(error, file=sys.stderr)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)\n"
    )
    limit = (MEMORY, resource.RLIM_INFINITY)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout), done.stderr


@pytest.mark.slow
def test_an_archive_of_gigabytes_is_refused_by_its_head(tmp_path):
    path = bomb(tmp_path / "labels.npz", 1_200_000_000)
    assert path.stat().st_size < 4_000_000
    megabytes, said = peak_of(f"read_any(__import__('pathlib').Path({str(path)!r}))")
    assert "it would take 1.2 GB of memory; the limit is 1.1 GB" in said
    assert megabytes < 50
    megabytes, said = peak_of(f"read_scores(__import__('pathlib').Path({str(path)!r}))")
    assert "it would take 1.2 GB" in said and megabytes < 50


def test_more_frames_than_a_video_can_have(tmp_path):
    path = bomb(tmp_path / "labels.npz", 200_000_000)
    refused(lambda: read_any(path), "video '01' labels 200,000,000 frames", "100,000,000")


def test_many_arrays_that_are_large_together(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}.npy", head((1_000_000,)))
    refused(lambda: read_any(tmp_path / "a.npz"), "it would take 2.0 GB")


@pytest.mark.parametrize(
    ("shape", "kind", "words"),
    [
        ((10**15,), "<f8", "it would take 8,000,000.0 GB"),
        ((10**9, 10**9, 10**9), "|u1", "GB of memory"),
        ((10**8,), "|u1", "it is truncated"),
        ((-1,), "|u1", "damaged"),
        ((4,), "|O", "pickled objects, which are not read"),
        ((1,), "<U99999999999", "not a valid dtype"),
    ],
)
def test_headers_with_wrong_sizes(tmp_path, shape, kind, words):
    (tmp_path / "a.npy").write_bytes(head(shape, kind) + bytes(4))
    refused(lambda: read_any(tmp_path / "a.npy"), "a.npy")
    refused(lambda: read_scores(tmp_path / "a.npy"), words)


def test_a_deeply_nested_header(tmp_path):
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': " + b"(" * 5000
    size = len(text).to_bytes(2, "little")
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + size + text)
    refused(lambda: read_any(tmp_path / "a.npy"), "damaged")


def test_archives_that_are_compressed_in_other_ways(tmp_path):
    path = bomb(tmp_path / "a.npz", 1000, method=zipfile.ZIP_BZIP2)
    refused(lambda: read_any(path), "compressed in a way that NumPy does not write")


def test_files_from_numpy_are_read(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.float32(2), "c": np.zeros((0, 4))}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    for name, array in load_archive(tmp_path / "a.npz").items():
        np.testing.assert_array_equal(array, arrays[name])
    np.save(tmp_path / "a.npy", arrays["a"])
    np.testing.assert_array_equal(load_array(tmp_path / "a.npy"), arrays["a"])


def test_labels_that_change_in_every_frame(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.tile(np.array([0, 1], np.uint8), 2_000_000))
    refused(lambda: read_any(tmp_path / "a.npz"), "change 3,999,999 times")


def test_masks_that_unpack_to_gigabytes(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr("01.npy", head((1000, 1000, 1000)))
    refused(lambda: packed_masks(tmp_path / "m.npz", "01", 8000), "it would take 1.0 GB")


@pytest.mark.slow
def test_matlab_files_that_unpack_to_gigabytes(tmp_path):
    cells = np.empty((1, 1), object)
    # As numbers of intervals they would be almost two gigabytes.
    cells[0, 0] = np.zeros((2, 120_000_000), np.uint8)
    savemat(tmp_path / "ped2.mat", {"gt": cells}, do_compression=True)
    assert (tmp_path / "ped2.mat").stat().st_size < 1_000_000
    path = f"__import__('pathlib').Path({str(tmp_path / 'ped2.mat')!r})"
    megabytes, said = peak_of(f"read_any({path})")
    assert "clip 1: expected first and last frames" in said and megabytes < 400


def test_pictures_of_a_billion_pixels(tmp_path):
    from PIL import Image

    (tmp_path / "01").mkdir()
    Image.MAX_IMAGE_PIXELS = None
    Image.new("1", (30_000, 30_000)).save(tmp_path / "01" / "0.png")
    Image.MAX_IMAGE_PIXELS = 89_478_485
    assert (tmp_path / "01" / "0.png").stat().st_size < 200_000
    refused(lambda: image_masks(tmp_path / "01"), "mask 0.png has", "pixels; at most 134,217,728")
    with pytest.raises(ValueError, match="at most 134,217,728 are allowed"):
        decode_image(tmp_path / "01" / "0.png", cv2.IMREAD_COLOR)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"frames": 10**9, "abnormal": []}, "cannot have 1000000000 frames"),
        ({"frames": 10**9, "abnormal": [[0, 10**9]]}, "cannot have 1000000000 frames"),
        ({"frames": True, "abnormal": []}, "needs 'frames' (a whole number)"),
        ({"frames": 4.0, "abnormal": []}, "needs 'frames' (a whole number)"),
        ({"frames": "4", "abnormal": []}, "needs 'frames' (a whole number)"),
        ({"frames": -4, "abnormal": []}, "needs 'frames' (a whole number)"),
        ({"frames": 4, "abnormal": [[True, 2]]}, "'abnormal' (a list"),
        ({"frames": 4, "abnormal": [[0, 2, 3]]}, "'abnormal' (a list"),
        ({"frames": 4, "abnormal": [[0.5, 2]]}, "'abnormal' (a list"),
        ({"frames": 4, "abnormal": [[float("nan"), 2]]}, "'abnormal' (a list"),
        ({"frames": 4, "abnormal": [[3, 1]]}, "[3, 1) is not an interval"),
        ({"frames": 4, "abnormal": [[-1, 2]]}, "[-1, 2) is not an interval"),
        ({"frames": 4, "abnormal": [[0, 10**30]]}, "but the video has 4 frames"),
        ([1], "needs 'frames'"),
        (None, "needs 'frames'"),
    ],
)
def test_own_labels(tmp_path, entry, words):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"format": "vadkit-labels-1", "videos": {"a": entry}}))
    refused(lambda: read_any(path), words, "'a'")


def test_overlapping_intervals_count_once(tmp_path):
    path = tmp_path / "labels.json"
    entry = {"frames": 9, "abnormal": [[0, 4], [2, 6], [2, 3]]}
    path.write_text(json.dumps({"format": "vadkit-labels-1", "videos": {"a": entry}}))
    labels = read_any(path)["a"]
    assert labels.abnormal() == 6 == int(labels.flags(9, "a", "labels.json").sum())


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "\xff", "NaN", ""])
def test_json_that_is_no_label_file(tmp_path, text):
    (tmp_path / "labels.json").write_text(text, encoding="latin-1")
    refused(lambda: read_any(tmp_path / "labels.json"), "labels.json")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("UCSD.m", f"gt_frame = [{'9' * 5000}:3];"),
        ("UCSD.m", "gt_frame = [1:1000000000];"),
        ("a.txt", f"1,{'9' * 5000},1,1,2,2"),
        ("a.csv", f"video,start,end\na,{'9' * 5000},3\n"),
        ("a.csv", "video,start,end\na,nan,3\n"),
        ("a.csv", "video,start,end\na,1e308,3\n"),
        ("a.csv", f"video,start,end\n{'a' * 200_000},1,3\n"),
    ],
)
def test_numbers_in_text_beyond_all_frames(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    refused(lambda: read_any(tmp_path / name), str(tmp_path / name))


def test_names_with_thousands_of_digits_have_an_order():
    names = ["9" * 5000, "10", "9", "1" * 4001]
    assert sorted(names, key=natural_key)[:2] == ["9", "10"]


def _samples(folder):
    """A valid file of every format that is one file."""
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = np.array([[2], [3]]), np.zeros((2, 0))
    entry = {"frames": 4, "abnormal": [[1, 3]]}
    texts = {
        "l.json": json.dumps({"format": "vadkit-labels-1", "videos": {"a": entry}}),
        "UCSD.m": "TestVideoFile{end+1}.gt_frame = [2:3, 5];\n",
        "f.csv": "video,frame,abnormal\na,0,0\na,1,true\n",
        "i.csv": "video;start;end;frames\na;1;3;4\nb;;;2\n",
        "t.txt": "1,1,2,2,4,4\n1,2,2,2,5,5\n",
        "u.txt": "1,0,3\n2,1,1\n",
        "s.txt": "Test001/001.jpg 1 2 2 4 4\n",
        "c.txt": "Abuse028_x264.mp4  Abuse  165  240  -1  -1\n",
        "x.txt": "some.video 10 20 30 40\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    np.save(folder / "f.npy", FLAGS)
    np.save(folder / "p.npy", FLAGS[:, None, None] * np.ones((4, 5, 6), np.uint8))
    np.savez_compressed(folder / "f.npz", a=FLAGS, b=FLAGS[None])
    savemat(folder / "ped2.mat", {"gt": cells}, do_compression=True)
    savemat(folder / "1_label.mat", {"volLabel": cells})
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@settings(max_examples=8, database=None)
@given(seed=st.integers(0, 2**32))
def test_mutated_label_files(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("labels")
    draw, samples = random.Random(seed), _samples(folder)
    for name, content in samples.items():
        path = folder / name
        # A MATLAB file is read by a process of its own.
        for _ in range(1 if name.endswith(".mat") else 10):
            if draw.random() < 0.5 and name.endswith((".json", ".m", ".csv", ".txt")):
                text = mutations.mutate_text(content.decode(), draw)
                changed = text.encode("utf-8", "surrogatepass")
            else:
                changed = mutations.mutate_bytes(content, draw)
            path.write_bytes(changed)
            for read in (read_any, read_scores):
                try:
                    found = read(path)
                except VadkitError as error:
                    said = str(error)
                except Exception as error:
                    what = f"{name}: {changed!r} gave {type(error).__name__}: {error}"
                    raise AssertionError(what) from error
                else:
                    said = ""
                    assert isinstance(found, dict)
                assert len(said) < 20_000, changed
