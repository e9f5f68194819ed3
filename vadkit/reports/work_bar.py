"""Progress of one phase of work: a bar in a terminal, else a line now and then."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

# Seconds between two lines without a terminal, and how long a phase lasts that gets a last line.
EVERY_S = 20.0
_LONG_S = 10.0


class WorkBar:
    """Shows what is done of ``total`` units, with rate and remaining time; a context manager.

    In a terminal, a bar that disappears at the end. Otherwise a line on stderr every ``every_s``
    seconds, even if nothing happens, and one at the end of a phase of 10 seconds or more.
    """

    def __init__(self, what: str, total: float, unit: str, every_s: float = EVERY_S) -> None:
        from rich.console import Console

        self.what, self.total, self.unit, self.every_s = what, total, unit, every_s
        self.done, self.note = 0.0, ""
        self._console = Console(stderr=True)
        self._started = time.monotonic()
        self._lines = 0
        self._stop = threading.Event()
        self._bar: Any = None
        self._task: Any = None
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> WorkBar:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop(complete=kind is None)

    def start(self) -> WorkBar:
        """Show the bar, or start the lines."""
        if self._console.is_terminal:
            self._start_bar()
        else:
            self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
            self._ticker.start()
        return self

    def stop(self, complete: bool = True) -> None:
        """Remove the bar, or end the lines; there is a last one only if the work is complete."""
        self._stop.set()
        if self._bar is not None:
            self._bar.stop()
        if self._ticker is not None:
            self._ticker.join()
            if complete and (self._lines or self._seconds() >= _LONG_S):
                self._print(f"{self._state()}, done in {duration(self._seconds())}")

    def update(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how much is done; ``note`` is shown after what is done, such as "pass 1/2"."""
        self.done, self.note = done, note
        if total is not None:
            self.total = total
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=self.total, state=self._state())

    def _start_bar(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task(self.what, total=self.total, state=self._state())
        self._bar.start()

    def _tick(self) -> None:
        while not self._stop.wait(self.every_s):
            left = self._left()
            self._print(self._state() + ("" if left is None else f", {duration(left)} left"))

    def _print(self, text: str) -> None:
        self._lines += 1
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _state(self) -> str:
        rate = self.done / max(self._seconds(), 1e-9)
        what = f"{self.what}, {self.note}" if self.note else self.what
        rates = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        total = max(self.total, self.done)
        return f"{what}: {self.done:,.0f} of {total:,.0f} {self.unit}, {rates} {self.unit}/s"

    def _left(self) -> float | None:
        """Return the remaining seconds, None if unknown."""
        if not 0 < self.done < self.total:
            return None
        return (self.total - self.done) * self._seconds() / self.done


def duration(seconds: float) -> str:
    """Return seconds as 42 s, 3 min 05 s or 1 h 02 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
