"""Boxes around the things that cause a high score, and the kinds of anomaly there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from vadkit.inference.reasons import Reason

# The most boxes of an event.
MOST = 5
# Cells around a hot region that may belong to the thing: windows lag behind what moves.
_REACH = 2
# A second thing in a region has at least this share of the cells of the largest one.
_LEAST_SHARE = 0.25


class CellEvidence(NamedTuple):
    """``Evidence`` of one frame, as arrays (h, w)."""

    scores: np.ndarray
    own: np.ndarray
    values: dict[str, np.ndarray]


class Box(NamedTuple):
    """A box (x1, y1, x2, y2) in pixels of the picture, its highest score, and the reasons."""

    box: tuple[int, int, int, int]
    score: float
    reasons: tuple[Reason, ...] = ()


def find_boxes(
    score_map: np.ndarray,
    size: tuple[int, int],
    least: float = math.inf,
    evidence: Mapping[str, CellEvidence] | None = None,
) -> list[Box]:
    """Return boxes around what causes the highest scores of a map, in a picture (H, W).

    A region is the connected cells around a peak that are more than half-way from the map's median
    up to the peak. The first is that of the highest peak. Others have a peak of ``least`` or more
    that is half as far above the median as the highest one, and do not touch a higher one.

    Scores may be means over time and over windows, which lag behind what moves and reach around it.
    With ``evidence``, boxes are therefore around the cells in and near a region whose own score is
    as high; there may be several. Returns at most 5, highest score first; none for a map without
    finite values.
    """
    found = []
    for region, level, peak in _regions(score_map, least):
        for cells in _things(region, level, evidence):
            inside = np.where(cells, score_map, -np.inf)
            score = float(inside.max())
            if not math.isfinite(score):
                score = peak
            found.append(
                Box(_around(cells, size), score, _reasons(cells | region, evidence, level))
            )
    found.sort(key=lambda one: -one.score)
    return found[:MOST]


def _regions(score_map: np.ndarray, least: float) -> Iterator[tuple[np.ndarray, float, float]]:
    """Yield the regions of peaks (h, w), each with the level of its edge and its peak."""
    from scipy.ndimage import label, maximum_filter

    cells = np.where(np.isfinite(score_map), score_map, -np.inf)
    if not np.isfinite(cells).any():
        return
    median = float(np.median(cells[np.isfinite(cells)]))
    # Of neighbouring cells, only the highest can be a peak.
    peaks = np.flatnonzero((cells == maximum_filter(cells, 3)) & np.isfinite(cells))
    taken = np.zeros(cells.shape, bool)
    count = 0
    for place in peaks[np.argsort(-cells.flat[peaks], kind="stable")].tolist():
        peak = float(cells.flat[place])
        if count == 0:
            least = max(least, (median + peak) / 2)
        elif count == MOST or peak < least:
            return
        if taken.flat[place]:
            continue
        level = (median + peak) / 2
        regions, _ = label(cells >= level)
        region = regions == regions.flat[place]
        if not (region & taken).any():
            count += 1
            yield region, level, peak
        taken |= region


def _things(
    region: np.ndarray, level: float, evidence: Mapping[str, CellEvidence] | None
) -> list[np.ndarray]:
    """Return the things (h, w) in and near a region; the region itself if they are unknown."""
    from scipy.ndimage import binary_closing, binary_dilation, label

    if not evidence:
        return [region]
    own = np.max([one.own for one in evidence.values()], axis=0)
    near = binary_dilation(region, np.ones((3, 3)), iterations=_REACH)
    cells = near & (own >= level)
    # Legs and a body are one thing. The frame of zeros keeps what is at the edge.
    closed = binary_closing(np.pad(cells, 2), np.ones((3, 3)))[2:-2, 2:-2]
    numbers, count = label(cells | closed, np.ones((3, 3)))
    if not count:
        return [region]
    sizes = np.bincount(numbers.ravel())[1:]
    large = np.flatnonzero(sizes >= _LEAST_SHARE * sizes.max()) + 1
    return [numbers == number for number in large]


def _around(cells: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(cells)
    high, wide = size[0] / cells.shape[0], size[1] / cells.shape[1]
    return (
        math.floor(int(columns.min()) * wide),
        math.floor(int(rows.min()) * high),
        math.ceil((int(columns.max()) + 1) * wide),
        math.ceil((int(rows.max()) + 1) * high),
    )


def _reasons(
    cells: np.ndarray, evidence: Mapping[str, CellEvidence] | None, level: float
) -> tuple[Reason, ...]:
    """Return the kinds that are high in these cells, highest first, with their numbers there."""
    found = []
    for kind, one in (evidence or {}).items():
        inside = np.where(cells & np.isfinite(one.scores), one.scores, -np.inf)
        place = np.unravel_index(int(inside.argmax()), inside.shape)
        score = float(inside[place])
        if score >= level:
            values = {name: float(each[place]) for name, each in one.values.items()}
            found.append(Reason(kind, score, values))
    return tuple(sorted(found, key=lambda reason: -reason.score))
