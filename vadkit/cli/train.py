"""The command ``train``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from vadkit.cli.commands import Json, Plugin, Set, TrustPlugins, allow_plugins
from vadkit.cli.standard import hush
from vadkit.errors import RecipeError
from vadkit.ranks import Part, set_speaks, started

Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...",
        help="Train once per seed, evaluate each run, and print mean and deviation. The same "
        "command continues what was interrupted.",
    ),
]
Gpus = Annotated[
    int | None,
    typer.Option(
        "--gpus",
        metavar="N",
        min=1,
        help="Train in N processes: one for each GPU, or on a CPU as many that share it.",
    ),
]
ScaleLr = Annotated[
    bool,
    typer.Option(
        "--scale-lr",
        help="With several processes, multiply batch size and learning rates by their number.",
    ),
]


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
    gpus: Gpus = None,
    scale_lr: ScaleLr = False,
    as_json: Json = False,
) -> None:
    """Train a model from a recipe. The last line on stdout is the run folder."""
    from vadkit.workflows import train as workflow

    rank = _prepared_rank(gpus)
    _check_options(recipe, plugin, resume, seeds, dry_run, trust_plugins)
    _check_processes(gpus or rank.of, resume, seeds, scale_lr)
    if trust_plugins and resume is not None:
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
    if gpus is not None and rank.of < gpus:
        from vadkit.workflows.launch import launch

        raise typer.Exit(launch(gpus, sys.argv[1:]))
    try:
        if resume is not None:
            run = workflow.resume(resume, overrides or ())
        else:
            more: dict[str, Any] = {"plugins": plugin or (), "runs": runs, "scale_lr": scale_lr}
            run = workflow.train(recipe or "", overrides=overrides or (), **more)
    except KeyboardInterrupt as stop:
        # Typer would print nothing. The exception's message is the run that can be continued.
        hint = f"; continue with: vadkit train --resume {stop}" if str(stop) else ""
        typer.echo(f"interrupted{hint}", err=True)
        raise typer.Exit(130) from None
    typer.echo(json.dumps({"run": str(run)}) if as_json else str(run))


def _prepared_rank(gpus: int | None) -> Part:
    """Return which of the processes that train together this is; only the first one prints."""
    rank = started()
    if rank.of > 1:
        # Otherwise each process prints a stack of C++ when another one ends.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if rank.number > 0:
        hush()
        set_speaks(False)
    if gpus is not None and rank.of not in (1, gpus):
        raise RecipeError(f"--gpus {gpus}, but torchrun started {rank.of} processes; leave it out")
    return rank


def _check_options(
    recipe: str | None,
    plugin: list[Path] | None,
    resume: Path | None,
    seeds: str | None,
    dry_run: bool,
    trust_plugins: bool,
) -> None:
    if (recipe is None) == (resume is None):
        raise RecipeError("give either a recipe or --resume RUN")
    if resume is not None and (plugin or dry_run):
        raise RecipeError("--plugin and --dry-run cannot be used with --resume")
    if seeds is not None and (resume is not None or dry_run):
        raise RecipeError("--seeds cannot be used with --resume or --dry-run")
    if trust_plugins and resume is None:
        raise RecipeError("--trust-plugins needs --resume; the plugins of a recipe run without it")


def _check_processes(count: int, resume: Path | None, seeds: str | None, scale_lr: bool) -> None:
    if seeds is not None and count > 1:
        raise RecipeError(
            "--seeds cannot be used with --gpus or torchrun; train one seed at a time"
        )
    if scale_lr and count == 1:
        raise RecipeError("--scale-lr needs several processes; add --gpus N, or leave it out")
    if scale_lr and resume is not None:
        raise RecipeError("--scale-lr cannot be used with --resume; the run has its scaled values")


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(plan, indent=2))
        return
    typer.echo(f"{plan['name']}: method {plan['method']}")
    for role, network in plan["networks"].items():
        typer.echo(f"  network {role}: {network['type']}, {network['parameters']:,} parameters")
    for place, hook in enumerate(plan["hooks"], 1):
        typer.echo(f"  hook {place}. {hook['type']} ({hook['slot']})")
