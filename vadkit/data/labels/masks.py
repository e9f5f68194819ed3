"""Pixel masks, as pixels and as frames: a frame is abnormal if any of its pixels is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.data.decoding.folders import image_files, natural_key
from vadkit.data.images import decode_image
from vadkit.data.labels.arrays import head_of, load_member, load_npy, open_npz, zeros_and_ones
from vadkit.data.labels.files import label_files, read_matlab
from vadkit.data.labels.intervals import Labels
from vadkit.errors import DataError

# A byte per pixel of 10,000 frames of 640 by 640; the masks of a video are processed at once.
_MOST_MASKS = 4 << 30


def read_avenue_masks(path: Path) -> dict[str, Labels]:
    """Avenue's ``1_label.mat`` to ``21_label.mat`` in a folder, or one of them: "01" to "21"."""
    files = label_files(path, "*_label.mat", _avenue_id)
    return {video: _any_pixel(_avenue_frames(file)) for video, file in files.items()}


def avenue_mask(path: Path) -> np.ndarray:
    """Read bool (N, H, W) from one file of Avenue, whose ``volLabel`` is a cell array of N masks.

    Files with one (H, W, N) array under that name are also accepted.
    """
    return np.stack(list(_avenue_frames(path)))


def read_image_masks(path: Path) -> dict[str, Labels]:
    """A folder with one folder of mask images per video.

    ``Test001_gt`` is video "01", as in UCSD; other folders are named by their video. If any folder
    ends in ``_gt``, only those count, because UCSD has frames next to the masks.
    """
    if not path.is_dir():
        raise DataError(f"masks not found: {path} is not a folder")
    folders = [one for one in path.iterdir() if one.is_dir() and not one.name.startswith(".")]
    marked = [one for one in folders if one.name.endswith("_gt")]
    folders = sorted(marked or folders, key=lambda one: natural_key(one.name))
    if not folders:
        raise DataError(f"{path} contains no folders of mask images, such as Test001_gt")
    return {_folder_id(folder): _any_pixel(_image_frames(folder)) for folder in folders}


def image_masks(folder: Path) -> np.ndarray:
    """Read bool (N, H, W) from the images of a folder in natural order, True where not black."""
    return np.stack(list(_image_frames(folder)))


def read_pixel_npy(path: Path) -> dict[str, Labels]:
    """One ``<id>.npy`` of pixel masks, or a folder of them, as ShanghaiTech's test_pixel_mask."""
    files = label_files(path, "*.npy", lambda file: file.stem)
    return {video: _any_pixel(pixel_npy(file)) for video, file in files.items()}


def pixel_npy(path: Path) -> np.ndarray:
    """Read bool (N, H, W) from a ``.npy`` file of that shape, with values 0 and 1."""
    shape = head_of(path).shape
    if len(shape) != 3:
        flags = "; one value per frame is read by the format frame-npy" if len(shape) < 3 else ""
        raise DataError(f"{path} has shape {shape}; expected masks (N, H, W){flags}")
    return zeros_and_ones(load_npy(path, _MOST_MASKS), str(path))


def packed_masks(path: Path, video: str, width: int) -> np.ndarray:
    """Read bool (N, H, width) of one video from an archive of bit-packed rows.

    The archive has uint8 (N, H, ceil(width / 8)) by video id, as from ``numpy.packbits(masks,
    -1)``.
    """
    with open_npz(path, _MOST_MASKS // 8) as archive:
        packed = load_member(archive, video, path)
    needed = -(-width // 8)
    if packed.dtype != np.uint8 or packed.ndim != 3 or packed.shape[-1] != needed:
        raise DataError(
            f"{path}, video '{video}': {packed.dtype} {packed.shape} does not match masks {width} "
            f"pixels wide; expected uint8 (N, H, {needed})"
        )
    return np.unpackbits(packed, axis=-1, count=width).astype(bool)


def _any_pixel(masks: Iterable[np.ndarray]) -> Labels:
    return Labels.from_flags(np.array([mask.any() for mask in masks], bool))


def _avenue_id(path: Path) -> str:
    number = re.match(r"\d+", path.stem)
    if not number:
        raise DataError(f"{path} does not start with a number; Avenue's files are 1_label.mat, ...")
    return f"{int(number[0]):02d}"


def _avenue_frames(path: Path) -> Iterator[np.ndarray]:
    cells = read_matlab(path, "volLabel", "masks")
    if cells.dtype == object:
        frames = list(cells.ravel())
    elif cells.ndim == 3:
        frames = list(np.moveaxis(cells, -1, 0))
    else:
        raise DataError(
            f"{path}: 'volLabel' is an array {cells.shape}; expected one cell per frame, or (H, "
            "W, N)"
        )
    return _same_size(((f"{path}, cell {n}", cell) for n, cell in enumerate(frames, 1)), str(path))


def _image_frames(folder: Path) -> Iterator[np.ndarray]:
    if not folder.is_dir():
        raise DataError(f"masks not found: {folder} is not a folder")
    return _same_size(
        ((f"mask {file}", _image(file)) for file in image_files(folder)), f"mask folder {folder}"
    )


def _image(path: Path) -> np.ndarray:
    """Return (H, W), the maximum over a pixel's colours, because a dark colour is not black."""
    import cv2

    return np.asarray(mask_image(path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH).max(axis=2))


def mask_image(path: Path, flags: int) -> np.ndarray:
    """Read an image with OpenCV's ``flags``; ``DataError`` if it is unreadable."""
    try:
        image = decode_image(path, flags)
    except ValueError as error:
        raise DataError(f"mask {error}") from None
    if image is None:
        raise DataError(f"mask {path} is not a readable image")
    return image


def _same_size(frames: Iterable[tuple[str, Any]], source: str) -> Iterator[np.ndarray]:
    """Yield bool (H, W) per frame; ``DataError`` for no frame, and for different sizes."""
    size = None
    for name, frame in frames:
        if np.ndim(frame) != 2 or np.asarray(frame).dtype.kind not in "biuf":
            raise DataError(f"{name}: expected a mask (H, W) of numbers")
        size = size or frame.shape
        if frame.shape != size:
            (height, width), (first_height, first_width) = frame.shape, size
            raise DataError(
                f"{name} is {width}x{height}, but earlier masks are {first_width}x{first_height}"
            )
        yield frame != 0
    if size is None:
        raise DataError(f"{source} contains no masks; expected one per frame")


def _folder_id(folder: Path) -> str:
    ucsd = re.fullmatch(r"Test(\d+)_gt", folder.name)
    return f"{int(ucsd[1]):02d}" if ucsd else folder.name
