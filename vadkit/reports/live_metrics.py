"""What `vadkit watch` tells monitoring: whether it is alive, and figures of each camera."""

from __future__ import annotations

import time
from collections.abc import Callable

from vadkit.reports.live_board import Board, Camera
from vadkit.text import printable

# Seconds after which a loop that does not go round counts as stuck.
STUCK_S = 30.0


def is_healthy(board: Board) -> bool:
    """Whether frames and events are still handled; cameras may be lost all the same."""
    return time.monotonic() - board.ticked_at < STUCK_S


def metrics(board: Board) -> str:
    """Return the figures of all cameras in the text format of Prometheus."""
    lines = [
        "# HELP vadkit_info Version of vadkit.",
        "# TYPE vadkit_info gauge",
        f'vadkit_info{{version="{board.version}"}} 1',
        "# HELP vadkit_healthy Whether frames and events are handled.",
        "# TYPE vadkit_healthy gauge",
        f"vadkit_healthy {int(is_healthy(board))}",
    ]
    with board.lock:
        cameras = list(board.cameras.values())
        for name, kind, help, value in _FIGURES:
            lines += [f"# HELP vadkit_camera_{name} {help}", f"# TYPE vadkit_camera_{name} {kind}"]
            for camera in cameras:
                figure = value(camera)
                if figure is not None and figure == figure:
                    lines.append(f"vadkit_camera_{name}{_label(camera.name)} {figure:.10g}")
    return "\n".join(lines) + "\n"


def _label(name: str) -> str:
    text = printable(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'{{camera="{text}"}}'


def _age(camera: Camera) -> float | None:
    return time.monotonic() - camera.seen_at if camera.seen_at else None


_Figure = Callable[[Camera], float | None]
_FIGURES: tuple[tuple[str, str, str, _Figure], ...] = (
    ("up", "gauge", "Whether the camera is live.", lambda one: float(one.state == "live")),
    ("fps", "gauge", "Scored frames per second, lately.", lambda one: one.rate()[0]),
    ("delay_seconds", "gauge", "Mean delay of scores, lately.", lambda one: one.rate()[1]),
    ("frames_total", "counter", "Scored frames.", lambda one: one.frames),
    ("dropped_total", "counter", "Frames that were dropped.", lambda one: one.dropped),
    ("alarms_total", "counter", "Alarms that began.", lambda one: one.alarms),
    ("alarm", "gauge", "Whether an alarm is on.", lambda one: float(one.alarm)),
    ("score", "gauge", "The latest score.", lambda one: one.score),
    ("threshold", "gauge", "The score from which on there is an alarm.", lambda one: one.threshold),
    ("queue", "gauge", "Events that sinks have not written yet.", lambda one: one.waiting),
    ("last_frame_age_seconds", "gauge", "Seconds since the last scored frame.", _age),
)
