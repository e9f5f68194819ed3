"""``calibrate``: the alarm threshold of a run, and what it stands on."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, Run, TrustPlugins, allow_plugins

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
            "the scores of normal video that the run keeps."
        ),
    ] = None,
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
    """Set the alarm threshold of a run from normal video; no label is needed."""
    from vadkit.workflows.calibrate import calibrate as workflow

    if trust_plugins:
        allow_plugins([run])
    found = workflow(
        run,
        videos=videos,
        method=None if method is None else method.value,
        per_hour=false_alarms_per_hour,
    )
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        print_calibration(found)


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
