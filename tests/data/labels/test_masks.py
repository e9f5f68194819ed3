"""Pixel masks in each of their forms, as pixels and as frames."""

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.masks import (
    avenue_mask,
    image_masks,
    packed_masks,
    pixel_npy,
    read_avenue_masks,
    read_image_masks,
    read_pixel_npy,
)
from vadkit.errors import DataError

LABELS = Labels([(1, 3), (4, 5)], 5)


@pytest.fixture
def masks():
    """Bool (5, 6, 10), each abnormal frame unlike the others."""
    masks = np.zeros((5, 6, 10), bool)
    masks[1, 2:4, 3:5] = True
    masks[2, 5, 9] = True
    masks[4, 0, :] = True
    return masks


def save_cells(path, masks):
    cells = np.empty((1, len(masks)), object)
    for place, mask in enumerate(masks):
        cells[0, place] = mask
    savemat(path, {"volLabel": cells})
    return path


def save_images(folder, masks, suffix=".png", value=255):
    folder.mkdir(parents=True)
    for number, mask in enumerate(masks, 8):
        cv2.imwrite(str(folder / f"{number}{suffix}"), mask.astype(np.uint8) * value)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float64])
def test_avenue_cells(tmp_path, masks, kind):
    path = save_cells(tmp_path / "1_label.mat", masks.astype(kind))
    read = avenue_mask(path)
    assert read.dtype == bool
    np.testing.assert_array_equal(read, masks)


def test_avenue_as_one_array(tmp_path, masks):
    path = tmp_path / "3_label.mat"
    savemat(path, {"volLabel": np.moveaxis(masks, 0, -1)})
    np.testing.assert_array_equal(avenue_mask(path), masks)
    assert read_avenue_masks(path) == {"03": LABELS}


def test_avenue_folder_by_number(tmp_path, masks):
    for number in (10, 2):
        save_cells(tmp_path / f"{number}_label.mat", masks[:number])
    read = read_avenue_masks(tmp_path)
    assert read == {"02": Labels([(1, 2)], 2), "10": LABELS}
    assert list(read) == ["02", "10"]
    save_cells(tmp_path / "02_label.mat", masks)
    with pytest.raises(DataError, match=r"2_label\.mat and .*2_label\.mat both label video '02'"):
        read_avenue_masks(tmp_path)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([np.zeros((4, 5)), np.zeros((5, 4))], r"cell 2 is 4x5, but earlier masks are 5x4"),
        ([np.zeros((4, 5)), np.zeros((4, 5, 3))], r"cell 2: expected a mask \(H, W\)"),
        ([np.zeros((4, 5)), "abcd"], r"cell 2: expected a mask \(H, W\)"),
        ([], r"1_label\.mat contains no masks"),
    ],
)
def test_avenue_cells_that_are_not_masks(tmp_path, cells, message):
    save_cells(tmp_path / "1_label.mat", cells)
    with pytest.raises(DataError, match=message):
        read_avenue_masks(tmp_path)


def test_avenue_files_of_other_kinds(tmp_path):
    savemat(tmp_path / "1_label.mat", {"volLabel": np.zeros((4, 5))})
    with pytest.raises(
        DataError, match=r"'volLabel' is an array \(4, 5\); expected one cell per frame"
    ):
        avenue_mask(tmp_path / "1_label.mat")
    savemat(tmp_path / "1_label.mat", {"vol": np.zeros((4, 5))})
    with pytest.raises(DataError, match=r"1_label\.mat has no cell array 'volLabel'"):
        avenue_mask(tmp_path / "1_label.mat")
    (tmp_path / "1_label.mat").rename(tmp_path / "x_label.mat")
    with pytest.raises(DataError, match=r"x_label\.mat does not start with a number"):
        read_avenue_masks(tmp_path)
    with pytest.raises(DataError, match=r"labels not found: .*none\.mat"):
        avenue_mask(tmp_path / "none.mat")


@pytest.mark.parametrize(("suffix", "value"), [(".png", 1), (".png", 255), (".bmp", 255)])
def test_images_in_natural_order(tmp_path, masks, suffix, value):
    save_images(tmp_path / "m", masks, suffix, value)
    read = image_masks(tmp_path / "m")
    assert read.dtype == bool
    np.testing.assert_array_equal(read, masks)


