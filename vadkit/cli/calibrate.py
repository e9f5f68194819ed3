"""The command ``calibrate``: the alarm threshold of a run, with its evidence."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, Run, RunPlugin, TrustPlugins, allow_plugins, say_unfinished
from vadkit.cli.table import open_console, print_table

if TYPE_CHECKING:
    from vadkit.scoring.calibration import Calibration


class ThresholdMethod(StrEnum):
    """How the threshold is computed."""

    pot = "pot"
    quantile = "quantile"
    conformal = "conformal"


Videos = Annotated[
    Path | None,
    typer.Option(
        help="A folder of other normal videos, which were not used in training. Default: the "
        "saved scores of the training videos."
    ),
]
Name = Annotated[
    str | None,
    typer.Option(help="A name for this calibration. Default: the folder's name, or training."),
]
Use = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Activate a saved calibration; with another rate or method, reuse its scores.",
    ),
]
ListKept = Annotated[
    bool, typer.Option("--list", help="Only list the saved calibrations of the run.")
]
PerHour = Annotated[
    float | None,
    typer.Option(
        help="Allowed false alarms per hour of one camera. Default: the rate in the recipe."
    ),
]
AlarmTime = Annotated[
    float | None,
    typer.Option(
        help="Allowed share of normal time inside alarms, such as 0.02. Default: the share in the "
        "recipe."
    ),
]
How = Annotated[
    ThresholdMethod | None,
    typer.Option(
        help="pot: a Pareto tail fitted to peaks; quantile: a quantile of the peaks; "
        "conformal: a rank of the highest scores per video. Default: the method in the recipe."
    ),
]


def calibrate(
    run: Run,
    videos: Videos = None,
    name: Name = None,
    use: Use = None,
    list_kept: ListKept = False,
    false_alarms_per_hour: PerHour = None,
    alarm_time: AlarmTime = None,
    method: How = None,
    plugin: RunPlugin = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Set the alarm threshold of a run from normal video, without labels.

    Every calibration is saved under a name, together with its scores. None is overwritten.
    """
    from vadkit.errors import RecipeError
    from vadkit.workflows.calibrate.threshold import calibrate as workflow
    from vadkit.workflows.run_status import run_status

    if use is not None and videos is not None:
        raise RecipeError("give either --videos or --use: both choose the scores to calibrate on")
    limits = (false_alarms_per_hour, alarm_time)
    if list_kept and (use or videos or name or method or limits != (None, None)):
        raise RecipeError("--list cannot be used with other options: it changes nothing")

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
        alarm_time=alarm_time,
    )
    if as_json:
        status = run_status(run)
        # For a finished run, the output equals calibration.json.
        more = status.as_data() if status.complete is False else {}
        typer.echo(json.dumps({**found.to_dict(), **more}, indent=2))
    else:
        print_calibration(found)


def _list(run: Path, as_json: bool) -> None:
    """Print one row per calibration; a star marks the active one."""
    from vadkit.scoring.calibration import duration
    from vadkit.text import printable
    from vadkit.workflows.calibrate.saved import kept_calibrations
    from vadkit.workflows.run import load_run

    load_run(run)
    kept = kept_calibrations(run)
    if as_json:
        typer.echo(json.dumps([one.as_data() for one in kept], indent=2))
        return
    rows = []
    for one in kept:
        seen = one.found.evidence
        based = f"{duration(seen.hours)} of {printable(seen.source)}"
        rows.append(
            [
                one.name,
                "*" if one.current else "",
                f"{one.found.threshold:.4g}",
                _limits(one.found.false_alarms_per_hour, one.found.alarm_time),
                _limits(seen.expected_per_hour, seen.alarm_time),
                one.found.method,
                based + (" (from an earlier checkpoint or other zones)" if one.stale else ""),
            ]
        )
    heads = ["name", "", "threshold", "at most", "expected", "method", "based on"]
    print_table(open_console(), heads, rows, left=2, text=True)


def _limits(per_hour: float, alarm_time: float | None) -> str:
    """Format alarms per hour and the share of time in alarms: "1/h, 2%"."""
    rate = f"{per_hour:.3g}" if per_hour < 1000 else f"{per_hour:.0f}"
    return f"{rate}/h" + ("" if alarm_time is None else f", {100 * alarm_time:.2g}%")


def _time_words(found: Calibration) -> str:
    """Describe the share of normal time inside alarms, and what was left out."""
    seen = found.evidence
    rare = "" if not seen.rare else f", without rare events ({100 * seen.rare_time:.2g}%)"
    return f"{100 * (seen.alarm_time or 0.0):.2g}% of the normal time is inside alarms{rare}"


def print_calibration(found: Calibration) -> None:
    """Print the threshold with its interval and evidence, and warnings on stderr."""
    from rich.text import Text

    from vadkit.scoring.calibration import duration, rounded
    from vadkit.scoring.scorer import chain_label

    seen = found.evidence
    videos = f"{seen.videos} video{'' if seen.videos == 1 else 's'}"
    rows = {
        "threshold": f"{found.threshold:.4g}, 95% interval {seen.threshold_low:.4g} to "
        f"{seen.threshold_high:.4g}; scores are {chain_label(found.chain())}",
        "target": f"at most {found.target}, for one camera",
        "expected": f"{rounded(seen.expected_per_hour)} per hour, by method {found.method}",
        "observed": f"{seen.alarms} alarms in {duration(seen.hours)} of normal video, which means "
        f"{rounded(seen.rate_low)} to {rounded(seen.rate_high)} per hour",
        **({} if seen.alarm_time is None else {"alarm time": _time_words(found)}),
        "normal video": f"{videos}: {seen.source}; {seen.peaks} independent peaks above "
        f"{seen.level:.4g}",
        "supports": f"rates of {rounded(seen.supported_per_hour)} false alarms per hour or more",
    }
    console = open_console()
    for name, text in rows.items():
        console.print(Text.assemble((f"{name:<13}", "bold"), text), soft_wrap=True)
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)
