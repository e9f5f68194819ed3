"""Plot the scores of one video over time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vadkit.arrays import runs
from vadkit.files import write_whole
from vadkit.text import plot_text

RAW, FINAL, LEVEL, LABELLED = "#9aa5b1", "#1f77b4", "#444b54", "#e4572e"
ALARM = "#8250df"
DPI = 150


class Span(NamedTuple):
    """The time of an alarm, in seconds, and the part that raised it, or ""."""

    start: float
    end: float
    part: str = ""


def score_plot(
    path: Path,
    raw: np.ndarray,
    final: np.ndarray,
    *,
    title: str,
    final_label: str = "raw",
    fps: float | None = None,
    times: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    normal_level: float | None = None,
    threshold: float | None = None,
    same_unit: bool = False,
    alarms: Sequence[Span] = (),
) -> Path:
    """Write a PNG of one video's raw and final scores, (N,) each, NaN for frames without a score.

    The time axis is in seconds if ``times`` (N,) or ``fps`` are given, else in frames. ``labels``
    (N,) bool marks the intervals labelled abnormal. ``normal_level`` is the raw score that 99% of
    normal training frames stay below; ``threshold`` is the alarm threshold of the final scores. Raw
    and final scores share one panel if they have the same unit (``same_unit``), else each has its
    own; the level belongs to the raw scores. ``final_label`` names the scorers, "raw" for none:
    then there is only one curve. ``alarms`` are marked below the curves, with their parts. The axis
    of scores without negative values starts at 0. Returns ``path``.
    """
    in_seconds = times is not None or fps is not None
    time = np.arange(len(raw)) / (fps or 1.0) if times is None else times
    only_raw = final_label == "raw"
    panels = 1 if only_raw or same_unit else 2
    figure = Figure(figsize=(10, 1.2 + 2.3 * panels), layout="constrained")
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    for axis in axes:
        _dress(axis, time, labels)
    # A long title goes above the legend, not under it.
    pad = 24 if len(title) > 24 else 6
    axes[0].set_title(plot_text(title), loc="left", fontsize=12, fontweight="bold", pad=pad)
    axes[-1].set_xlabel("time (min:s)" if in_seconds else "frame")
    if in_seconds:
        axes[-1].xaxis.set_major_locator(MaxNLocator(steps=[1, 1.5, 2, 3, 5, 6, 10]))
        axes[-1].xaxis.set_major_formatter(FuncFormatter(_clock))
    _curve(axes[0], time, raw, FINAL if only_raw else RAW, "raw", thick=only_raw)
    axes[0].set_ylabel("anomaly score\n(method's unit)")
    if not only_raw:
        _curve(axes[-1], time, final, FINAL, final_label, thick=True)
    if panels == 2:
        unit = "0 to 1 in this video" if "minmax-per-video" in final_label else "its scorers' unit"
        axes[-1].set_ylabel(f"final score\n({unit})")
    if normal_level is not None and np.isfinite(normal_level):
        _level(axes[0], normal_level, "99% of normal training frames are below")
    if threshold is not None:
        _level(axes[-1], threshold, "alarm threshold")
    _alarms(axes[-1], alarms)
    for axis in axes:
        _from_zero(axis)
        axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=8.5)
    with write_whole(path) as partial, warnings.catch_warnings():
        # The font does not have all characters of video names.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(partial, format="png", dpi=DPI)
    return path


def _dress(axis: Axes, time: np.ndarray, labels: np.ndarray | None) -> None:
    """Draw frame, grid and labelled intervals of one panel."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="#e3e6ea", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.margins(x=0, y=0.12)
    axis.tick_params(labelsize=9, length=3)
    step = float(np.median(np.diff(time))) if len(time) > 1 else 1.0
    if labels is not None:
        for number, (start, stop) in enumerate(runs(labels)):
            axis.axvspan(
                time[start] - 0.5 * step,
                time[stop - 1] + 0.5 * step,
                color=LABELLED,
                alpha=0.14,
                linewidth=0,
                label=None if number else "labelled abnormal",
            )
    axis.set_xlim(-0.5 * step, (time[-1] if len(time) else 0.0) + 0.5 * step)


def _level(axis: Axes, score: float, label: str) -> None:
    axis.axhline(score, color=LEVEL, linewidth=1.1, linestyle=(0, (5, 4)), label=label)


def _alarms(axis: Axes, alarms: Sequence[Span]) -> None:
    """Draw a bar at the bottom for each alarm, and the name of its part above the bar."""
    bottom = axis.get_xaxis_transform()
    left, right = axis.get_xlim()
    named = right
    for number, span in enumerate(sorted(alarms)):
        start, end = max(span.start, left), min(max(span.end, span.start), right)
        axis.plot(
            [start, end],
            [0.015, 0.015],
            color=ALARM,
            linewidth=5,
            solid_capstyle="butt",
            transform=bottom,
            label=None if number else "alarm",
        )
        # Names that would touch are left out.
        if span.part and (named == right or start - named > 0.12 * (right - left)):
            axis.text(start, 0.035, plot_text(span.part), color=ALARM, fontsize=8, transform=bottom)
            named = start


def _from_zero(axis: Axes) -> None:
    low, _ = axis.dataLim.intervaly
    if np.isfinite(low) and low >= 0:
        axis.set_ylim(bottom=0)


def _curve(
    axis: Axes, time: np.ndarray, scores: np.ndarray, colour: str, label: str, *, thick: bool
) -> None:
    axis.plot(time, scores, color=colour, linewidth=1.7 if thick else 1.0, label=label)
    # A scored frame between unscored ones has no neighbour for a line.
    scored = ~np.isnan(scores)
    lonely = scored & ~np.r_[False, scored[:-1]] & ~np.r_[scored[1:], False]
    if lonely.any():
        axis.plot(time[lonely], scores[lonely], ".", color=colour, markersize=4)


def _clock(seconds: float, _position: int | None = None) -> str:
    sign, tenths = "-" if seconds < 0 else "", round(abs(seconds) * 10)
    fraction = f".{tenths % 10}" if tenths % 10 else ""
    return f"{sign}{tenths // 600}:{tenths % 600 // 10:02d}{fraction}"
