"""The command ``train``, and options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from vadkit.data.labels.table import Unit

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe value; repeatable."),
]
Plugin = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A Python file with your own components; repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Stretch = Annotated[
    bool,
    typer.Option(
        "--stretch",
        help="Also score pictures of another shape than in training, stretched to it.",
    ),
]
TrustPlugins = Annotated[
    bool,
    typer.Option(
        "--trust-plugins",
        help="Trust this run or file: run its plugins, or load its .pt2 model, even if another "
        "user made them. Their digests are saved, so later commands do not ask again.",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...",
        help="Train once per seed, evaluate each run, and print mean and deviation. The same "
        "command continues what was interrupted.",
    ),
]
Run = Annotated[Path, typer.Argument(help="A run folder, as printed by `vadkit train`.")]


def label_unit(text: str | None) -> Unit | None:
    """Return the value of ``--unit``; ``RecipeError`` for another text."""
    from vadkit.errors import RecipeError

    if text is None or text in ("frames", "seconds"):
        return cast("Unit | None", text)
    raise RecipeError(f"--unit {text} is not a unit; give frames or seconds")


def allow_plugins(places: Iterable[Path]) -> None:
    """Record that the code in these runs, recipes and ``.pt2`` files may run."""
    from vadkit.workflows.allow import allow

    allow(places)


def say_unfinished(runs: Iterable[Path], *, table: bool = False) -> None:
    """Warn about unfinished runs, on stderr and, with ``table``, also on stdout."""
    from vadkit.workflows.run_status import unfinished

    for text in unfinished(runs):
        typer.echo(f"warning: {text}", err=True)
        if table:
            typer.echo(f"NOT DONE: {text}")


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(help="A recipe file, or the name of a built-in recipe such as quickstart."),
    ] = None,
    overrides: Set = None,
    plugin: Plugin = None,
    resume: Annotated[
        Path | None, typer.Option(help="Continue this interrupted run instead of a new one.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="The folder for new run folders.")] = Path("runs"),
    seeds: Seeds = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the recipe and print the plan; do not train.")
    ] = False,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Train a model from a recipe. The last line on stdout is the run folder."""
    from vadkit.errors import RecipeError
    from vadkit.workflows import train as workflow

    if (recipe is None) == (resume is None):
        raise RecipeError("give either a recipe or --resume RUN")
    if resume is not None and (plugin or dry_run):
        raise RecipeError("--plugin and --dry-run cannot be used with --resume")
    if seeds is not None and (resume is not None or dry_run):
        raise RecipeError("--seeds cannot be used with --resume or --dry-run")
    if trust_plugins:
        if resume is None:
            raise RecipeError(
                "--trust-plugins needs --resume; the plugins of a recipe run without it"
            )
        allow_plugins([resume])
    if dry_run:
        from vadkit.recipe import load_recipe

        _print_plan(
            workflow.plan(load_recipe(recipe or "", overrides or (), plugin or ())), as_json
        )
        return
    if seeds is not None:
        from vadkit.cli.seeds import train_each

        train_each(recipe or "", seeds, overrides or (), plugin or (), runs, as_json)
        return
    try:
        if resume is not None:
            run = workflow.resume(resume, overrides or ())
        else:
            run = workflow.train(
                recipe or "", overrides=overrides or (), plugins=plugin or (), runs=runs
            )
    except KeyboardInterrupt as stop:
        # Typer would print nothing. The exception's message is the run that can be continued.
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
