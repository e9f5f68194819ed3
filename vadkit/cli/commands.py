"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from vadkit.data.labels.table import Unit

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe value; repeatable."),
]
Rule = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a rule of alarms for this call, such as alarms.merge_s=5; repeatable.",
    ),
]
PerHour = Annotated[
    float | None,
    typer.Option(
        "--false-alarms-per-hour",
        min=1e-6,
        help="Set the threshold for this call to this rate, from the scores of normal video.",
    ),
]
Plugin = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A Python file with your own components; repeatable."),
]


def _load_given(paths: list[Path] | None) -> list[Path] | None:
    from vadkit.plugins import load_given

    for path in paths or []:
        load_given(path)
    return paths


# Loaded when the command line is read, before a run is.
RunPlugin = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        callback=_load_given,
        help="A Python file with components that the run needs and has no copy of, or with your "
        "own sources and sinks; repeatable.",
    ),
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
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Share the videos over a Ray cluster: local (this machine), auto, HOST:PORT or "
        "ray://HOST:PORT. All files must be in folders that its machines share.",
    ),
]
Web = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Also serve a web page at this address, such as 127.0.0.1:8700 or 8700.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="VADKIT_TOKEN",
        help="The secret that a browser needs to open the page; required if other machines "
        "can connect.",
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
