"""The commands ``recipes``, ``validate`` and ``schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.commands import Json, Plugin, Set
from vadkit.cli.table import open_console, print_table


def recipes(
    word: Annotated[
        str | None,
        typer.Argument(help="Only recipes with this word, such as ped2 or memae."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the built-in recipes: name, method, data set, and a summary."""
    from vadkit.recipe.catalogue import built_in_recipes

    found = built_in_recipes(word)
    if as_json:
        typer.echo(json.dumps([one.as_data() for one in found], indent=2))
        return
    print_table(
        open_console(),
        ["recipe", "method", "data set", "about"],
        [[one.name, one.method, one.dataset, one.summary] for one in found],
        left=3,
        text=True,
    )


def validate(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a built-in recipe.")],
    overrides: Set = None,
    plugin: Plugin = None,
    as_json: Json = False,
) -> None:
    """Check a recipe and print it with all defaults filled in. Plugins do not run."""
    from vadkit.recipe.check import check_recipe

    checked = check_recipe(recipe, overrides or (), plugin or ())
    for note in checked.notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        typer.echo(json.dumps(checked.data, indent=2))
    else:
        from vadkit.recipe.source import to_yaml

        typer.echo(to_yaml(checked.data).rstrip())


def schema(
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of stdout.")] = None,
) -> None:
    """Print the JSON Schema of recipes, for editors."""
    from vadkit.files import write_text
    from vadkit.recipe.schema import recipe_schema

    text = json.dumps(recipe_schema(), indent=1) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
