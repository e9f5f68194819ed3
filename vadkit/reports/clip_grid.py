"""Pictures of clips side by side: the frame, what the method made of it, and where it errs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine

from vadkit.reports.atomic import written_whole

DPI = 150
PANEL_WIDTH = 3.0  # inches
# Lightness rises evenly with the value, so that more looks like more, in grey print too.
COLOURS = "inferno"
# The scale ends where this share of all values lies below, since one hot pixel would hide the rest.
SCALE_QUANTILE = 0.995


class ClipRow(NamedTuple):
    """One row: ``frame`` and ``output`` (C, H, W) in 0..1, C 1 or 3, and ``error`` (h, w)."""

    label: str
    frame: np.ndarray
    output: np.ndarray | None = None
    error: np.ndarray | None = None


def clip_grid(path: Path, rows: Sequence[ClipRow], *, title: str) -> Path:
    """Write a PNG with a row a clip: frame, output and error map, as far as rows have them.

    Error maps may be coarser than frames. They share one scale and its colour bar, from 0, or the
    lowest value where that is negative, to the 99.5% quantile of all. Returns ``path``.
    """
    names = ["frame"]
    names += ["output"] if rows[0].output is not None else []
    names += ["error"] if rows[0].error is not None else []
    height, width = rows[0].frame.shape[1:]
    size = (
        0.45 + (PANEL_WIDTH + 0.06) * len(names) + 0.75 * ("error" in names),
        0.55 + (PANEL_WIDTH * height / width + 0.06) * len(rows),
    )
    layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    figure = Figure(figsize=size, layout=layout)
    figure.suptitle(title, fontsize=12, fontweight="bold")
    axes = figure.subplots(len(rows), len(names), squeeze=False)
    scale = _scale([row.error for row in rows if row.error is not None])
    heat = None
    for row, line in zip(rows, axes, strict=True):
        panels = dict(zip(names, line, strict=True))
        for panel in line:
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
        line[0].set_ylabel(row.label, fontsize=9)
        _picture(panels["frame"], row.frame)
        if row.output is not None:
            _picture(panels["output"], row.output)
        if row.error is not None:
            heat = _heat(panels["error"], row.error, (height, width), scale)
    for name, panel in zip(names, axes[0], strict=True):
        panel.set_title("error map" if name == "error" else name, fontsize=10)
    if heat is not None:
        # As tall as all rows together, and a seventh of an inch wide or so.
        tall = 20 * len(rows)
        bar = figure.colorbar(heat, ax=axes[:, -1], extend="max", pad=0.02, aspect=tall)
        bar.set_label("error (method's own unit)", fontsize=9)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    with written_whole(path) as partial:
        figure.savefig(partial, format="png", dpi=DPI)
    return path


def _scale(errors: Sequence[np.ndarray]) -> tuple[float, float]:
    if not errors:
        return 0.0, 1.0
    values = np.concatenate([error.ravel() for error in errors]).astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low = min(0.0, float(values.min()))
    high = float(np.quantile(values, SCALE_QUANTILE))
    return low, high if high > low else low + 1.0


def _picture(axis: Axes, picture_CHW: np.ndarray) -> None:
    picture = np.clip(picture_CHW, 0, 1).transpose(1, 2, 0)
    axis.imshow(np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture)


def _heat(
    axis: Axes, error: np.ndarray, size: tuple[int, int], scale: tuple[float, float]
) -> AxesImage:
    # The extent of the frame, whatever the map's own resolution.
    extent = (-0.5, size[1] - 0.5, size[0] - 0.5, -0.5)
    return axis.imshow(error, cmap=COLOURS, vmin=scale[0], vmax=scale[1], extent=extent)
