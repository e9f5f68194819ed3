"""The command ``features``: features of segments of video as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.commands import Json, Plugin, Set
from vadkit.text import counted, printable

app = typer.Typer(
    help="Features of segments of video, for learning from video labels.", no_args_is_help=True
)


@app.callback()
def _root() -> None:
    """Keep `extract` a subcommand."""


@app.command("extract")
def extract(
    recipe: Annotated[str, typer.Argument(help="A recipe file with a section `features`.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write the set to.")],
    overrides: Set = None,
    plugin: Plugin = None,
    as_json: Json = False,
) -> None:
    """Extract the features of a recipe's videos into a folder that `files` reads."""
    from vadkit.recipe import load_recipe
    from vadkit.workflows.features import extract_features

    done = extract_features(load_recipe(recipe, overrides or (), plugin or ()), out)
    if as_json:
        typer.echo(json.dumps(done, indent=2))
        return
    videos = counted(done["videos"], "video")
    typer.echo(f"{videos}, {counted(done['segments'], 'segment')} in {printable(done['out'])}")
