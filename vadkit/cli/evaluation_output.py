"""The output of ``eval``: a table of metrics by protocol, and the data that they come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vadkit.cli.table import Cell, open_console, print_table, shows_bold

if TYPE_CHECKING:
    from rich.console import Console

    from vadkit.evaluation.metrics import Metric, ProtocolSummary
    from vadkit.workflows.evaluate.evaluation import Evaluation
    from vadkit.workflows.evaluate.protocols import Result

_COLUMNS = ("micro-auc", "macro-auc", "padded-macro-auc", "ap", "eer")
_ALWAYS = ("micro-auc", "macro-auc", "ap", "eer")


def print_evaluation(result: Evaluation) -> None:
    """Print one row per protocol, then the details of each protocol and of the test set."""
    console = open_console()
    say = speaker(console)
    if result.results:
        _print_table(result, console, say)
    _print_maps(result, say)
    _print_pseudo(result, say)
    _print_counts(result, say)


def _print_table(result: Evaluation, console: Console, say: Callable[[str], None]) -> None:
    shown = shown_columns(result.results)
    rows = []
    for one in result.results:
        found = {metric.name: metric for metric in one.metrics}
        cells = [metric_cell(found.get(name), name == one.protocol.headline) for name in shown]
        rows.append([Cell(one.protocol.name, "(as published)" * one.published), *cells])
    print_table(console, ["protocol", *shown], rows)
    if any(metric.interval for metric in result.metrics):
        bold = " Bold: the protocol's AUC." if shows_bold(console) else ""
        say(f"[dim]In brackets: 95% bootstrap interval over videos.{bold}")
    say("")
    _print_protocols(result, say)
    _print_alarms(result, say)
    _print_categories(result, say)
    _print_videos(result, say)


def shown_columns(results: Sequence[Result]) -> list[str]:
    """Return the metrics to show: the padded AUC only if it is the main metric of a protocol."""
    headlines = {one.protocol.headline for one in results}
    return [name for name in _COLUMNS if name in _ALWAYS or name in headlines]


def metric_cell(metric: Metric | None, headline: bool) -> Cell:
    """A metric with its interval; bold if it is the protocol's main metric."""
    if metric is None or math.isnan(metric.value):
        return Cell("undefined")
    bounds = metric.interval
    note = "" if bounds is None else f"[{bounds.low:.3f}, {bounds.high:.3f}]"
    return Cell(f"{metric.value:.4f}", note, "bold" if headline else "")


def _bounds(metric: Metric) -> str:
    bounds = metric.interval
    return "" if bounds is None else f" [dim]\\[{bounds.low:.3f}, {bounds.high:.3f}][/dim]"


def _sentence(protocol: ProtocolSummary) -> str:
    text = str(protocol)
    return f"{text[:1].upper()}{text[1:]}."


def speaker(console: Console) -> Callable[[str], None]:
    """Return a function that prints a line without wrapping and highlighting."""

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    return say


def _print_protocols(result: Evaluation, say: Callable[[str], None]) -> None:
    for one in result.results:
        name = one.protocol.name + " (as published)" * one.published
        words = f"{name}: {one.protocol.scoring_words}"
        foresight = "; ".join(one.protocol.foresight)
        valid = f"not online: {foresight}" if foresight else "online-valid"
        say(f"{words}; [{'yellow' if foresight else 'green'}]{valid}[/].")
        if one.protocol.note:
            say(f"  [dim]{one.protocol.note[0].upper()}{one.protocol.note[1:]}.")
    say("")


def _print_alarms(result: Evaluation, say: Callable[[str], None]) -> None:
    """Print detections at limited false alarms and at the threshold.

    Each comes from the first protocol that has it.
    """
    from rich.markup import escape

    from vadkit.reports.words import alarm_words

    for one in result.results:
        at_rate = [metric for metric in one.metrics if metric.rate is not None]
        if at_rate:
            hours = next(metric.value for metric in one.metrics if metric.name == "normal-hours")
            say(
                f"{one.protocol.name}, abnormal frames found at limited false alarms: "
                + ", ".join(f"{metric.value:.3f} at {metric.rate:g}/h" for metric in at_rate)
                + f" ({hours * 60:.3g} minutes of normal video: one false alarm means "
                f"{1 / hours:.3g} per hour)."
            )
            break
    for one in result.results:
        if (text := alarm_words(metric.as_data() for metric in one.metrics)) is not None:
            say(f"{one.protocol.name}, {escape(text[0].lower() + text[1:])}")
            break


