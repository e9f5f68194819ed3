"""Folders of images: the order of frames, and when it is unsure."""

import itertools
import random

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.decoding.decode import read_frames
from vadkit.data.decoding.folders import image_files, order_doubt
from vadkit.errors import DataError


def in_order(tmp_path, names):
    """The names of images in the order of frames, whatever the order on the disk."""
    folder = tmp_path / f"{abs(hash(tuple(names)))}"
    folder.mkdir()
    for name in random.sample(names, len(names)):
        (folder / name).touch()
    return [path.name for path in image_files(folder)]


@pytest.mark.parametrize(
    "names",
    [
        ["1.png", "2.png", "10.png"],
        ["frame-9.jpg", "frame-10.jpg", "frame-0100.jpg"],
        ["1696092107.11.png", "1696092107.9.png", "1696092108.png", "1696092108.05.png"],
        ["0.0.png", "0.04.png", "0.08.png", "0.12.png", "0.2.png", "1.0.png"],
        ["t_99.95.png", "t_100.png", "t_100.1.png"],
        # With zeros at the end these are pairs, such as video and frame.
        ["1.1.png", "1.9.png", "1.10.png", "2.1.png"],
        ["v1.2_8.png", "v1.2_9.png", "v1.2_10.png"],
        ["01.png", "1.png", "2.png"],
    ],
)
def test_order(tmp_path, names):
    assert in_order(tmp_path, names) == names


@given(st.lists(st.integers(0, 10**7), min_size=2, max_size=30, unique=True), st.integers(1, 6))
def test_times_are_in_order_of_time(numbers, digits):
    times = sorted({number / 10**digits for number in numbers})
    names = [f"{time!r}.png" for time in times if "e" not in repr(time)]
    from vadkit.data.decoding.folders import _order

    assert sorted(names, key=_order(names)) == names


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["1.png", "2.png", "10.png"], None),
        (["a.png"], None),
        (["9.50.png", "10.25.png"], None),
        (["cam1_0001.png", "cam1_0002.png"], None),
        (["2023-09-30_17-01-59.png", "2023-09-30_17-02-00.png"], None),
        (["a.png", "b.png"], "2 images such as a.png without a number"),
        (["1.png", "2.png", "poster.png"], "1 image such as poster.png without a number"),
        (["a1.png", "a2.png", "b1.png"], "names of different forms, such as a2 and b1, are mixed"),
        (["1.png", "01.png"], "1.png and 01.png have the same number"),
        (["1.png", "1.jpg", "2.png"], "1.png and 1.jpg have the same number"),
        (["7.11.png", "7.9.png"], "decimal numbers, so 7.11 comes before 7.9"),
        (["1.2.png", "1.10.png"], "pairs of whole numbers, so 1.2 comes before 1.10"),
    ],
)
def test_doubts(names, said):
    doubt = order_doubt(names)
    assert doubt is None if said is None else said in doubt


def images(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        cv2.imwrite(str(folder / name), np.full((24, 32), 10 * number, np.uint8))
    return folder


def test_an_unsure_order_is_told_once(tmp_path, caplog):
    folder = images(tmp_path / "f", ["a.png", "b.png", "c.png"])
    for _ in range(2):
        assert [frame[0, 0, 0] for frame in read_frames(folder)] == [0, 10, 20]
    (message,) = caplog.messages
    assert message.startswith(f"{folder}: the order of the images is unsure: 3 images such as")


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("kind", ["empty", "short", "text", "pages"])
def test_a_bad_image_is_named(tmp_path, place, kind):
    folder = images(tmp_path / "f", ["1.png", "2.png", "3.png"])
    bad = folder / f"{place + 1}.png"
    content = bad.read_bytes()
    if kind == "pages":
        bad.unlink()
        bad = bad.with_suffix(".tif")
        pages(bad, 4)
    else:
        bad.write_bytes({"empty": b"", "short": content[: len(content) // 2], "text": b"no"}[kind])
    with pytest.raises(DataError) as caught:
        list(read_frames(folder))
    said = {"empty": "is empty (0 bytes); copy it again", "pages": "has 4 pages"}
    message = str(caught.value)
    assert f"{bad.name} {said.get(kind, 'is not a readable image; copy it again')}" in message
    assert message.startswith(f"folder {folder} cannot be read") and "\n" not in message


def pages(path, count):
    from PIL import Image

    first, *others = (Image.fromarray(np.full((24, 32), n, np.uint8)) for n in range(count))
    first.save(path, save_all=True, append_images=others)


def test_pages_of_one_file(tmp_path):
    pages(tmp_path / "stack.tiff", 3)
    with pytest.raises(DataError, match=r"stack\.tiff has 3 pages, .* an image of its own"):
        list(read_frames(tmp_path / "stack.tiff"))


def test_a_smaller_copy_is_not_a_page(tmp_path):
    from PIL import Image, TiffImagePlugin

    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[254] = 1
    small = Image.fromarray(np.zeros((12, 16), np.uint8))
    small.encoderinfo = {"tiffinfo": info}
    Image.fromarray(np.full((24, 32), 9, np.uint8)).save(
        tmp_path / "1.tif", save_all=True, append_images=[small]
    )
    (frame,) = read_frames(tmp_path)
    assert frame.shape == (24, 32, 3)


def test_every_order_of_the_disk_gives_one_order(tmp_path):
    for names in itertools.permutations(["1.png", "01.png", "001.png"]):
        folder = tmp_path / "-".join(names)
        folder.mkdir()
        for name in names:
            (folder / name).touch()
        assert [path.name for path in image_files(folder)] == ["001.png", "01.png", "1.png"]
