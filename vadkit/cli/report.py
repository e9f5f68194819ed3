"""The command ``report``: an HTML page on runs, and figures for a paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.commands import Json, RunPlugin, Set, TrustPlugins, allow_plugins, say_unfinished
from vadkit.cli.compare import Offset, Segment


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run folders, after `vadkit eval`; after the first, also frame scores of other "
            "code.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The HTML file. Default: RUN/report/report.html for one run, else report.html.",
            show_default=False,
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write the plots there, as PDF and SVG for a paper."),
    ] = None,
    offset: Offset = 0,
    segment: Segment = None,
    overrides: Set = None,
    plugin: RunPlugin = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Write one HTML file on runs: metrics, curves, and every test video with its scores."""
    from vadkit.workflows.report.report import report as workflow

    if trust_plugins:
        allow_plugins(runs)
    say_unfinished(runs)
    done = workflow(
        runs,
        out=out,
        figures=figures,
        overrides=tuple(overrides or ()),
        offset=offset,
        segment=segment,
    )
    if as_json:
        typer.echo(json.dumps(done.as_data(), indent=2))
        return
    if done.videos is not None:
        typer.echo(f"the page needs this folder of videos, keep both: {done.videos}", err=True)
    if done.figures:
        typer.echo(f"{len(done.figures)} figures in {figures}", err=True)
    typer.echo(f"{done.page}")
