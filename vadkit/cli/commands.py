"""``train``, ``eval`` and ``infer``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vadkit.workflows.evaluate import Evaluation

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the recipe; repeatable."),
]
Plugin = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A Python file with components of your own; repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Run = Annotated[Path, typer.Argument(help="A run folder, as printed by train.")]


def train(
    recipe: Annotated[
        str | None, typer.Argument(help="A recipe file, or a shipped one such as quickstart.")
    ] = None,
    overrides: Set = None,
    plugin: Plugin = None,
    resume: Annotated[
        Path | None, typer.Option(help="Continue this interrupted run instead of starting one.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and print the plan; train nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a recipe; the last line on stdout is the run folder."""
    from vadkit.errors import RecipeError
    from vadkit.workflows import train as workflow

    if (recipe is None) == (resume is None):
        raise RecipeError("give either a recipe to train or --resume RUN, not both or neither")
    if resume is not None and (plugin or dry_run):
        raise RecipeError("--plugin and --dry-run do not go with --resume")
    if dry_run:
        from vadkit.recipe import load_recipe

        _print_plan(
            workflow.plan(load_recipe(recipe or "", overrides or (), plugin or ())), as_json
        )
        return
    try:
        if resume is not None:
            run = workflow.resume(resume, overrides or ())
        else:
            run = workflow.train(
                recipe or "", overrides=overrides or (), plugins=plugin or (), runs=runs
            )
    except KeyboardInterrupt as stop:
        # Typer would end without a word; the workflow says which run can go on.
        hint = f"; continue with: vadkit train --resume {stop}" if str(stop) else ""
        typer.echo(f"interrupted{hint}", err=True)
        raise typer.Exit(130) from None
    typer.echo(json.dumps({"run": str(run)}) if as_json else str(run))


def evaluate(
    run: Run,
    checkpoint: Annotated[
        str, typer.Option(help="last, best (lowest training loss), or another checkpoint's name.")
    ] = "last",
    overrides: Set = None,
    as_json: Json = False,
) -> None:
    """Evaluate a run on its labelled test videos; each number says its protocol."""
    from vadkit.workflows.evaluate import evaluate as workflow

    result = workflow(run, checkpoint=checkpoint, overrides=tuple(overrides or ()))
    if as_json:
        typer.echo(json.dumps(result.as_data(), indent=2))
    else:
        _print_evaluation(result)


def infer(
    run: Run,
    sources: Annotated[
        list[str], typer.Argument(help="Video files, folders of them, or quoted glob patterns.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for results; RUN/infer by default.")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="Which checkpoint to score with.")] = "last",
    as_json: Json = False,
) -> None:
    """Score videos: a score for every frame, a plot and an annotated video each."""
    from vadkit.workflows.infer import infer as workflow

    results = workflow(run, sources, out=out, checkpoint=checkpoint)
    if as_json:
        typer.echo(json.dumps([result.as_data() for result in results], indent=2))
        return
    for result in results:
        typer.echo(
            f"{result.video}: {result.frames} frames ({result.scored} scored), "
            f"{result.frames_per_s:.1f} frames/s, peak {result.peak:.4g} at {result.peak_s:.2f} s"
        )
        for path in result.files:
            typer.echo(f"  {path}")


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(plan, indent=2))
        return
    typer.echo(f"{plan['name']}: method {plan['method']}")
    for role, network in plan["networks"].items():
        typer.echo(f"  network {role}: {network['type']}, {network['parameters']:,} parameters")
    for place, hook in enumerate(plan["hooks"], 1):
        typer.echo(f"  hook {place}. {hook['type']} ({hook['slot']})")


def _print_evaluation(result: Evaluation) -> None:
    """A table with a row a protocol, and what the numbers stand on in a line."""
    from rich.console import Console
    from rich.table import Table

    shown = ("micro-auc", "macro-auc", "ap", "eer")
    protocols: dict[str, dict[str, float]] = {}
    for metric in result.metrics:
        # Macro AUC adds a clause about one-class videos to the same protocol.
        protocol = metric.protocol.removesuffix(", one-class videos left out")
        protocols.setdefault(protocol, {})[metric.name] = metric.value
    table = Table("protocol", *shown)
    for column in table.columns[1:]:
        column.justify = "right"
    for protocol, values in protocols.items():
        cells = [values.get(name, math.nan) for name in shown]
        table.add_row(
            protocol, *("undefined" if math.isnan(cell) else f"{cell:.4f}" for cell in cells)
        )
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table, highlight=False)
    counts = next(iter(protocols.values()))
    if "frames" in counts:
        console.print(
            f"{counts['frames']:.0f} frames of {counts['videos']:.0f} videos, "
            f"{counts['abnormal']:.0f} abnormal; {counts['unscored']:.0f} frames without a score, "
            f"dropped; {counts['one-class-videos']:.0f} videos of one class, not in macro-auc.",
            highlight=False,
            soft_wrap=True,
        )
    if result.skipped:
        console.print(
            f"Left out, because they cannot be read: {', '.join(result.skipped)}. Not comparable "
            "with results on the whole test split.",
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        f"Labels: {result.label_source}. Checkpoint: {result.checkpoint} (step {result.step}).",
        highlight=False,
        soft_wrap=True,
    )
