"""``vadkit watch site.yaml``: several cameras, each with its own run."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vadkit.cli.commands import allow_plugins
from vadkit.cli.standard import CountedOutput
from vadkit.cli.watch_views import Options, views_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vadkit.inference.sinks.every import Unwritten
    from vadkit.reports.live_board import Board


def watch_site(
    path: Path, how: Options, refused: Sequence[str], trust_plugins: bool
) -> tuple[Board, Mapping[str, Sequence[Unwritten]], CountedOutput]:
    """Watch a site until the end; return what the command prints then.

    ``refused`` are options that have their place in the file.
    """
    from vadkit import __version__
    from vadkit.errors import RecipeError
    from vadkit.reports.live_board import Board
    from vadkit.reports.live_page import open_page
    from vadkit.workflows.results import alone_in
    from vadkit.workflows.site.file import load_site
    from vadkit.workflows.site.watch import SiteWatch, use_secrets
    from vadkit.workflows.watch.past import Past

    if refused:
        raise RecipeError(
            f"{path}: {', '.join(refused)} cannot be used with a site; write it there"
        )
    site, output = load_site(path), CountedOutput()
    assert site.out is not None
    use_secrets(site)
    if trust_plugins:
        allow_plugins(sorted(site.runs()))
    with contextlib.ExitStack() as stack:
        page = None if how.web is None else open_page(how.web, how.token)
        stack.enter_context(alone_in(site.out, "vadkit watch"))
        board = Board(list(site.cameras), site.name or f"vadkit watch: {path.stem}")
        runs = {name: camera.run for name, camera in site.cameras.items()}
        past = Past(site.out, site.out, runs, board, site.keep)
        board.answerable, board.version = True, __version__
        if page is not None:
            actions = {"/answer": _answers(site.out, board)}
            address = stack.enter_context(page.serve(board, actions, past.routes()))
            typer.echo(f"page: {address}", err=True)
        watching = SiteWatch(
            path,
            site,
            board,
            [past, *views_of(board, stack, output, how.as_json)],
            past.follow,
            lost_after_s=how.lost_after,
            max_delay_s=how.max_delay,
        )
        return board, watching.run(how.seconds), output


def _answers(out: Path, board: Board) -> Any:
    """Return the action that keeps an answer with the run of the event's camera."""
    from vadkit.workflows.answered.page import EventPage

    page = EventPage(out)

    def answer(data: Any) -> Any:
        given = page.answer(data)
        board.answered(data["id"], given["answer"])
        return given

    return answer
