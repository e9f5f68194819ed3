"""Decode images from untrusted files, with a limit on their size."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vadkit.files import open_regular

# The pixels of 16K video. A file of one colour may be a thousand times smaller than its image.
MOST_PIXELS = 1 << 27
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
# The TIFF tag whose lowest bit marks a smaller copy of another page.
_SUBFILE = 254


def decode_image(path: Path, flags: int) -> np.ndarray | None:
    """Decode an image with OpenCV's ``flags``, (H, W) or (H, W, 3); None if it is not an image.

    Raises ``ValueError`` for several pages and for more than ``MOST_PIXELS``, and ``OSError``.
    """
    import cv2

    with open_regular(path) as file:
        raw = np.fromfile(file, np.uint8)
    width, height = image_size(path) or (0, 0)
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"{path.name} has {width} x {height} pixels; at most {MOST_PIXELS:,} are allowed"
        )
    check_pages(path)
    try:
        return cv2.imdecode(raw, flags) if raw.size else None
    except cv2.error:
        # OpenCV's own size limit, for formats that Pillow does not know.
        return None


def decode_pixels(path: Path) -> np.ndarray:
    """Return an image's pixels in their own type, (H, W, 3) BGR or (H, W), without alpha.

    Raises ``ValueError`` for a file that is not a complete image.
    """
    import cv2

    pixels = decode_image(path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if pixels is None and path.suffix.lower() in TIFF_SUFFIXES:
        # OpenCV does not convert gray images of 32 bits to colour.
        pixels = decode_image(path, cv2.IMREAD_ANYDEPTH)
    if pixels is None:
        fault = "not a readable image" if path.stat().st_size else "empty (0 bytes)"
        raise ValueError(f"{path.name} is {fault}; copy it again, or remove it")
    return pixels


def check_pages(path: Path) -> None:
    """Raise ``ValueError`` for a TIFF of several pages; smaller copies of a page do not count."""
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return
    pages = _pages(path)
    if pages > 1:
        raise ValueError(
            f"{path.name} has {pages} pages, which are not read as frames; write each page as an "
            "image of its own, and give their folder"
        )


def _pages(path: Path) -> int:
    """Return the number of pages of a TIFF, 1 if unknown."""
    import warnings

    from PIL import Image, TiffImagePlugin

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                if not isinstance(image, TiffImagePlugin.TiffImageFile) or image.n_frames == 1:
                    return 1
                count = 0
                for page in range(image.n_frames):
                    image.seek(page)
                    count += not image.tag_v2.get(_SUBFILE, 0) & 1
                return count
    except Exception:
        # As in `image_size`.
        return 1


def image_size(path: Path) -> tuple[int, int] | None:
    """Return width and height from the header of an image, None if unknown."""
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.size
    except Image.DecompressionBombError:
        return MOST_PIXELS, MOST_PIXELS
    except Exception:
        # Damaged headers raise errors of many types; reading the pixels reports the reason.
        return None
