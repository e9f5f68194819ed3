"""The command ``review``: judge the most unusual stretches of the normal video."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import Json, Run, RunPlugin, Token, TrustPlugins, Web, allow_plugins
from vadkit.text import printable

if TYPE_CHECKING:
    from vadkit.workflows.review.review import Review


class Mark(StrEnum):
    """A person's mark of a stretch of normal video."""

    normal = "normal"
    not_normal = "not-normal"
    ignore = "ignore"


_KEYS = {"n": Mark.normal, "x": Mark.not_normal, "i": Mark.ignore}


def review(
    run: Run,
    numbers: Annotated[
        list[int] | None,
        typer.Argument(metavar="NUMBER", help="Stretches to mark with --mark, by their numbers."),
    ] = None,
    mark: Annotated[Mark | None, typer.Option(help="The mark of the given stretches.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Find the stretches again, with the current model.")
    ] = False,
    web: Web = None,
    token: Token = None,
    plugin: RunPlugin = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Mark the most unusual stretches of the normal video: normal, not normal, or ignore.

    Asks in the terminal, or on a web page (--web). `vadkit update` then uses the marks.
    """
    from vadkit.errors import RecipeError
    from vadkit.workflows.review.review import Review, write_review
    from vadkit.workflows.run import check_run

    if bool(numbers) != (mark is not None):
        raise RecipeError("give the numbers of stretches and --mark together")
    if trust_plugins:
        allow_plugins([run])
    check_run(run)
    found = Review(run)
    if again or not found.known:
        found = write_review(run)
    if web is not None:
        from vadkit.cli.events import serve_answers

        serve_answers(web, token, found.items, found.media, found.answer)
    elif mark is not None:
        _mark(found, numbers or [], mark)
    elif as_json:
        typer.echo(json.dumps(found.items()["items"], indent=2))
    else:
        _ask(found)


def _mark(found: Review, numbers: list[int], mark: Mark) -> None:
    from vadkit.errors import RecipeError

    stretches, _ = found.stretches()
    for number in numbers:
        if not 1 <= number <= len(stretches):
            raise RecipeError(f"there is no stretch {number}; there are {len(stretches)}")
    for number in numbers:
        one = stretches[number - 1]
        given = found.mark(one.id, mark.value)
        typer.echo(f"{number}. {printable(one.video)}: {given.answer}")


def _ask(found: Review) -> None:
    """Ask about every stretch without a mark; an empty answer skips it, q ends."""
    items = [item for item in found.items()["items"] if item["answer"] is None]
    if not items:
        typer.echo("every stretch has a mark; vadkit review RUN --web shows them", err=True)
    stretches, _ = found.stretches()
    for item in items:
        typer.echo(f"{printable(item['name'])}: {printable(', '.join(item['facts']))}")
        picture = found.media(item["id"], ".jpg")
        if picture is not None:
            typer.echo(f"  {printable(str(picture))}")
        said = _key()
        if said == "q":
            break
        if said:
            found.mark(stretches[int(item["id"]) - 1].id, _KEYS[said].value)
    typer.echo(f"to use the marks: vadkit update {printable(str(found.run))}", err=True)


def _key() -> str:
    """Ask for a key until it is a valid one; the end of the input counts as q."""
    while True:
        typer.echo("  n normal, x not normal, i ignore, Enter skip, q quit: ", nl=False)
        try:
            said = input().strip().lower()
        except EOFError:
            typer.echo()
            return "q"
        if said in ("", "q", *_KEYS):
            return said
