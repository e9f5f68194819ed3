"""The command ``bench``: how fast a recipe trains and scores on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, Plugin, Set
from vadkit.cli.table import Cell, open_console, print_table

if TYPE_CHECKING:
    from vadkit.workflows.bench import Bench


def bench(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a built-in recipe.")],
    device: Annotated[
        str | None, typer.Option(help="The device, such as cpu or cuda. Default: the recipe's.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="Seconds for each figure.")] = 2.0,
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="JSON of an earlier `vadkit bench --json`, to compare with.",
        ),
    ] = None,
    overrides: Set = None,
    plugin: Plugin = None,
    as_json: Json = False,
) -> None:
    """Measure how fast a recipe trains and scores on this machine; nothing is kept.

    Steps of one constant batch, the loader alone, both together, scoring, memory, the time until
    training runs, and the share of the device's peak. Videos are stored first, if they are not.
    """
    from vadkit.recipe import find_recipe, load_recipe
    from vadkit.workflows.bench import bench as workflow
    from vadkit.workflows.bench import read_figures

    changed = [*(overrides or ()), *([] if device is None else [f"train.device={device}"])]
    before = None if against is None else read_figures(against)
    result = workflow(load_recipe(find_recipe(recipe), changed, plugin or ()), seconds=seconds)
    if as_json:
        compared = {} if before is None else {"before": before}
        typer.echo(json.dumps(result.as_data() | compared, indent=2))
    else:
        _print(result, before)


def _print(result: Bench, before: dict[str, float] | None) -> None:
    console = open_console()
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    console.print(
        f"{result.recipe}: {result.method}, batches of {result.batch_size}, {result.precision}, "
        f"{result.device}, {versions}",
        soft_wrap=True,
    )
    heads = ["", "value", "unit"] + ([] if before is None else ["before", "ratio"])
    rows: list[list[Cell | str]] = []
    for figure in result.figures:
        row: list[Cell | str] = [figure.name, _number(figure.value), figure.unit]
        if before is not None:
            row += _compared(figure.value, before.get(figure.name))
        rows.append(row)
    print_table(console, heads, rows)


def _compared(value: float, before: float | None) -> list[Cell | str]:
    if before is None:
        return ["-", "-"]
    return [_number(before), f"{value / before:.2f}" if before else "-"]


def _number(value: float) -> str:
    """Return three significant digits, without an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
