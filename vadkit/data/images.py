"""Decode images from untrusted files, with a limit on their size."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vadkit.files import open_regular

# The pixels of 16K video. A file of one colour may be a thousand times smaller than its image.
MOST_PIXELS = 1 << 27


def decode_image(path: Path, flags: int) -> np.ndarray | None:
    """Decode an image with OpenCV's ``flags``, (H, W) or (H, W, 3); None if it is not an image.

    Raises ``ValueError`` for more than ``MOST_PIXELS``, and ``OSError``.
    """
    import cv2

    with open_regular(path) as file:
        raw = np.fromfile(file, np.uint8)
    width, height = image_size(path) or (0, 0)
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"{path.name} has {width} x {height} pixels; at most {MOST_PIXELS:,} are allowed"
        )
    try:
        return cv2.imdecode(raw, flags) if raw.size else None
    except cv2.error:
        # OpenCV's own size limit, for formats that Pillow does not know.
        return None


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
