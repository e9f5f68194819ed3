"""Scatter plots of clips in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from vadkit.files import write_whole
from vadkit.text import plot_text

DPI = 150
# Okabe and Ito's colours, which colour-blind people can distinguish; more videos share a ramp.
VIDEO_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#444B54")


def embedding_plot(
    path: Path,
    points: np.ndarray,
    videos: Sequence[str],
    *,
    axes: tuple[str, str],
    title: str,
) -> Path:
    """Write a PNG of ``points`` (N, 2), coloured by their video.

    Up to seven videos are named in a legend; with more, colours follow the order of the videos.
    ``axes`` are the axes' names. Returns ``path``.
    """
    order = {video: number for number, video in enumerate(dict.fromkeys(videos))}
    numbers = np.array([order[video] for video in videos])
    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    axis = figure.subplots()
    axis.set_title(title, loc="left", fontsize=12, fontweight="bold")
    axis.set_xlabel(axes[0])
    axis.set_ylabel(axes[1])
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(color="#e3e6ea", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=9, length=3)
    # Equal distances look equal in both directions.
    axis.set_aspect("equal", adjustable="datalim")
    named = len(order) <= len(VIDEO_COLOURS)
    ramp = matplotlib.colormaps["viridis"].resampled(len(order))
    colours = np.array(
        [matplotlib.colors.to_rgba(c) for c in VIDEO_COLOURS]
        if named
        else ramp(np.arange(len(order)))
    )
    # In one call, in a fixed random order, so that no video hides all others.
    drawn = np.random.default_rng(0).permutation(len(points))
    x, y = points[drawn].T
    colour = colours[numbers[drawn]]
    axis.scatter(x, y, s=22, c=colour, alpha=0.8, linewidths=0.4, edgecolors="w")
    if named:
        for video, number in order.items():
            axis.scatter([], [], color=colours[number], s=26, label=plot_text(video))
        axis.legend(
            title="video", frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1)
        )
    else:
        norm = matplotlib.colors.Normalize(1, len(order))
        bar = figure.colorbar(matplotlib.cm.ScalarMappable(norm, ramp), ax=axis, fraction=0.05)
        bar.set_label(f"video, 1 to {len(order)} in order", fontsize=9)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    with write_whole(path) as partial:
        figure.savefig(partial, format="png", dpi=DPI)
    return path
