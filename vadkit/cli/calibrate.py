"""``calibrate``: the alarm threshold of a run, and what it stands on."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, Run, TrustPlugins, allow_plugins, say_unfinished

if TYPE_CHECKING:
    from vadkit.scoring.calibration import Calibration


class Method(StrEnum):
    """How the threshold is found."""

    pot = "pot"
    quantile = "quantile"
    conformal = "conformal"


def calibrate(
    run: Run,
    videos: Annotated[
        Path | None,
        typer.Option(
            help="A folder of other normal videos, which the run was not trained on. By default "
            "the run's training video, whose scores it keeps."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What to call it; by default the folder's name, or training."),
    ] = None,
    use: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Take a kept calibration into use; with another rate or method, its scores.",
        ),
    ] = None,
    list_kept: Annotated[
        bool, typer.Option("--list", help="Only list the calibrations that the run keeps.")
    ] = False,
    false_alarms_per_hour: Annotated[
        float | None,
        typer.Option(
            help="False alarms that an hour of one camera may raise. The recipe's by default."
        ),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            help="pot: a tail fitted to peaks; quantile: peaks as they are; conformal: the highest "
            "score of each video. The recipe's by default."
        ),
    ] = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Set the alarm threshold of a run from normal video; no label is needed.

    Every calibration is kept under a name, with its scores; none is overwritten.
    """
    from vadkit.errors import RecipeError
    from vadkit.workflows.calibrate import calibrate as workflow
    from vadkit.workflows.run_status import run_status

    if use is not None and videos is not None:
        raise RecipeError("give either --videos or --use: both say whose scores to take")
    if list_kept and (use or videos or name or method or false_alarms_per_hour is not None):
        raise RecipeError("--list goes alone: it changes nothing")

    if trust_plugins:
        allow_plugins([run])
    say_unfinished([run], table=not as_json)
    if list_kept:
        _list(run, as_json)
        return
    found = workflow(
        run,
        videos=videos,
        use=use,
        name=name,
        method=None if method is None else method.value,
        per_hour=false_alarms_per_hour,
    )
    if as_json:
        status = run_status(run)
        # Of a run that is done it is calibration.json as it stands.
        more = status.as_data() if status.complete is False else {}
        typer.echo(json.dumps({**found.to_dict(), **more}, indent=2))
    else:
        print_calibration(found)


def _list(run: Path, as_json: bool) -> None:
    """A row a calibration; the one in use has a star."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from vadkit.scoring.calibration import alarm_rate, duration
    from vadkit.text import printable
    from vadkit.workflows.calibrations import kept_calibrations
    from vadkit.workflows.run import load_run

    load_run(run)
    kept = kept_calibrations(run)
    if as_json:
        typer.echo(json.dumps([one.as_data() for one in kept], indent=2))
        return
    table = Table("", "name", "threshold", "asked for", "stands on", box=None, pad_edge=False)
    for one in kept:
        seen = one.found.evidence
        stands = f"{duration(seen.hours)} of {escape(printable(seen.source))}"
        table.add_row(
            "*" if one.current else "",
            one.name,
            f"{one.found.threshold:.4g}",
            f"{alarm_rate(one.found.false_alarms_per_hour)}, {one.found.method}",
            stands + (" (of an earlier checkpoint)" if one.stale else ""),
        )
    console = Console(width=None if Console().is_terminal else 200)
    console.print(table, highlight=False)


def print_calibration(found: Calibration) -> None:
    """The threshold with its interval, the evidence, and warnings on stderr."""
    from rich.console import Console

    from vadkit.scoring.calibration import alarm_rate, duration, rounded
    from vadkit.scoring.scorer import chain_label

    seen = found.evidence
    videos = f"{seen.videos} video{'' if seen.videos == 1 else 's'}"
    rows = {
        "threshold": f"{found.threshold:.4g}, 95% interval {seen.threshold_low:.4g} to "
        f"{seen.threshold_high:.4g}; scores are {chain_label(found.chain())}",
        "asked for": f"{alarm_rate(found.false_alarms_per_hour)} of a camera",
        "expected": f"{rounded(seen.expected_per_hour)} an hour, by method {found.method}",
        "seen": f"{seen.alarms} alarms in {duration(seen.hours)} of normal video, which speaks for "
        f"{rounded(seen.rate_low)} to {rounded(seen.rate_high)} an hour",
        "normal video": f"{videos}: {seen.source}; {seen.peaks} independent peaks over "
        f"{seen.level:.4g}",
        "supports": f"no rate below {rounded(seen.supported_per_hour)} false alarms an hour",
    }
    console = Console(width=None if Console().is_terminal else 120)
    for name, text in rows.items():
        console.print(f"[bold]{name:<13}[/]{text}", highlight=False, soft_wrap=True)
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)