def _print_categories(result: Evaluation, say: Callable[[str], None]) -> None:
    for one in result.results[:1]:
        areas = [metric for metric in one.metrics if metric.category and metric.measure == "auc"]
        if areas:
            listed = ", ".join(f"{metric.category} {metric.value:.3f}" for metric in areas)
            say(f"{one.protocol.name}, micro AUC by category: {listed}.")


def _print_videos(result: Evaluation, say: Callable[[str], None]) -> None:
    """Print both areas under precision-recall, metrics of whole videos, and those of events."""
    for one in result.results[:1]:
        found = {metric.name: metric.value for metric in one.metrics}
        if {"ap", "ap-trapezoid"} <= found.keys():
            say(
                f"{one.protocol.name}, area under precision-recall: average precision "
                f"{found['ap']:.4f}; by trapezoids, as many papers print it, "
                f"{found['ap-trapezoid']:.4f}."
            )
        if "video-auc" in found:
            alone = found.get("abnormal-auc")
            say(
                f"{one.protocol.name}, whole videos: AUC {found['video-auc']:.4f}, average "
                f"precision {found['video-ap']:.4f}"
                + (f"; frames of abnormal videos alone: AUC {alone:.4f}." if alone else ".")
            )
        for name, words in (("event-map", "mean over kinds"), ("event-ap", "all kinds together")):
            at = [metric for metric in one.metrics if metric.measure.startswith(f"{name}@")]
            if at:
                listed = ", ".join(f"{m.value:.4f} at {m.measure.partition('@')[2]}" for m in at)
                say(
                    f"{one.protocol.name}, average precision of events by temporal IoU, {words}: "
                    f"{listed}; mean {found[name]:.4f}."
                )


def _print_maps(result: Evaluation, say: Callable[[str], None]) -> None:
    shown = {
        "pixelwise-auc": "pixelwise AUC",
        "pixel-criterion-auc": "pixel-criterion AUC",
        "rbdc": "RBDC",
        "tbdc": "TBDC",
    }
    by_protocol: dict[ProtocolSummary, list[Metric]] = {}
    for metric in result.maps.metrics:
        if metric.name in shown:
            by_protocol.setdefault(metric.protocol, []).append(metric)
    for protocol, found in by_protocol.items():
        say(", ".join(f"{shown[one.name]} {one.value:.4f}{_bounds(one)}" for one in found) + ".")
        say(f"  [dim]{_sentence(protocol)}")
    for name, reason in result.maps.missing.items():
        say(f"[yellow]{name} not measured:[/] {reason}.")


def _print_pseudo(result: Evaluation, say: Callable[[str], None]) -> None:
    areas = [
        metric
        for metric in result.pseudo.metrics
        if metric.measure == "pseudo-auc" and metric.strength is None
    ]
    if areas:
        overall = next(metric for metric in areas if metric.category is None)
        kinds = ", ".join(
            f"{metric.category} {metric.value:.3f}"
            for metric in areas
            if metric.category is not None
        )
        say(f"pseudo-anomalies, micro AUC {overall.value:.4f}: {kinds}.")
        say(f"  [dim]{_sentence(overall.protocol)}")
    for name, reason in result.pseudo.missing.items():
        say(f"[yellow]{name} not measured:[/] {reason}.")


def _print_counts(result: Evaluation, say: Callable[[str], None]) -> None:
    from rich.markup import escape

    first = result.results[0] if result.results else None
    counts = {metric.name: metric.value for metric in first.metrics} if first else {}
    if first and "frames" in counts:
        of, bare = "videos with unknown borders", ""
        if "videos" in counts:
            of = f"{counts['videos']:.0f} videos"
            bare = f"; {counts['one-class-videos']:.0f} videos of one class, not in macro-auc"
        say(
            f"{counts['frames']:.0f} frames of {of}, {counts['abnormal']:.0f} abnormal; "
            f"{counts['unscored']:.0f} frames without a score, "
            f"{first.protocol.unscored_words}{bare}."
        )
    if result.skipped:
        say(
            f"Unreadable videos, left out: {', '.join(result.skipped)}. These results are not "
            "comparable with results on the whole test split."
        )
    source = f"Labels: {result.label_source}."
    if result.checkpoint is not None:
        source += f" Checkpoint: {result.checkpoint} (step {result.step})."
    say(source)
    for note in result.notes:
        say(f"[yellow]{escape(note)}[/]")
