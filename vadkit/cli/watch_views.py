"""Options of ``watch``, and what it shows in a terminal, a log or to another program."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import contextlib

    from vadkit.cli.standard import CountedOutput
    from vadkit.reports.live_board import Board
    from vadkit.workflows.watch.session import View


@dataclass(frozen=True)
class Options:
    """Options that a run and a site have in common."""

    seconds: float | None
    web: str | None
    token: str | None
    max_delay: float
    lost_after: float
    as_json: bool


def views_of(
    board: Board, stack: contextlib.ExitStack, output: CountedOutput, as_json: bool
) -> list[View]:
    """The views of the cameras; ``stack`` removes the table from the terminal at the end."""
    from rich.console import Console

    from vadkit.workflows.watch.views import Dashboard, JsonLines, Lines

    if as_json:
        return [JsonLines(board, output)]
    console = Console(stderr=True)
    views: list[View] = []
    if console.is_terminal:
        table = Dashboard(board, console)
        stack.enter_context(table.shown())
        views.append(table)
    if not console.is_terminal or not sys.stdout.isatty():
        views.append(Lines(board, output, None if console.is_terminal else sys.stderr))
    return views
