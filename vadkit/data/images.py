"""Pictures from files of anybody, decoded where they are of a size that pictures have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vadkit.files import open_regular

# The pixels of 16K video. A picture of one colour may be a thousand times smaller as a file.
MOST_PIXELS = 1 << 27


def decode_image(path: Path, flags: int) -> np.ndarray | None:
    """A picture as OpenCV gives it by ``flags``, (H, W) or (H, W, 3); None for what is none.

    Raises ``ValueError`` for one of more than ``MOST_PIXELS``, and ``OSError``.
    """
    import cv2

    with open_regular(path) as file:
        raw = np.fromfile(file, np.uint8)
    width, height = image_size(path) or (0, 0)
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"{path.name} has {width} x {height} pixels; at most {MOST_PIXELS:,} are read"
        )
    try:
        return cv2.imdecode(raw, flags) if raw.size else None
    except cv2.error:
        # Its own bound on sizes, for formats that Pillow does not know.
        return None


def image_size(path: Path) -> tuple[int, int] | None:
    """Width and height as the head of a picture says, None where it says nothing."""
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
        # Broken heads give errors of many kinds; what reads the pixels says what is wrong.
        return None
