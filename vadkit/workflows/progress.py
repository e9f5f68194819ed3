"""Progress of work outside of training: a bar in a terminal, else plain lines."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from vadkit.reports.work_bar import WorkBar

if TYPE_CHECKING:
    from rich.console import Console

    from vadkit.hooks.hook import Collected

# Called with the numbers of finished videos and of decoded frames.
ReportProgress = Callable[[int, int], None]


_silent = False


@contextlib.contextmanager
def no_messages() -> Iterator[None]:
    """Print no messages and no warnings of parts of the work; bars are still shown."""
    global _silent
    before, level = _silent, logging.root.manager.disable
    _silent = True
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        _silent = before
        logging.disable(level)


def say(text: str) -> None:
    """Print a message on stderr, without terminal control characters."""
    if _silent:
        return
    from rich.console import Console

    from vadkit.text import printable

    text = "\n".join(printable(line, 100_000) for line in text.split("\n"))
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


@contextlib.contextmanager
def decoding_progress(videos: int, frames: int, what: str = "decoding") -> Iterator[ReportProgress]:
    """Show a bar for about ``frames`` frames of ``videos`` videos, with rate and remaining time."""
    if not videos:
        yield lambda finished, decoded: None
        return
    with WorkBar(what, frames, "frames") as bar:

        def report(finished: int, decoded: int) -> None:
            # A container may state too few frames.
            bar.update(decoded, max(frames, decoded), f"{finished} of {videos} videos")

        yield report


@contextlib.contextmanager
def clip_progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of ``total`` clips are done; yields a function that takes new ones."""
    done = 0
    with WorkBar(what, total, "clips") as bar:

        def add(new: int) -> None:
            nonlocal done
            done += new
            bar.update(done, max(total, done))

        yield add


@contextlib.contextmanager
def collect_progress(what: str) -> Iterator[Callable[[Collected], None]]:
    """Show collect passes; yields the function that ``collect_passes`` calls."""
    from vadkit.hooks.progress import show_pass

    with WorkBar(what, 0, "clips") as bar:
        yield lambda now: show_pass(bar, now)


class ScoringProgress(Protocol):
    """Receives the progress of scoring."""

    def frames(self, new: int) -> None: ...

    def video(self, path: str, error: str | None) -> None: ...


@contextlib.contextmanager
def scoring_progress(videos: int, kept: int, every_s: float = 20.0) -> Iterator[ScoringProgress]:
    """Show a bar over videos, of which ``kept`` are already finished; lines without a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("[bold]scoring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("videos, {task.fields[failed]} failed"),
        TextColumn("{task.fields[rate]:,.0f} frames/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    started = time.monotonic()
    task = bar.add_task("scoring", total=videos, completed=kept, failed=0, rate=0.0)
    done, failed, scored = kept, 0, 0
    over = threading.Event()
    if kept:
        say(f"{kept:,} of {videos:,} videos are already finished")

    class Bar:
        def frames(self, new: int) -> None:
            nonlocal scored
            scored += new
            bar.update(task, rate=scored / max(time.monotonic() - started, 1e-9))

        def video(self, path: str, error: str | None) -> None:
            nonlocal done, failed
            done, failed = done + 1, failed + (error is not None)
            bar.update(task, completed=done, failed=failed)

    def lines() -> None:
        while not over.wait(every_s):
            rate = scored / (time.monotonic() - started)
            say(
                f"{done:,} of {videos:,} videos, {failed:,} failed, {scored:,} frames, "
                f"{rate:,.0f} frames/s"
            )

    ticker = threading.Thread(target=lines, name="progress", daemon=True)
    with bar, logs_above(console):
        if not console.is_terminal:
            ticker.start()
        try:
            yield Bar()
        finally:
            over.set()
            if not console.is_terminal:
                ticker.join()


@contextlib.contextmanager
def logs_above(console: Console) -> Iterator[None]:
    """Print log lines above a live display instead of into it."""
    handlers = [one for one in logging.root.handlers if isinstance(one, logging.StreamHandler)]
    before = [one.setStream(sys.stderr) if console.is_terminal else None for one in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            if stream is not None:
                handler.setStream(stream)
