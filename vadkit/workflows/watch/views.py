"""Displays of watched cameras for a terminal, a log or another program."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from vadkit.reports.dashboard import dashboard, event_line, now
from vadkit.text import counted, printable
from vadkit.workflows.progress import logs_above

if TYPE_CHECKING:
    from rich.console import Console

    from vadkit.inference.alarms import Event
    from vadkit.inference.sources.source import SourceEvent
    from vadkit.reports.live_board import Board


class Out(Protocol):
    """Where lines are printed."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class Dashboard:
    """A table in the terminal that is redrawn four times a second."""

    def __init__(self, board: Board, console: Console) -> None:
        from rich.live import Live

        self._console = console
        self._live = Live(
            console=console,
            auto_refresh=True,
            refresh_per_second=4,
            get_renderable=lambda: dashboard(board, console.width),
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the table inside this context; its last state stays on the screen."""
        with self._live, logs_above(self._console):
            yield

    def source_event(self, source: str, event: SourceEvent) -> None:
        """The table is updated from the board."""

    def event(self, event: Event) -> None:
        """The table is updated from the board."""

    def tick(self) -> None:
        """The table redraws itself."""


class Lines:
    """Prints alarms on ``out``, and camera events and a regular status line on ``log``."""

    def __init__(self, board: Board, out: Out, log: Out | None, every_s: float = 30.0) -> None:
        self._board, self._out, self._log, self._every_s = board, out, log, every_s
        self._said = time.monotonic()

    def source_event(self, source: str, event: SourceEvent) -> None:
        """Print an event of a source."""
        text = event.message
        if event.kind in ("opened", "reconnected") and event.size is not None:
            text = f"{event.size[1]}x{event.size[0]}, {event.fps:g} frames/s"
        self._say(f"{now()}  {source}: {event.kind}{f' ({text})' if text else ''}")

    def event(self, event: Event) -> None:
        """Print the start and the end of an alarm or an outage."""
        print(event_line(event.to_dict()), file=self._out, flush=True)

    def tick(self) -> None:
        """Print a regular status line for each camera."""
        if time.monotonic() - self._said < self._every_s:
            return
        self._said = time.monotonic()
        for camera in self._board.as_data()["cameras"]:
            self._say(f"{now()}  {camera['name']}: {status_words(camera)}")

    def _say(self, text: str) -> None:
        if self._log is not None:
            print(printable(text), file=self._log, flush=True)


class JsonLines:
    """Prints one JSON object per line: alarms, camera events, and a regular status."""

    def __init__(self, board: Board, out: Out, every_s: float = 1.0) -> None:
        self._board, self._out, self._every_s = board, out, every_s
        self._said = time.monotonic()

    def source_event(self, source: str, event: SourceEvent) -> None:
        """``{"type": "source", ...}``."""
        said: dict[str, Any] = {"kind": event.kind, "time": event.time, "message": event.message}
        if event.frames:
            said["frames"] = event.frames
        if event.size is not None:
            said |= {"fps": event.fps, "size": list(event.size)}
        self._line("source", {"source": source, **said})

    def event(self, event: Event) -> None:
        """``{"type": "alarm", "state": "begun" or "over", ...}``, or the kind of an outage."""
        self._line(event.kind, event.to_dict())

    def tick(self) -> None:
        """``{"type": "status", ...}`` for each camera."""
        if time.monotonic() - self._said >= self._every_s:
            self._said = time.monotonic()
            self.status("status")

    def status(self, kind: str, more: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Print the status of each camera, with ``more`` fields by camera name."""
        for camera in self._board.as_data()["cameras"]:
            del camera["curve"], camera["picture"], camera["usual"]
            name = camera.pop("name")
            self._line(kind, {"source": name, **camera, **(more or {}).get(name, {})})

    def _line(self, kind: str, data: dict[str, Any]) -> None:
        print(json.dumps({"type": kind, "at": now(), **data}), file=self._out, flush=True)


def status_words(camera: dict[str, Any]) -> str:
    """Describe the status of a camera in one line."""
    delay = camera["delay_p50_s"]
    words = [camera["state"], f"{camera['frames']:,} frames", f"{camera['fps']:.1f} frames/s"]
    if delay is not None:
        words.append(f"delay {1000 * delay:.0f} ms (99%: {1000 * camera['delay_p99_s']:.0f} ms)")
    words.append(f"{camera['dropped']:,} dropped")
    words.append(counted(camera["alarms"], "alarm"))
    if not camera["frames"] and camera["trouble"]:
        words.append(f"no frame was received: {camera['trouble']}")
    return printable(", ".join(words))
