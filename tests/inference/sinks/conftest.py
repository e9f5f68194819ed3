"""Events for tests of the sinks, and someone to receive them."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from vadkit.inference.alarms import AlarmRules, AlarmTracker, Event
from vadkit.inference.clip_ring import ClipRing


@pytest.fixture(scope="session")
def events() -> list[Event]:
    """An alarm of the camera "gate/1" as it begins, and when it is over, with region and clip."""
    ring = ClipRing(before_s=0.5, after_s=0.5)
    alarms = AlarmTracker(
        AlarmRules(5, 5, merge_s=0.5), source="gate/1", epoch=1_700_000_000, ring=ring
    )
    score_map = np.zeros((6, 8))
    score_map[2:4, 3:5] = 1
    events = []
    for number, score in enumerate([0.0] * 10 + [6, 9, 7] + [0] * 10):
        frame = np.full((48, 64, 3), 10 * number, np.uint8)
        events += alarms.push(number / 10, score, frame=frame, score_map=score_map)
    assert [event.over for event in events] == [False, True]
    return events


class Receiver:
    """Answers POSTs on 127.0.0.1 with the statuses in ``answers``, then with 204; a context."""

    def __init__(self, answers=(), port=0):
        self.answers = list(answers)
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self):
                receiver.got.append(({"method": "GET"}, b""))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alarms?token=hush"


@pytest.fixture(scope="session")
def receiver_class():
    return Receiver


@pytest.fixture(scope="session")
def free_port():
    """A function that gives a port nobody listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return find


@pytest.fixture(scope="session")
def wait_for():
    """A function that waits until another gives something true, and fails after ten seconds."""

    def wait(true) -> None:
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    return wait
