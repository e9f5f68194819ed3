"""The command ``compare``: runs side by side, with the reasons why some are not comparable."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, RunPlugin, Set, TrustPlugins, allow_plugins, say_unfinished
from vadkit.cli.evaluation_output import metric_cell, speaker
from vadkit.cli.table import Cell, open_console, print_table

if TYPE_CHECKING:
    from vadkit.workflows.compare import ComparedRun, Comparison

Labels = Annotated[
    Path | None,
    typer.Option(
        help="For scores of other code: their labels, or a recipe. Default: those of the first run."
    ),
]
Videos = Annotated[
    Path | None,
    typer.Option(help="For scores of other code, with --labels: the folder of the videos."),
]
Offset = Annotated[
    int,
    typer.Option(metavar="N", help="For scores of other code: the first N frames have no score."),
]
Segment = Annotated[
    int | None,
    typer.Option(metavar="N", help="For scores of other code: each score is of N frames."),
]


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Two or more run folders, or files or folders of frame scores from other code."
        ),
    ],
    protocol: Annotated[
        str,
        typer.Option(help="The protocol for all runs, see `vadkit list-components protocols`."),
    ] = "raw",
    checkpoint: Annotated[str, typer.Option(help="The checkpoint of each run.")] = "last",
    plot: Annotated[Path, typer.Option(help="The file for the plot; .png, .svg or .pdf.")] = Path(
        "compare.png"
    ),
    labels: Labels = None,
    videos: Videos = None,
    offset: Offset = 0,
    segment: Segment = None,
    overrides: Set = None,
    plugin: RunPlugin = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Compare runs with the first one: metrics, paired differences and a plot."""
    from vadkit.workflows.compare import compare as workflow

    if trust_plugins:
        allow_plugins(runs)
    say_unfinished(runs, table=not as_json)
    result = workflow(
        runs,
        protocol=protocol,
        checkpoint=checkpoint,
        plot=plot,
        overrides=overrides or (),
        labels=labels,
        videos=videos,
        offset=offset,
        segment=segment,
    )
    if as_json:
        typer.echo(json.dumps(result.as_data(), indent=2))
    else:
        print_comparison(result)


def print_comparison(result: Comparison) -> None:
    """Print one row per run, then the means over seeds and the details."""
    main = result.headline
    shown = ["micro-auc", "macro-auc", "ap", "eer"]
    if main not in shown:
        shown.insert(0, main)
    rows: list[list[Cell | str]] = []
    for one in result.runs:
        found = {metric.name: metric for metric in one.metrics}
        cells = [metric_cell(found[name], name == main) for name in shown]
        note = "scores of other code" if one.seed is None else f"seed {one.seed}"
        rows.append([Cell(one.name, note), *cells, _difference(one)])
    for group in result.groups:
        spreads = [group.metrics[name] for name in shown]
        means = [Cell(f"{one.mean:.4f}", f"± {one.deviation:.4f}") for one in spreads]
        seeds = f"seeds {', '.join(map(str, group.seeds))}"
        rows.append([Cell(group.name, seeds), *means, ""])
    console = open_console()
    print_table(console, ["run", *shown, "minus the first"], rows)
    say = speaker(console)
    say("")
    if result.groups:
        say(
            "Rows with several seeds: mean ± sample standard deviation of runs that differ only "
            "in the seed."
        )
    for one in result.runs[1:]:
        say(_against_first(one))
    say(
        f"Protocol: {result.protocol}. In brackets: 95% intervals over videos. The last column is "
        f"the {main} minus that of the first run."
    )
    if result.plot:
        typer.echo(result.plot)


def _difference(run: ComparedRun) -> Cell:
    if run.why_not:
        return Cell("not comparable")
    gap = run.difference
    if gap is None:
        return Cell("")
    note = "" if math.isnan(gap.low) else f"[{gap.low:+.3f}, {gap.high:+.3f}]"
    return Cell(f"{gap.value:+.4f}", note)


def _against_first(run: ComparedRun) -> str:
    who = run.title
    if run.difference is None:
        return f"[yellow]{who} is not comparable with the first:[/] {run.why_not}."
    remark = f"; {run.remark}" if run.remark else ""
    if math.isnan(run.difference.better):
        return f"{who}: too few videos for an interval{remark}."
    return f"{who} is ahead of the first in {run.difference.better:.1%} of bootstrap draws{remark}."