def test_dark_colours_and_deep_images_are_not_black(tmp_path):
    blue = np.zeros((4, 5, 3), np.uint8)
    blue[0, 1, 0] = 1
    cv2.imwrite(str(tmp_path / "1.png"), blue)
    deep = np.zeros((4, 5), np.uint16)
    deep[2, 3] = 1
    cv2.imwrite(str(tmp_path / "2.png"), deep)
    assert np.argwhere(image_masks(tmp_path)).tolist() == [[0, 0, 1], [1, 2, 3]]


def test_image_folders_of_ucsd(tmp_path, masks):
    save_images(tmp_path / "Test002_gt", masks, ".bmp")
    save_images(tmp_path / "Test010_gt", masks[:1], ".bmp")
    # Frames beside the masks are not masks.
    save_images(tmp_path / "Test002", ~masks, ".tif")
    (tmp_path / ".hidden_gt").mkdir()
    assert read_image_masks(tmp_path) == {"02": LABELS, "10": Labels([], 1)}


def test_image_folders_by_name(tmp_path, masks):
    save_images(tmp_path / "cam 1", masks)
    assert read_image_masks(tmp_path) == {"cam 1": LABELS}


def test_image_faults(tmp_path, masks):
    with pytest.raises(DataError, match="contains no folders of mask images"):
        read_image_masks(tmp_path)
    with pytest.raises(DataError, match=r"masks not found: .*none is not a folder"):
        read_image_masks(tmp_path / "none")
    with pytest.raises(DataError, match=r"masks not found: .*none is not a folder"):
        image_masks(tmp_path / "none")
    (tmp_path / "Test001_gt").mkdir()
    with pytest.raises(DataError, match=r"mask folder .*Test001_gt contains no masks"):
        read_image_masks(tmp_path)
    save_images(tmp_path / "Test002_gt", masks)
    cv2.imwrite(str(tmp_path / "Test002_gt" / "99.png"), np.zeros((3, 4)))
    with pytest.raises(DataError, match=r"99\.png is 4x3, but earlier masks are 10x6"):
        image_masks(tmp_path / "Test002_gt")
    for content in (b"", b"text"):
        (tmp_path / "Test002_gt" / "99.png").write_bytes(content)
        with pytest.raises(DataError, match=r"99\.png is not a readable image"):
            image_masks(tmp_path / "Test002_gt")


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_pixel_npy(tmp_path, masks, kind):
    np.save(tmp_path / "01_0014.npy", masks.astype(kind))
    np.testing.assert_array_equal(pixel_npy(tmp_path / "01_0014.npy"), masks)
    assert read_pixel_npy(tmp_path) == {"01_0014": LABELS}
    assert read_pixel_npy(tmp_path / "01_0014.npy") == {"01_0014": LABELS}


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((2, 3, 4), 255), r"a\.npy has the value 255"),
        (np.zeros(4), r"a\.npy has shape \(4,\); expected masks \(N, H, W\).*frame-npy"),
        (np.zeros((1, 2, 3, 4)), r"a\.npy has shape \(1, 2, 3, 4\); expected masks \(N, H, W\)$"),
    ],
)
def test_pixel_npy_of_another_kind(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=message):
        read_pixel_npy(tmp_path)


def test_packed_masks(tmp_path, masks):
    np.savez(tmp_path / "m.npz", **{"01": np.packbits(masks, axis=-1)})
    np.testing.assert_array_equal(packed_masks(tmp_path / "m.npz", "01", 10), masks)
    with pytest.raises(DataError, match=r"m\.npz has no video '13'; it has 01"):
        packed_masks(tmp_path / "m.npz", "13", 10)
    with pytest.raises(DataError, match=r"'01': uint8 \(5, 6, 2\) .* 360 pixels .*\(N, H, 45\)"):
        packed_masks(tmp_path / "m.npz", "01", 360)
    np.savez(tmp_path / "m.npz", **{"01": masks})
    with pytest.raises(DataError, match=r"'01': bool \(5, 6, 10\)"):
        packed_masks(tmp_path / "m.npz", "01", 80)
