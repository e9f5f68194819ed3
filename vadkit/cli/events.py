"""The commands ``events`` and ``feedback``: past events, and answers about them."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.cli.commands import Json, Run, Token, Web
from vadkit.cli.table import open_console, print_table
from vadkit.text import counted, printable

if TYPE_CHECKING:
    from vadkit.workflows.past_events import PastEvent


class Given(StrEnum):
    """An answer about an alarm."""

    right = "right"
    false = "false"
    ignore_place = "ignore-place"


Answered = Annotated[
    bool | None,
    typer.Option(
        "--answered/--unanswered", help="Only events with, or without, an answer. Default: all."
    ),
]


def events(
    run: Run,
    answered: Answered = None,
    web: Web = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """List the past events of a run with their answers, or answer them on a web page (--web)."""
    if web is not None:
        from vadkit.workflows.answered.page import EventPage
        from vadkit.workflows.run import check_run

        check_run(run)
        page = EventPage(run)
        serve_answers(web, token, page.items, page.media, page.answer)
        return
    found = listed(run, answered)
    if as_json:
        typer.echo(json.dumps([event.as_data() for event in found], indent=2))
        return
    rows = [_row(event) for event in found]
    heads = ["event", "answer", "began", "lasted", "peak", "why"]
    if rows:
        print_table(open_console(one_line=True), heads, rows, left=3, text=True)
    left = sum(event.answer is None for event in found)
    typer.echo(f"{counted(len(found), 'event')}, {left} without an answer", err=True)


def serve_answers(
    web: str,
    token: str | None,
    items: Callable[[], Any],
    media: Callable[[str, str], Path | None],
    answer: Callable[[Any], Any],
) -> None:
    """Serve a page of things to answer until Ctrl-C."""
    import threading

    from vadkit.reports.live_page import open_page
    from vadkit.signals import stop_signals

    page, closing = open_page(web, token), threading.Event()
    from vadkit.reports.answer_page import answer_application

    app = answer_application(items, media, answer, page.token)
    for number in stop_signals():
        signal.signal(number, signal.default_int_handler)
    with page.serve_application(app, closing) as address, contextlib.suppress(KeyboardInterrupt):
        typer.echo(f"page: {address} (Ctrl-C ends it)", err=True)
        closing.wait()


def listed(run: Path, answered: bool | None) -> list[PastEvent]:
    """Return the events of a run, filtered by whether they have an answer."""
    from vadkit.workflows.past_events import past_events
    from vadkit.workflows.run import check_run

    check_run(run)
    return [
        event
        for event in past_events(run)
        if answered is None or answered == (event.answer is not None)
    ]


def feedback(
    run: Run,
    ids: Annotated[
        list[str], typer.Argument(metavar="EVENT", help="Events, as `vadkit events` lists them.")
    ],
    answer: Annotated[
        Given,
        typer.Argument(
            help="right: something unusual happened. false: it was normal. ignore-place: nothing "
            "at this place matters."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Answer whether alarms were right. `vadkit update` then learns from the answers.

    A later answer replaces an earlier one, which is kept as history.
    """
    from vadkit.workflows.past_events import answer_events
    from vadkit.workflows.run import check_run

    check_run(run)
    given = answer_events(run, ids, answer.value)
    if as_json:
        typer.echo(json.dumps([one.as_data() for one in given], indent=2))
        return
    for one in given:
        typer.echo(f"{one.id}: {one.answer}")
    typer.echo(f"to learn from the answers: vadkit update {printable(str(run))}", err=True)


def _row(event: PastEvent) -> list[str]:
    record = event.record
    end, peak = record["end"], record["peak_score"]
    began = record["started_at"] or f"{record['start']:.1f} s"
    lasted = "-" if end is None else f"{end - record['start']:.1f} s"
    why = record["reasons"] or [record["part"] or record["kind"]]
    return [
        event.id,
        event.answer or "-",
        printable(began),
        lasted,
        "-" if peak is None else f"{peak:.4g}",
        printable("; ".join(why)),
    ]
