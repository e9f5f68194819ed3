"""Which reader a file or a folder gets, and reading through the registry."""

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from vadkit.data.labels import guess_format, read_any
from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import write_labels
from vadkit.errors import DataError, RecipeError
from vadkit.registry import components

SPAN = Labels([(1, 3)])
FULL = Labels([(1, 3)], 4)
FLAGS = np.array([0, 1, 1, 0], np.uint8)
MASKS = FLAGS[:, None, None] * np.ones((4, 5, 6), np.uint8)


def cells(*values):
    array = np.empty((1, len(values)), object)
    for place, value in enumerate(values):
        array[0, place] = value
    return array


def make_images(path):
    for frame, mask in enumerate(MASKS):
        (path / "Test001_gt").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path / "Test001_gt" / f"{frame}.bmp"), mask)


def text(content):
    def make(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return make


def folder(name, make):
    """Makes a file of that name in the folder that is then given to the reader."""

    def make_folder(path):
        (path / name).parent.mkdir(parents=True)
        make(path / name)

    return make_folder


CASES = {
    "l.json": ("json", lambda path: write_labels(path, {"a": FULL}), {"a": FULL}),
    "UCSD.m": ("ucsd-m", text("gt_frame = [2:3];"), {"01": SPAN}),
    "ped2.mat": (
        "interval-mat",
        lambda path: savemat(path, {"gt": cells(np.array([[2], [3]]))}),
        {"01": SPAN},
    ),
    "1_label.mat": (
        "avenue-masks",
        lambda path: savemat(path, {"volLabel": cells(*MASKS)}),
        {"01": FULL},
    ),
    "avenue": (
        "avenue-masks",
        folder("4_label.mat", lambda path: savemat(path, {"volLabel": cells(*MASKS)})),
        {"04": FULL},
    ),
    "images": ("image-masks", make_images, {"01": FULL}),
    "p.npy": ("pixel-npy", lambda path: np.save(path, MASKS), {"p": FULL}),
    "pixels": ("pixel-npy", folder("p.npy", lambda path: np.save(path, MASKS)), {"p": FULL}),
    "f.npy": ("frame-npy", lambda path: np.save(path, FLAGS), {"f": FULL}),
    "flags": ("frame-npy", folder("f.npy", lambda path: np.save(path, FLAGS[None])), {"f": FULL}),
    "gt.npz": ("frame-npz", lambda path: np.savez(path, a=FLAGS, b=FLAGS[None]), None),
    "row.mat": ("frame-mat", lambda path: savemat(path, {"gt": FLAGS, "n": 4}), {"row": FULL}),
    "row.txt": ("frame-txt", text("0\n1\n1.0\n0\n"), {"row": FULL}),
    "line.txt": ("frame-txt", text("0 1 1 0\n"), {"line": FULL}),
    "saved.txt": ("frame-txt", lambda path: np.savetxt(path, FLAGS), {"saved": FULL}),
    "rows": ("frame-txt", folder("a.txt", text("0\n1\n1\n0\n")), {"a": FULL}),
    "ucf.txt": ("ucf-crime", text("\na.mp4  Abuse  2  3  -1  -1\n"), {"a": SPAN}),
    "xd.txt": ("xd-violence", text("v=a.b__#1_label_G-0-0 1 3\n"), {"v=a.b__#1_label_G-0-0": SPAN}),
    "x_tracks.txt": ("ubnormal", text("1.0, 1.0, 2.0\n"), {"x": SPAN}),
    "ubnormal": (
        "ubnormal",
        folder("Scene1/x_annotations/x_tracks.txt", text("1,1,2\n")),
        {"x": SPAN},
    ),
    "01.txt": ("tracks", text("0,1,0,0,9,9\n0,2,0,0,9,9\n"), {"01": SPAN}),
    "rbdc": ("tracks", folder("01.txt", text("0,1,0,0,9,9\n0,2,0,0,9,9\n")), {"01": SPAN}),
    "Test001_gt.txt": (
        "street-scene",
        text("a b/002.jpg 0 0 0 9 9\na b/003.jpg 0 0 0 9 9\n"),
        {"Test001": SPAN},
    ),
    "street": (
        "street-scene",
        folder("Test/Test001_gt.txt", text("002.jpg 0 0 0 9 9\n003.jpg 0 0 0 9 9\n")),
        {"Test001": SPAN},
    ),
    "l.csv": ("csv", text("video,start,end\na,1,3\n"), {"a": SPAN}),
    "l.tsv": ("csv", text("end\tfile name\tstart\n3\ta\t1\n"), {"a": SPAN}),
    "other.txt": ("csv", text("clip, start frame, end frame\na, 1, 3\n"), {"a": SPAN}),
    "table.txt": ("csv", text("video;start;end;frames\na;1;3;4\n"), {"a": FULL}),
}


@pytest.mark.parametrize("name", CASES)
def test_guessed_by_name_and_content(tmp_path, name):
    kind, make, expected = CASES[name]
    path = tmp_path / name
    make(path)
    assert guess_format(path) == kind
    expected = expected or {"a": FULL, "b": FULL}
    assert read_any(path) == expected
    assert read_any(path, kind) == expected


def test_every_format_of_the_registry_is_guessed():
    assert {kind for kind, _, _ in CASES.values()} == set(components("labels"))


def test_files_of_normal_videos_do_not_hide_the_format(tmp_path):
    (tmp_path / "01.txt").write_text("")
    (tmp_path / "02.txt").write_text("0,1,0,0,9,9\n")
    assert guess_format(tmp_path) == "tracks"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("notes.txt", text("hello there\n")),
        ("empty.txt", text("")),
        ("video.mp4", text("")),
        ("masks.npz", lambda path: np.savez(path, a=MASKS)),
        ("boxes.npz", lambda path: np.savez(path, a=np.zeros((7, 4)))),
        ("other.mat", lambda path: savemat(path, {"x": FLAGS})),
        ("frames", folder("01/1.jpg", text(""))),
    ],
)
def test_an_unknown_format_lists_the_known_ones(tmp_path, name, make):
    make(tmp_path / name)
    with pytest.raises(
        DataError, match=rf"{name} has no known label format; .* one of avenue-masks, csv, .*-v"
    ):
        guess_format(tmp_path / name)


def test_more_than_one_format_in_a_folder(tmp_path):
    np.save(tmp_path / "a.npy", FLAGS)
    (tmp_path / "Test001_gt").mkdir()
    with pytest.raises(DataError, match="may be frame-npy or image-masks; name the format"):
        guess_format(tmp_path)
    assert read_any(tmp_path, "frame-npy") == {"a": FULL}


def test_faults_of_path_and_name(tmp_path):
    with pytest.raises(DataError, match="labels not found"):
        guess_format(tmp_path / "none")
    with pytest.raises(RecipeError, match=r"'ucsd-mat'; did you mean 'ucsd-m'"):
        read_any(tmp_path, "ucsd-mat")
    (tmp_path / "broken.mat").write_bytes(b"MATLAB")
    with pytest.raises(DataError, match=r"broken\.mat cannot be read as a MATLAB file"):
        guess_format(tmp_path / "broken.mat")
