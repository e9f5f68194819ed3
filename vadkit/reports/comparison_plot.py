"""Plot several runs: their ROC curves, and their AUCs with intervals."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from vadkit.files import write_bytes

if TYPE_CHECKING:
    from vadkit.evaluation.metrics import Metric

DPI = 150


def comparison_plot(
    path: Path,
    names: Sequence[str],
    curves: Sequence[dict[str, tuple[np.ndarray, np.ndarray]]],
    areas: Sequence[Metric],
    title: str,
    apart: Collection[int] = (),
) -> Path:
    """Write one PNG, SVG or PDF, depending on the suffix of the path.

    ``curves`` has labels (n,) bool and scores (n,) by video for each name, ``areas`` has their
    AUCs. ``title`` is the protocol's description. Runs at the positions in ``apart`` are not
    comparable with the first; they are dashed and hollow. Returns ``path``.
    """
    height = max(3.6, 1.4 + 0.42 * len(names))
    figure = Figure(figsize=(10, height), layout="constrained")
    roc, forest = figure.subplots(1, 2, width_ratios=(1, 1.25))
    palette = colormaps["tab10"].colors  # type: ignore[attr-defined]
    for place, (kept, area) in enumerate(zip(curves, areas, strict=True)):
        colour = palette[place % len(palette)]
        truth = np.concatenate([own for own, _ in kept.values()])
        values = np.concatenate([own for _, own in kept.values()])
        false_positive, true_positive, _ = roc_curve(truth, values)
        dashes = "--" if place in apart else "-"
        roc.plot(false_positive, true_positive, dashes, color=colour, linewidth=1.8)
        row = len(names) - 1 - place
        if area.low is not None and area.high is not None:
            forest.plot([area.low, area.high], [row, row], color=colour, linewidth=3, alpha=0.45)
        inside = "white" if place in apart else colour
        forest.plot([area.value], [row], "o", color=colour, markersize=7, markerfacecolor=inside)
        forest.annotate(
            f"{area.value:.4f}",
            (area.value, row),
            (0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    roc.plot([0, 1], [0, 1], color="#c3c9d0", linewidth=1, linestyle="--", zorder=0)
    roc.set(xlabel="false-positive rate", ylabel="true-positive rate", xlim=(0, 1), ylim=(0, 1.01))
    roc.set_title("ROC over all frames", loc="left", fontsize=11)
    roc.set_aspect("equal")
    shown = [f"{one}\nnot comparable" if i in apart else one for i, one in enumerate(names)]
    forest.set_yticks(range(len(names)), reversed(shown))
    forest.set_ylim(-0.6, len(names) - 0.3)
    forest.grid(axis="x", color="#e3e6ea", linewidth=0.8)
    forest.set_axisbelow(True)
    forest.set_title(f"{areas[0].name}, 95% interval over videos", loc="left", fontsize=11)
    for axis in (roc, forest):
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=9, color="#5b6570", x=0.01, ha="left")
    # To memory, because Matplotlib hides the error of a full disk behind one of its own.
    figure.savefig(content := io.BytesIO(), dpi=DPI, format=path.suffix[1:].lower())
    write_bytes(path, content.getvalue())
    return path
