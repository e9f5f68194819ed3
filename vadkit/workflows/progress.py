"""Progress of work outside training: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

# Called with how many videos are finished and how many frames were decoded.
Report = Callable[[int, int], None]


def say(text: str) -> None:
    """One line for people, on stderr."""
    from rich.console import Console

    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


@contextlib.contextmanager
def decoding_progress(videos: int, frames: int, what: str = "decoding") -> Iterator[Report]:
    """A bar over about ``frames`` frames of ``videos`` videos, with rate and time left."""
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
