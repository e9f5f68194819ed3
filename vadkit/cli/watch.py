"""The command ``watch``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import (
    Json,
    PerHour,
    Rule,
    Run,
    Stretch,
    Token,
    TrustPlugins,
    Web,
    allow_plugins,
    say_unfinished,
)
from vadkit.cli.standard import CountedOutput
from vadkit.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vadkit.inference.sinks.every import Unwritten
    from vadkit.reports.live_board import Board, Camera
    from vadkit.reports.live_page import Page
    from vadkit.workflows.detector import Detector
    from vadkit.workflows.watch.past import Past
    from vadkit.workflows.watch.session import View
    from vadkit.workflows.watch.zones import RunZones


_NO_THRESHOLD = (
    "the run has no alarm threshold, so there are no alarms; set one with: vadkit calibrate RUN"
)
Sources = Annotated[
    list[str],
    typer.Argument(
        help="Cameras: a number, rtsp://..., http(s)://... or a file. replay:FILE plays a file "
        "as if it were a camera. NAME=SOURCE gives a camera a name."
    ),
]
Sink = Annotated[
    list[str] | None,
    typer.Option(help="An output for alarms, such as events or type=webhook,url=...; repeatable."),
]
Out = Annotated[
    Path | None, typer.Option(help="The folder for events and output. Default: RUN/watch.")
]
Record = Annotated[
    bool,
    typer.Option(
        "--record/--no-record",
        help="Keep events for `vadkit events` and the page, with pictures and clips unless sinks "
        "are named.",
    ),
]
Seconds = Annotated[
    float | None, typer.Option("--for", min=0.1, help="Stop after this many seconds.")
]
MaxDelay = Annotated[
    float,
    typer.Option(min=0, help="Seconds that a clip may wait for clips of other cameras."),
]
LostAfter = Annotated[
    float,
    typer.Option(min=0, help="Seconds without a frame after which a camera counts as lost."),
]
Checkpoint = Annotated[str, typer.Option(help="The checkpoint to use.")]


def watch(
    run: Run,
    sources: Sources,
    sink: Sink = None,
    out: Out = None,
    seconds: Seconds = None,
    web: Web = None,
    token: Token = None,
    max_delay: MaxDelay = 0.0,
    lost_after: LostAfter = 15.0,
    record: Record = True,
    set_: Rule = None,
    false_alarms_per_hour: PerHour = None,
    checkpoint: Checkpoint = "last",
    stretch: Stretch = False,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Watch cameras with one model and raise alarms, until Ctrl-C or the sources end.

    In a terminal, it shows a table. Otherwise, it prints a line for each alarm on stdout, or JSON
    lines with --json.
    """
    from vadkit.inference.sinks.build import parse_sink
    from vadkit.reports.live_page import open_page
    from vadkit.workflows.detector import load_detector
    from vadkit.workflows.results import alone_in
    from vadkit.workflows.rules import changed_rules
    from vadkit.workflows.watch import cameras, setup
    from vadkit.workflows.watch.past import Past, recorded

    if trust_plugins:
        allow_plugins([run])
    say_unfinished([run])
    output, specs = CountedOutput(), [parse_sink(text) for text in sink or ()]
    folder = out or (run / "watch" if run.is_dir() else run.with_name(f"{run.stem}-watch"))
    with contextlib.ExitStack() as stack:
        page = None if web is None else open_page(web, token)
        detector = load_detector(run, checkpoint, stretch=stretch)
        if rules := changed_rules(run, set_ or (), false_alarms_per_hour):
            rules.apply(detector)
        found = setup.named_sources(sources, detector.settings)
        kinds = specs or setup.sinks_of_run(run)
        if record:
            kinds = recorded(kinds)
        make_sinks = setup.sinks_of(kinds, folder)
        if kinds or out is not None:
            stack.enter_context(alone_in(folder, "vadkit watch"))
            make_sinks().check()
        board = setup.new_board(detector, found)
        if detector.rules is None:
            typer.echo(_NO_THRESHOLD, err=True)
        place = run if out is None and run.is_dir() else folder
        past = Past(place, folder, dict.fromkeys(found, run), board, detector.keep, record)
        zones = _serve(page, run, detector, board, stack, past)
        views = [past, zones, *_views(board, stack, output, as_json)]
        unwritten = cameras.watch(
            detector,
            found,
            board,
            views,
            make_sinks=make_sinks,
            seconds=seconds,
            max_delay_s=max_delay,
            lost_after_s=lost_after,
        )
    _print_summary(board, unwritten, output, as_json)
    _end(board, unwritten, output)


def _serve(
    page: Page | None,
    run: Path,
    detector: Detector,
    board: Board,
    stack: contextlib.ExitStack,
    past: Past,
) -> RunZones:
    """Serve the page, if there is one, until the stack is closed; return the view of zones."""
    from vadkit.workflows.watch.answers import RunAnswers
    from vadkit.workflows.watch.zones import RunZones

    drawn, answers = RunZones(run, detector, board), RunAnswers(run, detector, board)
    if page is not None:
        actions = {**drawn.actions(), **answers.actions()}
        address = stack.enter_context(page.serve(board, actions, past.routes()))
        typer.echo(f"page: {address}", err=True)
    return drawn


def _views(
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


def _print_summary(
    board: Board,
    unwritten: Mapping[str, Sequence[Unwritten]],
    output: CountedOutput,
    as_json: bool,
) -> None:
    from vadkit.workflows.watch.views import JsonLines, status_words

    if as_json:
        left = {name: {"unwritten": [_.as_data() for _ in one]} for name, one in unwritten.items()}
        try:
            JsonLines(board, output).status("summary", left)
        except BrokenPipeError:
            raise
        except OSError:
            pass  # `output` has counted it
        return
    for camera in board.as_data()["cameras"]:
        typer.echo(f"{printable(camera['name'])}: {status_words(camera)}", err=True)


def _end(board: Board, unwritten: Mapping[str, Sequence[Unwritten]], output: CountedOutput) -> None:
    """Raise an error if no source gave a frame, or if sinks or stdout did not take everything."""
    from vadkit.errors import DataError, TrainingError

    said = [f"{name}: {one}" for name, left in unwritten.items() for one in left]
    if losses := output.losses():
        said.append(losses)
    cameras = board.cameras.values()
    if all(camera.state == "failed" or not camera.frames for camera in cameras):
        reasons = [camera.message or _never(camera) for camera in cameras]
        raise DataError("\n".join(printable(text, 2000) for text in [*said, *reasons]))
    if said:
        raise TrainingError("\n".join(printable(text, 2000) for text in said))


def _never(camera: Camera) -> str:
    return f"{camera.name} gave no frame: {camera.trouble or 'watch ended too early'}"
