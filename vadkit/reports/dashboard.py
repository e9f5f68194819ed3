"""Watched cameras as a table in the terminal."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vadkit.reports.live_board import SECONDS, Board, Camera
from vadkit.text import printable

_BARS = "▁▂▃▄▅▆▇█"
_STATES = {"live": "green", "ended": "dim", "stopped": "dim", "failed": "bold red"}
_SHOWN_ALARMS = 5


def dashboard(board: Board, width: int) -> RenderableType:
    """Return the table of all cameras with the last alarms below; ``width`` in characters."""
    names = max(8, *(len(printable(name)) for name in board.cameras))
    names = min(names, max(10, width // 7))
    # The space that the other columns leave.
    bars = max(8, min(60, width - names - 62))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("camera", no_wrap=True, overflow="ellipsis", width=names)
    table.add_column("state", no_wrap=True, width=8)
    table.add_column("fps", justify="right", width=5)
    table.add_column("delay", justify="right", width=6)
    table.add_column(f"last {SECONDS:.0f} s", width=bars, no_wrap=True)
    table.add_column("score", justify="right", width=6)
    table.add_column("alarm", justify="right", width=6)
    table.add_column("drops", justify="right", width=6)
    table.add_column("alarms", justify="right", width=6)
    with board.lock:
        for camera in board.cameras.values():
            fps, delay = camera.rate()
            table.add_row(
                Text(printable(camera.name), style="bold red" if camera.alarm else ""),
                _state(camera),
                f"{fps:.1f}",
                _delay(delay),
                sparkline(camera, bars),
                "-" if camera.score is None else f"{camera.score:.3g}",
                "-" if camera.threshold is None else f"{camera.threshold:.3g}",
                f"{camera.dropped}",
                f"{camera.alarms}",
            )
        lines = [_alarm(event) for event in list(board.events)[-_SHOWN_ALARMS:]]
        troubles = [
            Text(printable(f"{camera.name}: {camera.message}"), style="yellow")
            for camera in board.cameras.values()
            if camera.message
        ]
    return Group(
        Text(printable(board.title), style="bold cyan"), table, *troubles, *reversed(lines)
    )


def sparkline(camera: Camera, width: int) -> Text:
    """Draw the scores of the last seconds, the newest at the right; red at or above the threshold.

    The axis goes from the median score to 1.5 times the distance of the threshold, or further if
    scores do.
    """
    text = Text()
    if not camera.curve:
        return text
    newest = camera.curve[-1][0]
    columns: list[float | None] = [None] * width
    for at, score in camera.curve:
        place = width - 1 - int((newest - at) / SECONDS * width)
        if place >= 0:
            columns[place] = max(score, columns[place] or score)
    known = [score for score in columns if score is not None]
    low, high = min(known), max(known)
    if camera.threshold is not None:
        usual = camera.usual if camera.usual is not None else low
        low = min(low, usual)
        high = max(high, usual + 1.5 * (camera.threshold - usual))
    for column in columns:
        if column is None:
            text.append(" ")
            continue
        share = (column - low) / (high - low) if high > low else 0.0
        over = camera.threshold is not None and column >= camera.threshold
        text.append(_BARS[min(7, int(share * 8))], style="red" if over else "cyan")
    return text


def _state(camera: Camera) -> Text:
    if camera.alarm:
        return Text("ALARM", style="bold white on red")
    return Text(camera.state, style=_STATES.get(camera.state, "yellow"))


def _delay(seconds: float) -> str:
    if seconds != seconds:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _alarm(event: Mapping[str, Any]) -> Text:
    return Text(event_line(event), style="" if event["state"] == "over" else "bold red")


def event_line(event: Mapping[str, Any]) -> str:
    """Describe an alarm or an outage in one line: time, camera, what and where, reason, peak.

    The time is that of what is told, a start or an end, so that lines of a log are in order.
    """
    over = isinstance(event["end"], float)
    lasted = f" after {event['end'] - event['start']:.1f} s" if over else ""
    if event["kind"] == "alarm":
        what = f"alarm over{lasted}" if over else "alarm begins"
        what += "".join(f", {where}" for where in [_place(event)] if where)
        why = "; ".join(map(str, event.get("reasons") or ()))
        what += f": {why}; " if why else ", "
        what += f"peak {event['peak_score']:.4g} (threshold {event['threshold']:.4g})"
        notes = [event.get(name) for name in ("sure", "message")]
        what += "".join(f"; {note}" for note in notes if note)
    elif event["kind"] == "source-lost":
        what = f"no frames: {event['message']}"
    elif event["kind"] == "source-back":
        what = f"frames again{lasted}"
    else:
        what = f"{event['kind']} {f'over{lasted}' if over else 'begins'}: {event['message']}"
    return printable(f"{_when(event, over)}  {event['source']}: {what}")


def _when(event: Mapping[str, Any], over: bool) -> str:
    """Return the time of the start or the end: the time of day, or seconds of the source."""
    seconds = event["end"] if over else event["start"]
    if not event["started_at"]:
        return f"{seconds:.1f} s"
    if not over:
        return str(event["started_at"])
    start = datetime.datetime.fromisoformat(event["started_at"])
    end = start + datetime.timedelta(seconds=event["end"] - event["start"])
    return end.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _place(event: Mapping[str, Any]) -> str:
    """Say where the first box is in the picture, such as "top left"; "" if it is unknown."""
    region, size = event.get("region"), event.get("size")
    if not region or not size:
        return ""
    x, y = (region[0] + region[2]) / 2 / size[1], (region[1] + region[3]) / 2 / size[0]
    high = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
    wide = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    return " ".join(filter(None, (high, wide))) or "middle"


def now() -> str:
    """Return the time of day in UTC, as in event records."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
