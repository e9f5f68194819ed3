"""Images of clips side by side: the frame, the method's output, and its error map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from vadkit.files import write_whole
from vadkit.text import plot_text

DPI = 150
# Inches. Panels are placed manually, because matplotlib's layouts do not know the aspect ratio of
# the images and cut off labels next to them.
PANEL_WIDTH, GAP = 3.0, 0.07
LEFT, TOP, BOTTOM, RIGHT = 0.52, 0.66, 0.12, 0.12
BAR_WIDTH, BAR_TEXT = 0.14, 0.8
LETTER = 0.08
# The lightness of this colour map increases evenly, so it also works in grey print.
COLOURS = "inferno"
# The scale ends at this quantile of all values, because one hot pixel would hide the rest.
SCALE_QUANTILE = 0.995


class ClipRow(NamedTuple):
    """One row: ``frame`` and ``output`` (C, H, W) in 0..1, C 1 or 3, and ``error`` (h, w)."""

    label: str
    frame: np.ndarray
    output: np.ndarray | None = None
    error: np.ndarray | None = None


def clip_grid(path: Path, rows: Sequence[ClipRow], *, title: str) -> Path:
    """Write a PNG with one row per clip: frame, output and error map, if the rows have them.

    Error maps may be coarser than frames. They share one scale with a colour bar, from 0 (or the
    lowest value, if negative) to the 99.5% quantile of all values. Returns ``path``.
    """
    names = ["frame"]
    names += ["output"] if rows[0].output is not None else []
    names += ["error"] if rows[0].error is not None else []
    height, width = rows[0].frame.shape[1:]
    tall = PANEL_WIDTH * height / width
    right = LEFT + len(names) * (PANEL_WIDTH + GAP) - GAP
    bottom = TOP + len(rows) * (tall + GAP) - GAP
    bar_room = GAP + BAR_WIDTH + BAR_TEXT if "error" in names else RIGHT
    figure = Figure(figsize=(right + bar_room, bottom + BOTTOM))
    centre = (LEFT + right) / 2 / figure.get_figwidth()
    high = 1 - 0.14 / figure.get_figheight()
    figure.suptitle(title, x=centre, y=high, fontsize=12, fontweight="bold")
    scale = _scale([row.error for row in rows if row.error is not None])
    heat = None
    for number, row in enumerate(rows):
        for place, name in enumerate(names):
            left, top = LEFT + place * (PANEL_WIDTH + GAP), TOP + number * (tall + GAP)
            panel = _axes(figure, left, top, PANEL_WIDTH, tall)
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
            if number == 0:
                panel.set_title("error map" if name == "error" else name, fontsize=10)
            if name == "frame":
                panel.set_ylabel(_shortened(plot_text(row.label), tall), fontsize=9)
                _picture(panel, row.frame)
            elif name == "output" and row.output is not None:
                _picture(panel, row.output)
            elif row.error is not None:
                heat = _heat(panel, row.error, (height, width), scale)
    if heat is not None:
        bar_axes = _axes(figure, right + GAP, TOP, BAR_WIDTH, bottom - TOP)
        bar = figure.colorbar(heat, cax=bar_axes, extend="max", extendfrac=0.05 / len(rows))
        bar.set_label("error (method's unit)", fontsize=9)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    with write_whole(path) as partial:
        figure.savefig(partial, format="png", dpi=DPI)
    return path


def _shortened(label: str, inches: float) -> str:
    """Shorten lines of the label that are too long for the side of a panel."""
    most = max(int(inches / LETTER), 4)
    lines = label.splitlines()
    return "\n".join(line if len(line) <= most else f"…{line[1 - most :]}" for line in lines)


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Create axes at a position in inches, from the figure's upper left corner."""
    whole_width, whole_height = figure.get_size_inches()
    bottom = whole_height - top - height
    return figure.add_axes(
        (left / whole_width, bottom / whole_height, width / whole_width, height / whole_height)
    )


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
    # The extent of the frame, for any resolution of the map.
    extent = (-0.5, size[1] - 0.5, size[0] - 0.5, -0.5)
    return axis.imshow(error, cmap=COLOURS, vmin=scale[0], vmax=scale[1], extent=extent)
