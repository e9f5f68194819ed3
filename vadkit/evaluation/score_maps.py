"""Score maps with their pixel masks, frame by frame: resizing, checks, and threshold levels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from vadkit.errors import DataError
from vadkit.evaluation.metrics import ProtocolSummary, Setting

# (N, h, w) maps and (N, H, W) masks by video; they may load a video on access.
Maps = Mapping[str, np.ndarray]
Masks = Mapping[str, np.ndarray]

# Values are distinguished by sign, exponent and 11 bits of the mantissa of a float32: one part in
# 2048, which is finer than the float16 of saved maps.
_DROPPED_BITS = 12
KEYS = 1 << (32 - _DROPPED_BITS)
_SIGN = np.uint32(1 << 31)
_CHUNK = 32


class MapFrame(NamedTuple):
    """A frame that has a map: values (H, W) float32, in the size of its mask."""

    number: int
    values: np.ndarray


def stretch(values: np.ndarray, size: tuple[int, int], sigma: float = 0.0) -> np.ndarray:
    """Resize a map (h, w) to float32 of ``size`` (H, W), bilinearly, then smooth it spatially.

    ``sigma`` is that of a Gaussian, in pixels of ``size``; 0 does not smooth. Values stay within
    the map's range.
    """
    values = np.asarray(values, dtype=np.float32)
    if values.shape != size:
        values = cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR)
    if sigma:
        values = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return values


def smoothing_words(sigma: float) -> str:
    """Describe the smoothing of maps, for a metric's protocol."""
    return f"smoothed over space, sigma {sigma:g} pixels" if sigma else "not smoothed"


def maps_protocol(setting: Setting | None, *steps: str) -> ProtocolSummary:
    """Return the setting's protocol, with the steps of an evaluator of maps added."""
    summary = (setting or Setting()).protocol
    return replace(summary, description=", ".join(filter(None, [summary.description, *steps])))


def frames_with_map(
    video: str, maps: np.ndarray, frames: int, size: tuple[int, int], sigma: float = 0.0
) -> Iterator[MapFrame]:
    """Yield the frames of a video whose map is not NaN, in order; see ``stretch``.

    ``frames`` is the number of masks or labels of the video. Raises ``DataError`` if the number of
    maps differs, and for a map that is infinite or partly NaN.
    """
    if maps.ndim != 3:
        raise DataError(f"video '{video}': maps have shape {maps.shape}; expected (N, h, w)")
    if len(maps) != frames:
        raise DataError(
            f"video '{video}' has {len(maps)} score maps but masks or tracks of {frames} frames; "
            "they are probably from another version of the video"
        )
    for number in range(frames):
        values = np.asarray(maps[number], dtype=np.float32)
        if np.isnan(values).all():
            continue
        if not np.isfinite(values).all():
            raise DataError(
                f"the score map of frame {number} of video '{video}' has values that are not "
                "numbers; a frame without a map must be NaN everywhere"
            )
        yield MapFrame(number, stretch(values, size, sigma))


def size_of(masks: np.ndarray) -> tuple[int, int]:
    """Return height and width of masks (N, H, W)."""
    if masks.ndim != 3:
        raise DataError(f"masks have shape {masks.shape}; expected (N, H, W)")
    return masks.shape[1], masks.shape[2]


def chunked(rows: Iterable[MapFrame]) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yield frame numbers and values (n, H, W) of a few frames at a time."""
    numbers: list[int] = []
    values: list[np.ndarray] = []
    for row in rows:
        numbers.append(row.number)
        values.append(row.values)
        if len(numbers) == _CHUNK:
            yield numbers, np.stack(values)
            numbers, values = [], []
    if numbers:
        yield numbers, np.stack(values)


def value_keys(values: np.ndarray) -> np.ndarray:
    """Return integers below ``KEYS`` in the order of float32 values, in the same shape."""
    # Adding 0 makes -0 equal to 0.
    bits = (np.ascontiguousarray(values, dtype=np.float32) + np.float32(0)).view(np.uint32)
    ordered = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return (ordered >> np.uint32(_DROPPED_BITS)).astype(np.int64)


def key_values(keys: np.ndarray) -> np.ndarray:
    """Return the lowest float32 value of each key."""
    ordered = np.asarray(keys, dtype=np.uint32) << np.uint32(_DROPPED_BITS)
    return np.where(ordered & _SIGN, ordered ^ _SIGN, ~ordered).view(np.float32)


def spaced_levels(rows: Iterable[MapFrame], count: int) -> np.ndarray:
    """Return at most ``count`` thresholds, decreasing, (T,) float32; none without frames.

    They are spaced evenly on a logarithmic scale of the share of values at or above them, from a
    single value to all values, because the highest values decide about false alarms.
    """
    histogram = np.zeros(KEYS, np.int64)
    for _, values in chunked(rows):
        histogram += np.bincount(value_keys(values).ravel(), minlength=KEYS)
    above = np.cumsum(histogram[::-1])
    total = int(above[-1])
    if not total:
        return np.empty(0, np.float32)
    # Slightly less: a rounding error must not require more values than there are.
    wanted = np.geomspace(1, total, count) * (1 - 1e-12)
    places = np.unique(np.searchsorted(above, wanted))
    return key_values(KEYS - 1 - places)


def distinct_levels(rows: Iterable[MapFrame]) -> np.ndarray:
    """Return every value as a threshold, decreasing; for small datasets."""
    found = [np.unique(values) for _, values in chunked(rows)]
    return np.unique(np.concatenate(found))[::-1] if found else np.empty(0, np.float32)
