"""The command ``update``: learn from answers, and from more normal video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.cli.commands import Json, Run, RunPlugin, TrustPlugins, allow_plugins, say_unfinished
from vadkit.cli.table import open_console, print_table
from vadkit.text import printable

if TYPE_CHECKING:
    from vadkit.workflows.answered.judge import Judged
    from vadkit.workflows.update.update import Updated

Videos = Annotated[
    Path | None, typer.Option(help="A folder of more normal videos, to be learned too.")
]
Refit = Annotated[
    bool,
    typer.Option(
        "--refit",
        help="Fit again on the training video, without stretches that `vadkit review` marked as "
        "not normal or ignored; for methods without gradients.",
    ),
]
Compare = Annotated[
    bool,
    typer.Option(
        "--compare",
        help="Also show what the model before and the new one say about all answered alarms.",
    ),
]
Undo = Annotated[bool, typer.Option("--undo", help="Return to the version before this one.")]


def update(
    run: Run,
    videos: Videos = None,
    refit: Refit = False,
    compare: Compare = False,
    undo: Undo = False,
    plugin: RunPlugin = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Learn from answers to alarms and from reviews, without training from the start.

    The run gets a new version of its model and threshold. The version before is kept; --undo
    returns to it. `vadkit watch` uses the new version from its next start on.
    """
    from vadkit.errors import RecipeError

    if undo and (videos or refit or compare):
        raise RecipeError("--undo cannot be used with other options")
    if trust_plugins:
        allow_plugins([run])
    say_unfinished([run], table=not as_json)
    if undo:
        _undo(run, as_json)
        return
    from vadkit.workflows.update.update import update as workflow

    found = workflow(run, videos=videos, refit=refit)
    judged = []
    if compare:
        from vadkit.workflows.update.compare import compare_versions

        judged = compare_versions(run)
    if as_json:
        rows = {"compared": [one.as_data() for one in judged]} if compare else {}
        typer.echo(json.dumps({**found.as_data(), **rows}, indent=2))
        return
    _print(found)
    if compare:
        print_compared(judged)


def _undo(run: Path, as_json: bool) -> None:
    from vadkit.workflows.answered.versions import undo
    from vadkit.workflows.run import check_run, training_lock

    check_run(run)
    with training_lock(run):
        version = undo(run)
    if as_json:
        typer.echo(json.dumps({"version": version.model_dump()}, indent=2))
    else:
        typer.echo(f"version {version.number} is used again; answers are kept")


def _print(found: Updated) -> None:
    version = found.version
    for one in found.learned:
        where = "nothing" if one.scores is None else "the video" if one.exact else "the saved clip"
        typer.echo(f"  {one.id}: peak {one.peak_before:.4g} -> {one.peak:.4g}, from {where}")
    before, after = (
        "none" if one is None else f"{one.threshold:.4g}" for one in (found.before, found.after)
    )
    typer.echo(f"version {version.number}: threshold {before} -> {after}")
    for note in found.notes:
        typer.echo(f"note: {printable(note, 2000)}", err=True)


def print_compared(judged: list[Judged]) -> None:
    """Print a table of answered alarms, with their peaks in two versions, and a summary."""
    rows: list[list[Any]] = []
    for one in judged:
        peaks = [f"{peak:.4g}{' alarm' if alarm else ''}" for peak, alarm in one.peaks]
        rows.append([one.id, one.answer, *peaks, "video" if one.exact else "clip"])
    if not rows:
        typer.echo("no answered alarm has a video or a clip to compare on", err=True)
        return
    console = open_console(one_line=True)
    print_table(console, ["alarm", "answer", "before", "after", "from"], rows, left=2)
    for answer, words in (("right", "right alarms still found"), ("false", "false alarms left")):
        of_kind = [one for one in judged if one.answer == answer]
        if of_kind:
            before, after = (sum(one.peaks[n][1] for one in of_kind) for n in (0, 1))
            typer.echo(f"{words}: {before} of {len(of_kind)} before, {after} after")
