"""The command ``compare``: runs side by side, with the reasons why some are not comparable."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, Set, TrustPlugins, allow_plugins, say_unfinished
from vadkit.cli.evaluation import cell, speaker

if TYPE_CHECKING:
    from vadkit.workflows.evaluate.compare import Compared, Comparison


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run folders.")],
    protocol: Annotated[
        str,
        typer.Option(help="The protocol for all runs, see `vadkit list-components protocols`."),
    ] = "raw",
    checkpoint: Annotated[str, typer.Option(help="The checkpoint of each run.")] = "last",
    plot: Annotated[Path, typer.Option(help="The file for the plot; .png, .svg or .pdf.")] = Path(
        "compare.png"
    ),
    overrides: Set = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Compare runs with the first one: metrics, paired differences and a plot."""
    from vadkit.workflows.evaluate.compare import compare as workflow

    if trust_plugins:
        allow_plugins(runs)
    say_unfinished(runs, table=not as_json)
    result = workflow(
        runs, protocol=protocol, checkpoint=checkpoint, plot=plot, overrides=overrides or ()
    )
    if as_json:
        typer.echo(json.dumps(result.as_data(), indent=2))
    else:
        print_comparison(result)


def print_comparison(result: Comparison) -> None:
    """Print one row per run, then the means over seeds and the details."""
    from rich.console import Console
    from rich.table import Table

    main = result.headline
    shown = ["micro-auc", "macro-auc", "ap", "eer"]
    if main not in shown:
        shown.insert(0, main)
    table = Table("run", "seed", *shown, f"{main} minus the first's", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in result.runs:
        found = {metric.name: metric for metric in one.metrics}
        cells = [cell(found[name], name == main) for name in shown]
        gap = one.difference
        text = "" if gap is None else f"{gap.value:+.4f} \\[{gap.low:+.3f}, {gap.high:+.3f}]"
        table.add_row(one.name, str(one.seed), *cells, "not comparable" if one.why_not else text)
    for group in result.groups:
        spreads = [group.metrics[name] for name in shown]
        cells = [f"{spread.mean:.4f} ± {spread.deviation:.4f}" for spread in spreads]
        table.add_row(group.name, ",".join(map(str, group.seeds)), *cells, style="italic")
    console = Console(width=None if Console().is_terminal else 140)
    console.print(table, highlight=False)
    say = speaker(console)
    say("")
    if result.groups:
        say(
            "Rows with several seeds: mean ± sample standard deviation of runs that differ only "
            "in the seed."
        )
    for one in result.runs[1:]:
        say(_against_first(one))
    say(f"Protocol: {result.protocol}. In brackets: 95% intervals over videos.")
    if result.plot:
        typer.echo(result.plot)


def _against_first(run: Compared) -> str:
    who = f"{run.name} (seed {run.seed})"
    if run.difference is None:
        return f"[yellow]{who} is not comparable with the first:[/] {run.why_not}."
    remark = f"; {run.remark}" if run.remark else ""
    if math.isnan(run.difference.better):
        return f"{who}: too few videos for an interval{remark}."
    return f"{who} is ahead of the first in {run.difference.better:.1%} of bootstrap draws{remark}."
