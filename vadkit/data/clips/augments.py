"""Augments by imgaug: random values are drawn once per clip, so all its frames change alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

Probability = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=8)]


def draw_clip(augmenters: Sequence[Any], clip_THWC: np.ndarray, seed: int) -> np.ndarray:
    """Apply one draw of every augmenter to a clip (T, H, W, C) uint8; equal seeds, equal pixels."""
    clip = clip_THWC
    gray = clip.shape[-1] == 1
    if gray:
        # Some augmenters of imgaug accept only three channels.
        clip = np.repeat(clip, 3, axis=-1)
    for place, augmenter in enumerate(augmenters):
        augmenter.seed_(seed + place)
        drawn = augmenter.to_deterministic()
        clip = np.stack([drawn.augment_image(np.ascontiguousarray(frame)) for frame in clip])
    return clip[..., :1] if gray else clip


def resize(*, size: tuple[Side, Side]) -> Any:
    """Resizes the clip to (height, width), after the store's own resizing."""
    import imgaug.augmenters as iaa

    return iaa.Resize({"height": size[0], "width": size[1]})


def fliplr(*, p: Probability = 0.5) -> Any:
    """Mirrors left and right with probability ``p``."""
    import imgaug.augmenters as iaa

    return iaa.Fliplr(p)


def flipud(*, p: Probability = 0.5) -> Any:
    """Mirrors up and down with probability ``p``."""
    import imgaug.augmenters as iaa

    return iaa.Flipud(p)


def rotate(*, degrees: Annotated[float, Field(ge=0, le=180)] = 10.0) -> Any:
    """Rotates by up to ``degrees`` in either direction; edge pixels fill the corners."""
    import imgaug.augmenters as iaa

    return iaa.Affine(rotate=(-degrees, degrees), mode="edge")


def crop(*, share: Annotated[float, Field(ge=0, lt=0.5)] = 0.1) -> Any:
    """Crops up to ``share`` of each side and scales back to the clip's size."""
    import imgaug.augmenters as iaa

    return iaa.Crop(percent=(0, share), keep_size=True)


def blur(*, sigma: Annotated[float, Field(ge=0)] = 1.0) -> Any:
    """Gaussian blur with a standard deviation of up to ``sigma`` pixels."""
    import imgaug.augmenters as iaa

    return iaa.GaussianBlur(sigma=(0, sigma))


def jpeg(*, compression: Annotated[int, Field(ge=0, le=100)] = 50) -> Any:
    """JPEG artefacts with a compression of up to ``compression``; 100 is the strongest."""
    import imgaug.augmenters as iaa

    return iaa.JpegCompression(compression=(0, compression))


def grayscale(*, p: Probability = 0.5) -> Any:
    """Removes colour with probability ``p``."""
    import imgaug.augmenters as iaa

    return iaa.Sometimes(p, iaa.Grayscale(1.0))
