"""The shape of pictures, compared with that of training."""

from __future__ import annotations

from collections.abc import Sequence

from vadkit.errors import DataError

# Shapes this near are the same; video sizes are rounded to multiples of 8 or 16.
_SAME = 1.05


def common_aspect(sizes: Sequence[tuple[int, int] | None]) -> float | None:
    """Return width divided by height of pictures (height, width), None if they differ."""
    known = [size[1] / size[0] for size in sizes if size is not None]
    if not known or max(known) > _SAME * min(known):
        return None
    return round(sum(known) / len(known), 4)


def other_aspect(aspect: float | None, size: tuple[int, int] | None) -> bool:
    """Return whether pictures (height, width) are known to have another shape."""
    if aspect is None or size is None:
        return False
    found = size[1] / size[0]
    return max(found, aspect) > _SAME * min(found, aspect)


def check_aspect(aspect: float | None, size: tuple[int, int] | None) -> None:
    """Raise ``DataError`` for pictures (height, width) of another shape than in training."""
    if aspect is not None and size is not None and other_aspect(aspect, size):
        height, width = size
        raise DataError(
            f"its pictures of {width}x{height} pixels are {width / height:.2f} times as wide as "
            f"high, those of training {aspect:.2f} times; crop or scale them to that shape, or "
            "add --stretch if they show the same view in another shape"
        )
