"""The command ``eval``: a table of metrics by protocol, with the data that they come from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, Set, TrustPlugins, allow_plugins, say_unfinished

if TYPE_CHECKING:
    from rich.console import Console

    from vadkit.evaluation.metrics import Metric, ProtocolSummary
    from vadkit.workflows.evaluate.evaluation import Evaluation
    from vadkit.workflows.evaluate.protocols import Result

_COLUMNS = ("micro-auc", "macro-auc", "padded-macro-auc", "ap", "eer")
_ALWAYS = ("micro-auc", "macro-auc", "ap", "eer")

Protocols = Annotated[
    list[str] | None,
    typer.Option(
        "--protocol",
        metavar="NAME",
        help="A protocol name, see `vadkit list-components protocols`; repeatable. Default: the "
        "protocols of the recipe.",
    ),
]


def evaluate(
    run: Annotated[
        Path | None,
        typer.Argument(help="A run folder, as printed by `vadkit train`.", show_default=False),
    ] = None,
    protocol: Protocols = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="last, best (lowest training loss), best-on-test, or the name of another "
            "checkpoint. Default: the checkpoint that the protocols name, usually last."
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="Instead of a run: a folder or file with frame scores from other code."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="With --scores: a label file or folder in any known format, or a recipe; then "
            "the labels of its dataset are used."
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="With --scores: frames per second, for metrics per hour."),
    ] = None,
    maps: Annotated[
        bool,
        typer.Option(
            "--maps", help="Also evaluate score maps: pixel AUC, RBDC and TBDC. Saves the maps."
        ),
    ] = False,
    overrides: Set = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Evaluate a run, or frame scores from other code, under one or more protocols."""
    from vadkit.errors import RecipeError

    if trust_plugins:
        allow_plugins([path for path in (run, labels) if path])
    if (run is None) == (scores is None):
        raise RecipeError("give either a run folder or --scores")
    if scores is not None:
        if labels is None:
            raise RecipeError("--scores needs --labels: a label file or folder, or a recipe")
        if checkpoint is not None:
            raise RecipeError("--checkpoint needs a run; it cannot be used with --scores")
        if maps:
            raise RecipeError("--maps needs a run, because its method computes the maps")
        from vadkit.workflows.evaluate.outside_scores import evaluate_scores

        result = evaluate_scores(
            scores, labels, protocols=protocol or (), fps=fps, overrides=overrides or ()
        )
    else:
        if labels is not None or fps is not None:
            raise RecipeError("--labels and --fps need --scores; a run already has them")
        from vadkit.workflows.evaluate.evaluation import evaluate as workflow

        say_unfinished([run] if run else [], table=not as_json)
        result = workflow(
            run or "",
            checkpoint=checkpoint,
            protocols=protocol or (),
            overrides=overrides or (),
            maps=maps,
        )
    if as_json:
        typer.echo(json.dumps(result.as_data(), indent=2))
    else:
        print_evaluation(result)


def print_evaluation(result: Evaluation) -> None:
    """Print one row per protocol, then the details of each protocol and of the test set."""
    from rich.console import Console
    from rich.table import Table

    shown = [name for name in _COLUMNS if _wanted(name, result.results)]
    table = Table("protocol", *shown, box=None, pad_edge=False, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in result.results:
        found = {metric.name: metric for metric in one.metrics}
        cells = [cell(found.get(name), name == one.protocol.headline) for name in shown]
        table.add_row(_title(one), *cells)
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table, highlight=False)
    say = speaker(console)
    if any(metric.interval for metric in result.metrics):
        say("[dim]In brackets: 95% bootstrap interval over videos. Bold: the protocol's AUC.")
    say("")
    _print_protocols(result, say)
    _print_alarms(result, say)
    _print_categories(result, say)
    _print_maps(result, say)
    _print_pseudo(result, say)
    _print_counts(result, say)


def _wanted(name: str, results: list[Result]) -> bool:
    """Whether to show a column: the padded AUC only if it is the main metric of a protocol."""
    return name in _ALWAYS or any(name == one.protocol.headline for one in results)


def _title(result: Result) -> str:
    return f"{result.protocol.name} (as published)" if result.published else result.protocol.name


def cell(metric: Metric | None, headline: bool) -> str:
    """A metric with its interval; bold if it is the protocol's main metric."""
    if metric is None or math.isnan(metric.value):
        return "undefined"
    text = f"{metric.value:.4f}"
    if headline:
        text = f"[bold]{text}[/bold]"
    return text + _bounds(metric)


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
        words = f"{one.protocol.name}: {one.protocol.scoring_words}"
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
        areas = [metric for metric in one.metrics if metric.category is not None]
        if areas:
            listed = ", ".join(f"{metric.category} {metric.value:.3f}" for metric in areas)
            say(f"{one.protocol.name}, micro AUC by category: {listed}.")


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
    counts = {metric.name: metric.value for metric in result.results[0].metrics}
    unscored = result.results[0].protocol.unscored_words
    if "frames" in counts:
        say(
            f"{counts['frames']:.0f} frames of {counts['videos']:.0f} videos, "
            f"{counts['abnormal']:.0f} abnormal; {counts['unscored']:.0f} frames without a score, "
            f"{unscored}; {counts['one-class-videos']:.0f} videos of one class, not in macro-auc."
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
        say(f"[yellow]{note}[/]")
