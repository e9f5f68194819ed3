"""``report``: a page on runs, and figures for a paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.commands import Json, Set, TrustPlugins, allow_plugins, say_unfinished


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders that were evaluated.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The HTML file; by default RUN/report/report.html for one run, else report.html.",
            show_default=False,
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the plots there too, as PDF and SVG for a paper."),
    ] = None,
    overrides: Set = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Write one HTML file on runs: numbers, curves, and every test video beside its scores."""
    from vadkit.workflows.report import report as workflow

    if trust_plugins:
        allow_plugins(runs)
    say_unfinished(runs)
    done = workflow(runs, out=out, figures=figures, overrides=tuple(overrides or ()))
    if as_json:
        typer.echo(json.dumps(done.as_data(), indent=2))
        return
    if done.videos is not None:
        typer.echo(f"videos stand beside the page, keep them with it: {done.videos}", err=True)
    if done.figures:
        typer.echo(f"{len(done.figures)} figures in {figures}", err=True)
    typer.echo(f"{done.page}")
