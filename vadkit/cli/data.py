"""The commands ``data check`` and ``data convert``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, Plugin, Set, label_unit
from vadkit.cli.table import open_console, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from vadkit.workflows.data.check import DataReport
    from vadkit.workflows.data.convert import ConversionResult
    from vadkit.workflows.data.faults import CheckedVideo, DataFault

app = typer.Typer(
    help="Check a dataset, convert its labels, manage the frame store.", no_args_is_help=True
)


@app.command("check")
def check(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|FOLDER",
            help="A recipe file, the name of a built-in recipe, or a folder of videos.",
        ),
    ],
    overrides: Set = None,
    plugin: Plugin = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Decode nothing; use the frame counts in the containers."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Decode every video of a dataset and report problems in videos and labels.

    The exit code is 3 if there is an error, and 0 if there are only warnings.
    """
    from vadkit.workflows.data.check import check as workflow

    try:
        report = workflow(source, overrides or (), plugin or (), quick=quick)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(report.as_data(), indent=2))
    else:
        _print_report(report)
    if report.has_errors:
        raise typer.Exit(3)


@app.command("convert")
def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="LABELS|RECIPE",
            help="A label file or folder in any known format, or a recipe for its test labels.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The JSON file to write.")],
    label_format: Annotated[
        str | None,
        typer.Option("--format", help="The format of LABELS; see `vadkit list-components labels`."),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the videos: counts their frames, cuts one row for all of them, and "
            "turns seconds into frames."
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="frames|seconds", help="What start and end in a table count, if unclear."
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second, for labels in seconds of folders of images."),
    ] = None,
    overrides: Set = None,
    plugin: Plugin = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    as_json: Json = False,
) -> None:
    """Convert labels from any known format to vadkit's JSON format."""
    from vadkit.workflows.data.convert import convert as workflow
    from vadkit.workflows.progress import say

    try:
        done = workflow(
            source,
            out,
            label_format=label_format,
            videos=videos,
            unit=label_unit(unit),
            fps=fps,
            overrides=overrides or (),
            plugins=plugin or (),
            force=force,
        )
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(130) from None
    for note in done.notes:
        say(f"note: {note}")
    typer.echo(json.dumps(done.as_data(), indent=2) if as_json else _summary(done))


def _summary(done: ConversionResult) -> str:
    return (
        f"{_count(done.videos, 'video')}, {_count(done.frames, 'frame')}, "
        f"{done.abnormal} abnormal ({_share(done.abnormal, done.frames)} %), "
        f"from {done.format} to {done.out}"
    )


def _print_report(report: DataReport) -> None:
    """Print the table of videos, the faults by kind, and a line of totals."""
    # Without a terminal, every row and every fault is one line of any length.
    console = open_console(one_line=True)
    splits = [len(video.split) for video in report.videos]
    wide = max([len("split"), *splits])
    heads = [f"{'split':<{wide}}  video", "frames", "size", "fps", "codec", "labels", "abnormal %"]
    print_table(console, heads, [_cells(video, wide) for video in report.videos])
    console.print()
    _print_faults(console, report.faults)
    for line in _totals(report):
        console.print(line, soft_wrap=True, markup=False)


def _cells(video: CheckedVideo, wide: int) -> list[str]:
    from vadkit.text import printable

    return [
        f"{video.split:<{wide}}  {printable(video.id)}",
        "?" if video.frames is None else str(video.frames),
        "?" if video.width is None else f"{video.width}x{video.height}",
        "-" if video.fps is None else f"{video.fps:.4g}",
        video.codec or "-",
        printable(video.labels or "-"),
        "-" if video.abnormal is None else _share(video.abnormal, video.frames or 0),
    ]


def _print_faults(console: Console, faults: list[DataFault]) -> None:
    """Print errors before warnings: a heading for each kind, then one line per fault."""
    import textwrap

    from vadkit.text import printable

    kinds: dict[tuple[str, str], list[DataFault]] = {}
    # The alphabetical order also puts "error" before "warning".
    for fault in sorted(faults, key=lambda fault: fault.severity):
        kinds.setdefault((fault.severity, fault.kind), []).append(fault)
    for (severity, kind), group in kinds.items():
        color = "red" if severity == "error" else "yellow"
        console.print(f"[bold {color}]{severity}[/]: {kind} ({len(group)})")
        for fault in group:
            text = textwrap.fill(
                f"  {printable(fault.video)}: {printable(fault.message, 5000)}",
                console.width,
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            console.print(text, markup=False, soft_wrap=True)
    if kinds:
        console.print()


def _totals(report: DataReport) -> list[str]:
    total = report.summary
    share = _share(total["abnormal"], total["labelled"])
    labels = (
        f"{total['abnormal']} of {total['labelled']} labelled frames abnormal ({share} %)"
        if total["labelled"]
        else "no labels"
    )
    faults = [
        _count(total[f"{severity}s"], severity)
        for severity in ("error", "warning")
        if total[f"{severity}s"]
    ]
    lines = [
        f"{_count(total['videos'], 'video')}, {_count(total['frames'], 'frame')}, {labels}; "
        f"{', '.join(faults) or 'no faults'}."
    ]
    if report.quick:
        lines.append("Frame counts come from the containers, and masks were not read (--quick).")
    return lines


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
