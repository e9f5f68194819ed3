"""The option ``train --seeds``: one run per seed, and a table of mean and deviation."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vadkit.cli.evaluation_output import shown_columns, speaker
from vadkit.cli.table import Cell, open_console, print_table
from vadkit.errors import RecipeError, TrainingError

if TYPE_CHECKING:
    from vadkit.evaluation.spread import Spread
    from vadkit.workflows.seeds import Seeds


def train_each(
    recipe: str,
    seeds: str,
    overrides: Sequence[str],
    plugins: Sequence[Path],
    runs: Path,
    as_json: bool,
) -> None:
    """Train and evaluate each seed, and print the summary; ``TrainingError`` if a seed failed."""
    from vadkit.workflows.progress import say
    from vadkit.workflows.seeds import train_seeds

    if any(text.split("=")[0].strip() == "train.seed" for text in overrides):
        raise RecipeError("give either --seeds or --set train.seed")
    try:
        found = train_seeds(
            recipe,
            read_seeds(seeds),
            overrides=overrides,
            plugins=plugins,
            runs=runs,
            on_seed=say,
        )
    except KeyboardInterrupt:
        typer.echo("interrupted; to continue, run the same command again", err=True)
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(found.as_data(), indent=2))
    else:
        print_seeds(found)
    if found.failed:
        names = ", ".join(str(one.seed) for one in found.failed)
        raise TrainingError(
            f"{len(found.failed)} of {len(found.runs)} seeds failed: {names}; to continue them, "
            "run the same command again"
        )


def read_seeds(text: str) -> list[int]:
    """Read seeds such as ``0,1,2``; ``RecipeError`` for other text."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise RecipeError(f"--seeds {text}: give whole numbers with commas between, such as 0,1,2")
    seeds = [int(part) for part in parts]
    if len(set(seeds)) < len(seeds):
        raise RecipeError(f"--seeds {text}: a seed is given twice")
    return seeds


def print_seeds(found: Seeds) -> None:
    """Print one row per protocol, then what became of each seed; run folders come last."""
    summary = found.summary()
    shown = shown_columns([result for one in found.runs for result in one.results])
    console = open_console()
    say = speaker(console)
    if summary:
        rows: list[list[Cell | str]] = [
            [protocol, *(_cell(by_metric.get(name)) for name in shown)]
            for protocol, by_metric in summary.items()
        ]
        print_table(console, ["protocol", *shown], rows)
        done = [str(one.seed) for one in found.runs if one.failed is None]
        say(f"[dim]Mean ± sample standard deviation over the seeds {', '.join(done)}.")
    if found.not_evaluated is not None:
        console.print(
            f"Not evaluated: {found.not_evaluated}.", markup=False, highlight=False, soft_wrap=True
        )
    for one in found.runs:
        if one.failed is None:
            typer.echo(str(one.run))


def _cell(spread: Spread | None) -> Cell:
    if spread is None or math.isnan(spread.mean):
        return Cell("undefined")
    note = "" if math.isnan(spread.deviation) else f"± {spread.deviation:.4f}"
    return Cell(f"{spread.mean:.4f}", note)
