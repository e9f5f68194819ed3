"""Progress of work outside of training: a bar in a terminal, else plain lines."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

# Called with the numbers of finished videos and of decoded frames.
ReportProgress = Callable[[int, int], None]


def say(text: str) -> None:
    """Print a message on stderr, without terminal control characters."""
    from rich.console import Console

    from vadkit.text import printable

    text = "\n".join(printable(line, 100_000) for line in text.split("\n"))
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


@contextlib.contextmanager
def decoding_progress(videos: int, frames: int, what: str = "decoding") -> Iterator[ReportProgress]:
    """Show a bar for about ``frames`` frames of ``videos`` videos, with rate and remaining time."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn(f"[bold]{what}"),
        BarColumn(),
        TextColumn("{task.fields[videos]} of {task.fields[of]} videos"),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} frames"),
        TextColumn("{task.fields[rate]:,.0f} frames/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (console.is_terminal and videos),
    )
    task = bar.add_task(what, total=frames, videos=0, of=videos, rate=0.0)

    def report(finished: int, decoded: int) -> None:
        rate = bar.tasks[task].finished_speed or bar.tasks[task].speed or 0.0
        # A container may state too few frames.
        total = max(frames, decoded)
        bar.update(task, completed=decoded, total=total, videos=finished, rate=rate)

    with bar:
        yield report


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
    started = shown = time.monotonic()
    task = bar.add_task("scoring", total=videos, completed=kept, failed=0, rate=0.0)
    done, failed, scored = kept, 0, 0
    if kept:
        say(f"{kept:,} of {videos:,} videos are already finished")

    class Bar:
        def frames(self, new: int) -> None:
            nonlocal scored
            scored += new
            bar.update(task, rate=scored / max(time.monotonic() - started, 1e-9))

        def video(self, path: str, error: str | None) -> None:
            nonlocal done, failed, shown
            done, failed = done + 1, failed + (error is not None)
            bar.update(task, completed=done, failed=failed)
            now = time.monotonic()
            if not console.is_terminal and now - shown >= every_s:
                shown = now
                rate = scored / (now - started)
                say(f"{done:,} of {videos:,} videos, {failed:,} failed, {rate:,.0f} frames/s")

    with bar, logs_above(console):
        yield Bar()


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
