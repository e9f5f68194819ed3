"""The command ``watch``."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vadkit.cli.commands import (
    Json,
    PerHour,
    Rule,
    RunPlugin,
    Stretch,
    Token,
    TrustPlugins,
    Web,
    allow_plugins,
    say_unfinished,
)
from vadkit.cli.json_log import log_json
from vadkit.cli.standard import CountedOutput
from vadkit.cli.watch_views import Options, views_of
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


class LogForm(StrEnum):
    """The form of lines on stderr."""

    text = "text"
    json = "json"


_NO_THRESHOLD = (
    "the run has no alarm threshold, so there are no alarms; set one with: vadkit calibrate RUN"
)
Watched = Annotated[
    Path,
    typer.Argument(
        metavar="RUN|SITE", help="A run folder, or the file of a site, which names its cameras."
    ),
]
Sources = Annotated[
    list[str] | None,
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
Log = Annotated[
    LogForm, typer.Option(help="The form of stderr: text, or json with one object a line.")
]
Checkpoint = Annotated[str, typer.Option(help="The checkpoint to use.")]


def watch(
    run: Watched,
    sources: Sources = None,
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
    log: Log = LogForm.text,
    checkpoint: Checkpoint = "last",
    stretch: Stretch = False,
    plugin: RunPlugin = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Watch cameras and raise alarms, until Ctrl-C or the sources end.

    One model watches the cameras that follow it. The file of a site (`vadkit init site`) names
    cameras with a model each.

    In a terminal, it shows a table. Otherwise, it prints a line for each alarm on stdout, or JSON
    lines with --json.
    """
    from vadkit.workflows.site.file import is_site

    if log is LogForm.json:
        log_json()
    how = Options(seconds, web, token, max_delay, lost_after, as_json)
    if is_site(run):
        from vadkit.cli.watch_site import watch_site

        only_of_runs = ("a camera", sources), ("--sink", sink), ("--out", out), ("--set", set_)
        more = ("--no-record", not record), ("--stretch", stretch)
        other = ("--checkpoint", checkpoint != "last")
        rate = ("--false-alarms-per-hour", false_alarms_per_hour)
        refused = [name for name, value in (*only_of_runs, *more, other, rate) if value]
        board, unwritten, output = watch_site(run, how, refused, trust_plugins)
    else:
        if trust_plugins:
            allow_plugins([run])
        rules = set_ or (), false_alarms_per_hour
        board, unwritten, output = _watch_run(
            run,
            sources or (),
            sink or (),
            out,
            how,
            rules,
            checkpoint,
            record=record,
            stretch=stretch,
        )
    _print_summary(board, unwritten, output, as_json)
    _end(board, unwritten, output)


def _watch_run(
    run: Path,
    sources: Sequence[str],
    sinks: Sequence[str],
    out: Path | None,
    how: Options,
    rules: tuple[Sequence[str], float | None],
    checkpoint: str,
    *,
    record: bool,
    stretch: bool,
) -> tuple[Board, Mapping[str, Sequence[Unwritten]], CountedOutput]:
    """Watch with one run until the end; return what the command prints then."""
    from vadkit import __version__
    from vadkit.inference.sinks.build import parse_sink
    from vadkit.reports.live_page import open_page
    from vadkit.workflows.detector import load_detector
    from vadkit.workflows.results import alone_in
    from vadkit.workflows.rules import changed_rules
    from vadkit.workflows.watch import cameras, setup
    from vadkit.workflows.watch.past import Past, recorded

    say_unfinished([run])
    output, specs = CountedOutput(), [parse_sink(text) for text in sinks]
    folder = out or (run / "watch" if run.is_dir() else run.with_name(f"{run.stem}-watch"))
    with contextlib.ExitStack() as stack:
        page = None if how.web is None else open_page(how.web, how.token)
        detector = load_detector(run, checkpoint, stretch=stretch)
        if changed := changed_rules(run, *rules):
            changed.apply(detector)
        found = setup.named_sources(sources, detector.settings)
        kinds = specs or setup.sinks_of_run(run)
        if record:
            kinds = recorded(kinds)
        make_sinks = setup.sinks_of(kinds, folder)
        if kinds or out is not None:
            stack.enter_context(alone_in(folder, "vadkit watch"))
            make_sinks().check()
        board = setup.new_board(detector, found)
        board.version = __version__
        if detector.rules is None:
            typer.echo(_NO_THRESHOLD, err=True)
        place = run if out is None and run.is_dir() else folder
        past = Past(place, folder, dict.fromkeys(found, run), board, detector.keep, record)
        zones = _serve(page, run, detector, board, stack, past)
        views: list[View] = [past, zones, *views_of(board, stack, output, how.as_json)]
        unwritten = cameras.watch(
            detector,
            found,
            board,
            views,
            make_sinks=make_sinks,
            seconds=how.seconds,
            max_delay_s=how.max_delay,
            lost_after_s=how.lost_after,
        )
    return board, unwritten, output


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
