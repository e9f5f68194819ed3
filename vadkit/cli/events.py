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

from vadkit.cli.commands import Json, Token, Web
from vadkit.cli.table import open_console, print_table
from vadkit.text import counted, printable

if TYPE_CHECKING:
    from vadkit.workflows.past_events import PastEvent


class Given(StrEnum):
    """An answer about an alarm."""

    right = "right"
    false = "false"
    ignore_place = "ignore-place"


Place = Annotated[
    Path, typer.Argument(metavar="RUN|FOLDER", help="A run, or the folder of `watch --out`.")
]
Answered = Annotated[
    bool | None,
    typer.Option(
        "--answered/--unanswered", help="Only events with, or without, an answer. Default: all."
    ),
]
Cameras = Annotated[
    list[str] | None, typer.Option("--camera", help="Only events of this camera; repeatable.")
]
Parts = Annotated[
    list[str] | None,
    typer.Option("--part", help="Only events of this part of the method; repeatable."),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="Only events of this kind, such as alarm, camera-moved or source-lost; repeatable. "
        "Default: all but outages of cameras.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(help="Only from this time on: 2026-11-27, 2026-11-27T09:30, or 12h or 3d ago."),
]
Until = Annotated[str | None, typer.Option(help="Only before this time.")]
Newest = Annotated[int | None, typer.Option(min=1, help="Only the newest ones, at most so many.")]
Export = Annotated[
    Path | None,
    typer.Option(help="Write them to a .csv or .json file, or to a new folder with the clips."),
]
KeepDays = Annotated[
    float | None,
    typer.Option(min=0.001, help="Remove events older than so many days."),
]
KeepGib = Annotated[
    float | None,
    typer.Option(min=0, help="Remove the oldest until clips and pictures have so many GiB."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")]


def events(
    place: Place,
    camera: Cameras = None,
    part: Parts = None,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    answered: Answered = None,
    newest: Newest = None,
    export: Export = None,
    keep_days: KeepDays = None,
    keep_gib: KeepGib = None,
    dry_run: DryRun = False,
    web: Web = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """List past events with their answers, export or remove them, or show them on a page (--web).

    Events with an answer are removed last.
    """
    from vadkit.workflows.past_events import check_place

    check_place(place)
    if web is not None:
        from vadkit.workflows.answered.page import EventPage

        page = EventPage(place)
        serve_answers(web, token, page.items, page.media, page.answer, page.of_day)
        return
    if keep_days is not None or keep_gib is not None:
        _prune(place, keep_days, keep_gib, dry_run, as_json)
        return
    from vadkit.inference.store.store import Wanted
    from vadkit.workflows.event_filter import listed_events, parse_time

    wanted = Wanted(
        tuple(camera or ()),
        tuple(part or ()),
        tuple(kind or ()),
        None if since is None else parse_time(since, "--since"),
        None if until is None else parse_time(until, "--until"),
    )
    found = listed_events(place, wanted, answered, newest)
    if export is not None:
        from vadkit.workflows.event_export import export_events

        count = export_events(found, export)
        typer.echo(f"{counted(len(found), 'event')} in {counted(count, 'file')}", err=True)
        typer.echo(str(export))
        return
    _print(found, as_json)


def _print(found: list[PastEvent], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([event.as_data() for event in found], indent=2))
        return
    rows = [_row(event) for event in found]
    heads = ["event", "answer", "began", "lasted", "peak", "why"]
    if rows:
        print_table(open_console(one_line=True), heads, rows, left=3, text=True)
    left = sum(event.answer is None for event in found)
    typer.echo(f"{counted(len(found), 'event')}, {left} without an answer", err=True)


def _prune(place: Path, days: float | None, gib: float | None, dry: bool, as_json: bool) -> None:
    from vadkit.workflows.past_events import prune_events

    removed = prune_events(place, days, gib, dry=dry)
    if as_json:
        data = {"events": list(removed.events), "bytes": removed.bytes, "left": removed.left}
        typer.echo(json.dumps({**data, "dry_run": dry}, indent=2))
        return
    typer.echo(f"{'would be: ' if dry else ''}{removed}; {removed.left / 1e6:,.1f} MB left")


def serve_answers(
    web: str,
    token: str | None,
    items: Callable[[], Any],
    media: Callable[[str, str], Path | None],
    answer: Callable[[Any], Any],
    of_day: Callable[[str], Any] | None = None,
) -> None:
    """Serve a page of things to answer until Ctrl-C."""
    import threading

    from vadkit.reports.live_page import open_page
    from vadkit.signals import stop_signals

    page, closing = open_page(web, token), threading.Event()
    from vadkit.reports.answer_page import answer_application

    app = answer_application(items, media, answer, page.token, of_day)
    for number in stop_signals():
        signal.signal(number, signal.default_int_handler)
    with page.serve_application(app, closing) as address, contextlib.suppress(KeyboardInterrupt):
        typer.echo(f"page: {address} (Ctrl-C ends it)", err=True)
        closing.wait()


def feedback(
    place: Place,
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
    from vadkit.workflows.past_events import answer_events, check_place

    check_place(place)
    given = answer_events(place, ids, answer.value)
    if as_json:
        typer.echo(json.dumps([one.as_data() for one in given], indent=2))
        return
    for one in given:
        typer.echo(f"{one.id}: {one.answer}")
    typer.echo(f"to learn from the answers: vadkit update {printable(str(place))}", err=True)


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
