"""The command ``init``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vadkit.workflows.init.project import Footage


def init(
    name: Annotated[
        str,
        typer.Argument(
            help="The name of the project and of its new folder; or site (or NAME.yaml), for the "
            "file of a site of several cameras."
        ),
    ],
    videos: Annotated[
        Path | None, typer.Option(help="A folder of videos in which nothing unusual happens.")
    ] = None,
    camera: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=ADDRESS", help="A camera of the site; repeatable."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="The run that watches the cameras of the site.")
    ] = None,
    train: Annotated[
        bool | None,
        typer.Option(
            "--train/--no-train",
            help="Train immediately. Default: ask, if stdin is a terminal.",
            show_default=False,
        ),
    ] = None,
    choose: Annotated[
        bool,
        typer.Option(
            help="Measure on these videos which parts the recipe needs; up to 5 minutes.",
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Create a project for a camera, with a recipe that fits its videos; or the file of a site."""
    from vadkit.workflows.init.project import make_project

    if videos is None:
        _site(name, camera or (), run, as_json)
        return
    folder, footage, choice = make_project(name, videos, choose=choose, on_footage=_say)
    for line in choice.lines():
        typer.echo(line, err=True)
    recipe = folder / "recipe.yaml"
    if train is None:
        interactive = sys.stdin.isatty() and sys.stderr.isatty()
        train = interactive and typer.confirm("Train now?", default=True, err=True)
    made = _trained(recipe, folder / "runs") if train else None
    if made is None:
        typer.echo(f"next: vadkit train {recipe} --runs {folder / 'runs'}", err=True)
    if as_json:
        record = {"project": str(folder), "recipe": str(recipe), "run": str(made) if made else None}
        parts = {"parts": list(choice.parts)}
        typer.echo(json.dumps({**record, **parts, "notes": footage.notes, "bad": footage.bad}))
    else:
        typer.echo(str(made or recipe))


def _trained(recipe: Path, runs: Path) -> Path:
    """Train the recipe of a project; return the run."""
    from vadkit.workflows.train import train as workflow

    typer.echo(f"$ vadkit train {recipe} --runs {runs}", err=True)
    try:
        made = workflow(str(recipe), runs=runs)
    except KeyboardInterrupt as stop:
        hint = f"; continue with: vadkit train --resume {stop}" if str(stop) else ""
        typer.echo(f"interrupted{hint}", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"next: vadkit infer {made} NEW_VIDEO", err=True)
    return made


def _site(name: str, cameras: Sequence[str], run: Path | None, as_json: bool) -> None:
    """Write the file of a site."""
    from vadkit.errors import RecipeError
    from vadkit.workflows.site.init import write_site

    if name != "site" and not name.endswith((".yaml", ".yml")):
        raise RecipeError(
            "--videos: give a folder of videos in which nothing unusual happens (for several "
            "cameras with trained runs: vadkit init site)"
        )
    path = write_site(Path(name), cameras, run)
    typer.echo(f"next: edit {path}, then: vadkit watch {path}", err=True)
    typer.echo(json.dumps({"site": str(path)}) if as_json else str(path))


def _say(footage: Footage) -> None:
    from vadkit.text import counted, printable
    from vadkit.workflows.init.project import fitted_size

    height, width = fitted_size(footage.size)
    rows, columns = footage.size
    typer.echo(
        f"{counted(footage.videos, 'video')}, {columns}x{rows} at {footage.fps:g} frames/s; "
        f"clips are {width}x{height}",
        err=True,
    )
    for note in footage.notes:
        typer.echo(f"note: {note}", err=True)
    if footage.bad:
        typer.echo(f"unreadable videos, left out: {len(footage.bad)}", err=True)
        for reason in footage.bad[:10]:
            typer.echo(f"  {printable(reason)}", err=True)
