"""The command ``data frigate``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from vadkit.cli.commands import Json
from vadkit.text import counted


def frigate(
    url: Annotated[str, typer.Argument(help="Frigate's address, such as http://frigate:5000.")],
    camera: Annotated[str, typer.Option(help="The name of the camera in Frigate.")],
    since: Annotated[str, typer.Option(help="From when on: 2026-11-27, 2026-11-27T09:30 or 2d.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    until: Annotated[str | None, typer.Option(help="Until when; now by default.")] = None,
    which: Annotated[
        str,
        typer.Option(
            metavar="all|with-events|without-events",
            help="Which recordings, by Frigate's own events.",
        ),
    ] = "all",
    label: Annotated[
        str | None, typer.Option(help="Only events of these kinds count, such as person,car.")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(help="Log in as this user; the password is in VADKIT_FRIGATE_PASSWORD."),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.5, help="The longest file.")] = 10.0,
    as_json: Json = False,
) -> None:
    """Fetch recordings of a camera from Frigate, in Frigate's folders.

    Files that are already there are kept. `vadkit init`, `train` and `infer` take the folder.
    """
    from vadkit.errors import RecipeError
    from vadkit.workflows.data.frigate import Fetched, fetch
    from vadkit.workflows.event_filter import parse_time
    from vadkit.workflows.progress import say

    kinds = ("all", "with-events", "without-events")
    if which not in kinds:
        raise RecipeError(f"--which {which}: must be one of {', '.join(kinds)}")
    found = fetch(
        url,
        camera,
        parse_time(since, "--since"),
        time.time() if until is None else parse_time(until, "--until"),
        out,
        which=cast(Literal["all", "with-events", "without-events"], which),
        labels=label,
        user=user,
        longest_s=60 * minutes,
    )
    try:
        for one in found:
            if not isinstance(one, Fetched):
                say(str(one))
            elif as_json:
                typer.echo(json.dumps(one.as_data()))
            else:
                files = counted(one.new, "new file")
                typer.echo(f"{files}, {one.kept} kept, {one.seconds / 60:.1f} minutes in {out}")
    except KeyboardInterrupt:
        typer.echo("interrupted; the files that are complete are kept", err=True)
        raise typer.Exit(130) from None
