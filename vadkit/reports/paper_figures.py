"""Figures of a run for a paper: one column wide, as PDF and SVG."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from vadkit.arrays import runs
from vadkit.files import write_bytes
from vadkit.reports import curves
from vadkit.reports.page_data import training_series
from vadkit.reports.record import RunRecord
from vadkit.text import file_names

# The column width of CVPR, ICCV and IEEE journals, in inches.
COLUMN = 3.25
# Colours for colour-blind readers (Okabe and Ito); in grey print, the line styles differ.
RAW, FINAL, ABNORMAL, LEVEL, CHANCE = "#0072B2", "#D55E00", "#D55E00", "#333333", "#888888"
STYLE: dict[Any, Any] = {
    "font.family": "serif",
    # Fonts that match a paper in Times; the last two come with matplotlib.
    "font.serif": ["Times New Roman", "Nimbus Roman", "STIXGeneral", "DejaVu Serif"],
    "mathtext.fontset": "stix",
    "font.size": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # TrueType, because submission systems reject Type 3; SVG embeds no font, so it has outlines.
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    # The same run gives the same bytes.
    "svg.hashsalt": "vadkit",
}


def write_figures(folder: Path, record: RunRecord) -> list[Path]:
    """Write ROC, precision and recall, histograms, losses, and a timeline per video; return paths.

    ROC and precision and recall are left out if the scored frames have one class, losses if nothing
    was trained.
    """
    kinds = [("raw", record.raw)]
    if record.chain != "raw":
        kinds.append((record.chain, record.final))
    pooled = {label: curves.pool(scores, record.labels) for label, scores in kinds}
    with mpl.rc_context(STYLE):
        figures = {}
        if all(curves.has_both_classes(truth) for truth, _ in pooled.values()):
            figures["roc"] = _roc(pooled)
            figures["precision-recall"] = _precision_recall(pooled)
        for place, (label, (truth, values)) in enumerate(pooled.items()):
            figures["histogram-final" if place else "histogram-raw"] = _histogram(
                truth, values, record.level(label), label
            )
        if losses := training_series(record.training).get("training"):
            figures["training"] = _training(losses)
        for video, name in file_names(record.raw).items():
            figures[f"timeline-{name}"] = _timeline(record, video)
        return [path for name, figure in figures.items() for path in _save(figure, folder / name)]


def _roc(pooled: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    figure, axes = _new(2.5)
    axes.plot([0, 1], [0, 1], ":", color=CHANCE, linewidth=0.8)
    for (label, frames), style in zip(pooled.items(), _styles(), strict=False):
        curve = curves.roc(*frames)
        axes.plot(curve.x, curve.y, label=f"{label}: AUC {curve.area:.3f}", **style)
    axes.set(xlabel="False positive rate", ylabel="True positive rate", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower right")
    return figure


def _precision_recall(pooled: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    figure, axes = _new(2.5)
    for (label, frames), style in zip(pooled.items(), _styles(), strict=False):
        curve = curves.precision_recall(*frames)
        axes.plot(curve.x, curve.y, label=f"{label}: AP {curve.area:.3f}", **style)
        axes.axhline(frames[0].mean(), linestyle=":", color=CHANCE, linewidth=0.8)
    axes.set(xlabel="Recall", ylabel="Precision", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower left")
    return figure


def _histogram(truth: np.ndarray, values: np.ndarray, level: float | None, label: str) -> Figure:
    figure, axes = _new(1.8)
    shown = curves.histogram(truth, values)
    for name, shares, colour in (
        ("normal", shown.normal, RAW),
        ("abnormal", shown.abnormal, ABNORMAL),
    ):
        axes.stairs(shares, shown.edges, fill=True, alpha=0.3, color=colour, linewidth=0)
        axes.stairs(shares, shown.edges, color=colour, linewidth=0.9, label=name)
    if level is not None:
        axes.axvline(level, color=LEVEL, linestyle="--", linewidth=0.8, label="threshold")
    axes.set(xlabel=f"Score ({label})", ylabel="Share of frames", ylim=(0, None))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend()
    return figure


def _training(losses: dict[str, dict[str, list[Any]]]) -> Figure:
    figure, axes = _new(2.0)
    colours = [RAW, FINAL, "#009E73", "#CC79A7", LEVEL]
    for place, (name, one) in enumerate(losses.items()):
        values = [math.nan if value is None else value for value in one["y"]]
        style = ("-", "--", "-.", ":")[place % 4]
        axes.plot(one["x"], values, style, color=colours[place % len(colours)], label=name)
    values = [value for one in losses.values() for value in one["y"] if value is not None]
    if values and min(values) > 0:
        axes.set_yscale("log")
    axes.set(xlabel="Step", ylabel="Loss")
    axes.legend()
    return figure


def _timeline(record: RunRecord, video: str) -> Figure:
    """Plot raw scores, and final scores in a second panel, because they have their own unit."""
    panels = [("raw score", record.raw[video], record.level("raw"), RAW)]
    if record.chain != "raw":
        level = record.level(record.chain)
        panels.append(("final score", record.final[video], level, FINAL))
    figure = Figure(figsize=(COLUMN, 0.35 + 1.05 * len(panels)), layout="constrained")
    all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, scores, level, colour) in zip(all_axes, panels, strict=True):
        for start, stop in runs(record.labels[video]):
            axes.axvspan(start - 0.5, stop - 0.5, color=ABNORMAL, alpha=0.18, linewidth=0)
        axes.plot(np.arange(len(scores)), scores, color=colour)
        if level is not None:
            axes.axhline(level, color=LEVEL, linestyle="--", linewidth=0.8)
        axes.set(ylabel=name.capitalize(), xlim=(-0.5, len(scores) - 0.5))
    all_axes[-1].set_xlabel(f"Frame of video {video}")
    return figure


def _new(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(COLUMN, height), layout="constrained")
    return figure, figure.subplots()


def _styles() -> list[dict[str, Any]]:
    return [{"color": RAW, "linestyle": "-"}, {"color": FINAL, "linestyle": "--"}]


def _save(figure: Figure, path: Path) -> list[Path]:
    # A date would make the bytes of each file differ.
    dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    written = []
    for kind, metadata in dates.items():
        # Not with_suffix, because names of videos may contain dots.
        target = path.with_name(f"{path.name}.{kind}")
        # To memory, because Matplotlib hides the error of a full disk behind one of its own.
        figure.savefig(content := io.BytesIO(), format=kind, metadata=metadata)
        write_bytes(target, content.getvalue())
        written.append(target)
    return written
