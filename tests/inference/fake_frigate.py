"""A server that answers as Frigate's API is documented; for tests."""

from __future__ import annotations

import json
import random
import string
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class FakeFrigate:
    """Events, recordings and clips of some cameras, as a context.

    ``answers`` are statuses of the next answers, ``hidden`` is how often the end of a new event is
    not found, and with ``password`` a client must log in.
    """

    def __init__(self, cameras: list[str]) -> None:
        self.cameras = cameras
        self.events: dict[str, dict[str, Any]] = {}
        self.recordings: list[dict[str, Any]] = []
        self.clip: Path | None = None
        self.clips: list[tuple[str, float, float]] = []
        self.answers: list[int] = []
        self.hidden, self.logins = 0, 0
        self.password: str | None = None
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._handle()

            def do_POST(self) -> None:
                self._handle()

            def do_PUT(self) -> None:
                self._handle()

            def _handle(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                found = urlsplit(self.path)
                path = [unquote(part) for part in found.path.split("/")[1:]]
                query = {name: values[-1] for name, values in parse_qs(found.query).items()}
                cookie = self.headers.get("Cookie") or ""
                status, answer = fake.answer(self.command, path, query, body, cookie)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                if path == ["api", "login"] and status == 200:
                    self.send_header("Set-Cookie", "frigate_token=jwt; HttpOnly; Path=/")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> FakeFrigate:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(
        self, method: str, path: list[str], query: dict[str, str], body: Any, cookie: str
    ) -> tuple[int, Any]:
        if self.answers:
            return self.answers.pop(0), b"bad gateway"
        if path == ["api", "login"]:
            self.logins += 1
            return (200 if body == {"user": "admin", "password": self.password} else 401), {}
        if self.password is not None and cookie != "frigate_token=jwt":
            return 401, {"message": "Unauthorized"}
        match [method, *path]:
            case ["POST", "api", "events", camera, label, "create"]:
                return self._create(camera, label, body)
            case ["PUT", "api", "events", id, "end"]:
                return self._end(id, body)
            case ["GET", "api", "events"]:
                return 200, self._listed(query)
            case ["GET", "api", camera, "recordings"]:
                after, before = float(query["after"]), float(query["before"])
                return 200, [
                    {name: value for name, value in one.items() if name != "camera"}
                    for one in self.recordings
                    if one["camera"] == camera
                    and one["end_time"] >= after
                    and float(one["end_time"]) <= before + 3600
                ]
            case ["GET", "api", camera, "start", start, "end", end, "clip.mp4"]:
                self.clips.append((camera, float(start), float(end)))
                return 200, b"" if self.clip is None else self.clip.read_bytes()
        return 404, {"success": False, "message": "not found"}

    def _create(self, camera: str, label: str, body: Any) -> tuple[int, Any]:
        if camera not in self.cameras:
            return 404, {"success": False, "message": f"{camera} is not a valid camera."}
        now = time.time()
        id = f"{now}-{''.join(random.choices(string.ascii_lowercase + string.digits, k=6))}"
        self.events[id] = {
            "id": id, "camera": camera, "label": label, "start_time": now, "end_time": None,
            "body": body,
        }  # fmt: skip
        return 200, {"success": True, "message": "Successfully created event.", "event_id": id}

    def _end(self, id: str, body: Any) -> tuple[int, Any]:
        self.hidden -= 1
        if self.hidden >= 0 or id not in self.events:
            return 404, {"success": False, "message": f"Event {id} not found."}
        end = body.get("end_time") or time.time()
        if end < self.events[id]["start_time"]:
            return 400, {"success": False, "message": "end_time cannot be before start_time."}
        self.events[id]["end_time"] = end
        return 200, {"success": True, "message": "Event successfully ended."}

    def _listed(self, query: dict[str, str]) -> list[dict[str, Any]]:
        found = [
            one
            for one in self.events.values()
            if one["camera"] in query.get("cameras", one["camera"]).split(",")
            and one["label"] in query.get("labels", one["label"]).split(",")
            and one["start_time"] > float(query.get("after", 0))
            and one["start_time"] < float(query.get("before", 1e12))
        ]
        found.sort(key=lambda one: -one["start_time"])
        return found[: int(query.get("limit", 100))]
