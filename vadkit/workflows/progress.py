"""Progress of work outside training: a bar on a terminal, silence elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

# Called with how many frames of how many videos are finished.
Report = Callable[[int, int], None]


@contextlib.contextmanager
def decoding_progress(videos: int) -> Iterator[Report]:
    """A bar over videos with frames a second; it appears with the first report."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("[bold]decoding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("videos, {task.fields[frames]} frames"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not Console(stderr=True).is_terminal,
    )
    task = bar.add_task("decoding", total=videos, frames=0)

    def report(finished: int, frames: int) -> None:
        bar.update(task, completed=finished, frames=frames)

    with bar:
        yield report
