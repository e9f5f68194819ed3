"""The command ``doctor``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.commands import Json
from vadkit.text import counted

_MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


def doctor(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Cameras or files to try, as for `vadkit watch`."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="The port that the page should have.")
    ] = 8700,
    folder: Annotated[Path, typer.Option(help="A folder that will be written to.")] = Path(),
    as_json: Json = False,
) -> None:
    """Look for what could stop vadkit: versions, GPU, codecs, port, disk, clock, cameras.

    The exit code is 3 if something is bad.
    """
    from vadkit import __version__
    from vadkit.workflows.doctor import examine

    found = []
    for one in examine(__version__, sources or (), port, folder):
        found.append(one)
        if not as_json:
            typer.echo(f"{_MARKS[one.status]}  {one.what}: {one.text}")
    bad = sum(one.status == "bad" for one in found)
    if as_json:
        typer.echo(json.dumps([one.as_data() for one in found], indent=2))
    elif bad:
        typer.echo(f"{counted(bad, 'problem')} found", err=True)
    if bad:
        raise typer.Exit(3)
