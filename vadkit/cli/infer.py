"""The command ``infer``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import (
    Json,
    PerHour,
    Ray,
    Rule,
    Run,
    RunPlugin,
    Stretch,
    TrustPlugins,
    allow_plugins,
    say_unfinished,
)
from vadkit.cli.table import open_console, print_table
from vadkit.text import printable

if TYPE_CHECKING:
    from vadkit.workflows.infer.result import Inferred

Sinks = Annotated[
    list[str] | None,
    typer.Option(
        help="An output, such as events or type=webhook,url=...; repeatable. Default: the "
        "sinks of the recipe, or jsonl and npz, and for up to 8 videos also plot and video."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Videos to score in parallel. Default: one per CPU core, with --ray of the cluster.",
    ),
]


def infer(
    run: Run,
    sources: Annotated[
        list[str], typer.Argument(help="Video files, folders of them, or quoted glob patterns.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The folder for results. Default: RUN/infer.")
    ] = None,
    sink: Sinks = None,
    set_: Rule = None,
    false_alarms_per_hour: PerHour = None,
    checkpoint: Annotated[str, typer.Option(help="The checkpoint to use.")] = "last",
    workers: Workers = None,
    ray: Ray = None,
    stretch: Stretch = False,
    again: Annotated[
        bool, typer.Option("--again", help="Score all videos again, even finished ones.")
    ] = False,
    plugin: RunPlugin = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Score every frame of videos; write scores, plots and annotated videos.

    After an interruption, run the same command again to continue. It scores only videos that are
    new or have changed. Exit code 3 means that some videos could not be read.
    """
    from vadkit.inference.sinks.build import parse_sink
    from vadkit.workflows.infer.archive import infer as workflow
    from vadkit.workflows.run_status import run_status

    if trust_plugins:
        allow_plugins([run])
    say_unfinished([run], table=not as_json)
    try:
        results = workflow(
            run,
            sources,
            out=out,
            sinks=[parse_sink(text) for text in sink or ()],
            checkpoint=checkpoint,
            workers=workers,
            again=again,
            stretch=stretch,
            ray=ray,
            sets=set_ or (),
            per_hour=false_alarms_per_hour,
        )
    except KeyboardInterrupt:
        typer.echo("interrupted; to continue, run the same command again", err=True)
        raise typer.Exit(130) from None
    if as_json:
        status = run_status(run).as_data()
        typer.echo(json.dumps([{**result.as_data(), **status} for result in results], indent=2))
    else:
        _print_results(results)
    _end(results)


def _end(results: list[Inferred]) -> None:
    """Name the videos that could not be scored, and exit with 3 if there are any."""
    failed = [result for result in results if result.error is not None]
    if failed:
        typer.echo(f"{len(failed):,} of {len(results):,} videos could not be scored:", err=True)
        for result in failed:
            typer.echo(f"  {printable(result.error or '', 2000)}", err=True)
        raise typer.Exit(3)


def _print_results(results: list[Inferred]) -> None:
    """Print a paragraph per video with its files, or for many videos a table sorted by peak."""
    from vadkit.workflows.infer.archive import FEW

    scored = [result for result in results if result.error is None]
    if len(results) <= FEW:
        for result in scored:
            typer.echo(
                f"{printable(result.video)}: {result.frames} frames ({result.scored} scored), "
                f"{result.frames_per_s:.1f} frames/s, peak {result.peak:.4g} at "
                f"{result.peak_s:.2f} s{_alarms(result)}{_changes(result)}"
                + (" (already finished)" if result.kept else "")
            )
            for path in result.files:
                typer.echo(f"  {printable(path)}")
        return
    scored.sort(key=lambda result: -result.peak if result.peak == result.peak else math.inf)
    rows = []
    for result in scored:
        peak, at = ("-", "-") if result.peak != result.peak else _peak(result)
        alarms = "-" if result.alarms is None else f"{result.alarms:,}"
        video = printable(result.video) + _changes(result)
        rows.append([peak, at, alarms, f"{result.frames:,}", video])
    # Without a terminal, every row is one line of any length.
    console = open_console(one_line=True)
    print_table(console, ["peak", "at", "alarms", "frames", "video"], rows, left=0, text=True)


def _peak(result: Inferred) -> tuple[str, str]:
    minutes, seconds = divmod(result.peak_s, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{result.peak:.4g}", f"{hours}:{minutes:02}:{seconds:04.1f}"


def _alarms(result: Inferred) -> str:
    if result.alarms is None:
        return ""
    why = f" ({printable('; '.join(result.reasons))})" if result.reasons else ""
    return f", {result.alarms} alarm{'' if result.alarms == 1 else 's'}{why}"


def _changes(result: Inferred) -> str:
    """Describe long changes of the camera: ", camera-covered 2 times"."""
    return "".join(
        f", {kind}" + (f" {times} times" if times > 1 else "")
        for kind, times in sorted(result.camera_changes.items())
    )
