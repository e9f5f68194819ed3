"""``train``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the recipe; repeatable."),
]
Plugin = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A Python file with components of your own; repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
TrustPlugins = Annotated[
    bool,
    typer.Option(
        "--trust-plugins",
        help="Run the plugins that come with a run, or load a .pt2 file, which this user did not "
        "make. Their digests are recorded, so that no later command asks again.",
    ),
]
Run = Annotated[Path, typer.Argument(help="A run folder, as printed by train.")]


def allow_plugins(places: Iterable[Path]) -> None:
    """Record that the code which comes with runs, recipes and ``.pt2`` files may run."""
    from vadkit.workflows.allow import allow

    allow(places)


def say_unfinished(runs: Iterable[Path], *, table: bool = False) -> None:
    """First of all, say which runs are not done: a warning, with ``table`` also on stdout."""
    from vadkit.workflows.run_status import unfinished

    for text in unfinished(runs):
        typer.echo(f"warning: {text}", err=True)
        if table:
            typer.echo(f"NOT DONE: {text}")


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
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Train a recipe; the last line on stdout is the run folder."""
    from vadkit.errors import RecipeError
    from vadkit.workflows import train as workflow

    if (recipe is None) == (resume is None):
        raise RecipeError("give either a recipe to train or --resume RUN, not both or neither")
    if resume is not None and (plugin or dry_run):
        raise RecipeError("--plugin and --dry-run do not go with --resume")
    if trust_plugins:
        if resume is None:
            raise RecipeError("--trust-plugins goes with --resume; a recipe's own plugins run")
        allow_plugins([resume])
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


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(plan, indent=2))
        return
    typer.echo(f"{plan['name']}: method {plan['method']}")
    for role, network in plan["networks"].items():
        typer.echo(f"  network {role}: {network['type']}, {network['parameters']:,} parameters")
    for place, hook in enumerate(plan["hooks"], 1):
        typer.echo(f"  hook {place}. {hook['type']} ({hook['slot']})")
