"""An accelerated week of alarms: is any event lost, and do memory and disk stay flat?

    python benchmarks/week.py [--hours 168] [--disk-mib 32] [--out FILE]

Four cameras raise alarms with pictures and clips. Each simulated hour is a process of its own that
is ended by kill -9 at a random moment. Sinks are the store, snapshots, a webhook and MQTT (if there
is mosquitto). The receiver and the broker are away in some hours. Retention keeps two
days and a quarter of the disk. In every twelfth hour the disk is full for a second (needs root, to
mount a small one). Scores, not videos, make the alarms: `benchmarks/soak.py` is about frames.

An event counts as kept once its sink has returned. At the end, every such event must be in the
store, unless it is older than retention allows, and must have reached the receiver and the broker
at least once. Events that were still in memory when their process was killed are counted as
``in_flight``. ``by_day`` has the most memory of a process and the most disk of each day. The
result is JSON; the exit code is 1 if an event was lost, or memory or disk grew.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOUR_S = 3600.0
START = 1_764_547_200.0
CAMERAS = ("gate", "yard", "dock", "hall/2")
ALARMS = 4
KEEP_DAYS = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=int, default=168)
    parser.add_argument("--disk-mib", type=int, default=32)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        folder, hour, webhook, broker, gib = given.child
        one_hour(Path(folder), int(hour), webhook, int(broker), float(gib))
        return
    with (
        tempfile.TemporaryDirectory(prefix="vadkit-week-") as temporary,
        small_disk(Path(temporary) / "disk", given.disk_mib) as (disk, mounted),
    ):
        found = week(disk, Path(temporary), given.hours, given.disk_mib, mounted)
    text = json.dumps(found, indent=2)
    if given.out:
        given.out.write_text(text + "\n")
    print(text)
    sys.exit(bool(found["faults"]))


# The process of one hour.


def one_hour(out: Path, hour: int, webhook: str, broker: int, gib: float) -> None:
    """Raise the alarms of an hour, and tell on stdout what each sink has kept."""
    import numpy as np

    from vadkit.inference.alarms import AlarmRules, AlarmTracker
    from vadkit.inference.clip_ring import ClipRing
    from vadkit.inference.sinks.build import build_sinks
    from vadkit.inference.store.keep import prune
    from vadkit.inference.store.store import EventStore
    from vadkit.recipe import Keep

    now = START + hour * HOUR_S
    EventStore(out, wal=True).end_open()
    removed = prune(out, Keep(days=KEEP_DAYS, gib=gib), now=now)
    say("pruned", list(removed.events))
    fast = {"first_wait_s": 0.1, "longest_wait_s": 0.5, "timeout_s": 2.0}
    specs = [
        {"type": "sqlite"},
        {"type": "snapshots"},
        {"type": "webhook", "url": webhook, "secret_env": None, **fast},
    ]
    if broker:
        specs.append({"type": "mqtt", "host": "127.0.0.1", "port": broker, **fast})
    every = {camera: build_sinks(specs, out) for camera in CAMERAS}
    for sinks in every.values():
        for name, sink in sinks.sinks:
            tell(name, sink)
    trackers = {
        camera: AlarmTracker(
            AlarmRules(5.0, 5.0, merge_s=0.5),
            source=camera,
            epoch=now + 0.001 * place,
            ring=ClipRing(before_s=1.0, after_s=1.0, width=160),
        )
        for place, camera in enumerate(CAMERAS)
    }
    rng = np.random.default_rng(hour)
    frame = rng.integers(0, 255, (90, 120, 3), np.uint8)
    for number in range(ALARMS * 60):
        score = 9.0 if 20 <= number % 60 < 30 else 0.0
        for camera, tracker in trackers.items():
            for event in tracker.push(number / 10, score, frame=np.roll(frame, number, axis=1)):
                say("raised", [f"{event.id}.{event.over}"])
                every[camera].event(event)
        time.sleep(0.004)
    until = time.monotonic() + 20
    while any(sinks.waiting for sinks in every.values()) and time.monotonic() < until:
        time.sleep(0.02)
    say("done", [peak_kib()])
    time.sleep(600)


def tell(name: str, sink: Any) -> None:
    """Let a sink say which events it has kept."""
    write = sink.event

    def event(one: Any) -> None:
        write(one)
        say(name, [f"{one.id}.{one.over}"])

    sink.event = event


def say(what: str, values: list[Any]) -> None:
    os.write(1, (json.dumps([what, values]) + "\n").encode())


def peak_kib() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# The week around it.


def week(disk: Path, work: Path, hours: int, mib: int, mounted: bool) -> dict[str, Any]:
    rng, out = random.Random(7), disk / "watch"
    said: dict[str, set[str]] = {name: set() for name in ("raised", "sqlite", "snapshots")}
    said |= {"webhook": set(), "mqtt": set(), "pruned": set()}
    memory: list[tuple[int, int]] = []
    used, kills, full = [], 0, 0
    receiver, broker = Receiver(), Broker(work / "broker")
    gib = mib / 1024 / 4
    started = time.monotonic()
    for hour in range(hours):
        receiver.up = hour % 7 not in (2, 3)
        broker.set(hour % 9 not in (4, 5))
        ballast = disk / "ballast" if mounted and hour % 12 == 6 else None
        full += ballast is not None
        arguments = [out, hour, receiver.address, broker.port, gib]
        kill_after = None if ballast or rng.random() < 0.3 else rng.uniform(0.2, 2.5)
        peak = run_hour(arguments, said, kill_after, ballast)
        kills += 1
        if peak:
            memory.append((hour, peak))
        used.append(sum(one.stat().st_size for one in out.rglob("*") if one.is_file()))
    # A last, quiet hour in which everybody is there.
    receiver.up = True
    broker.set(True)
    drain(out, receiver, broker)
    found = judge(out, said, receiver, broker, memory, used, hours)
    broker.close()
    receiver.server.shutdown()
    return {
        "hours": hours,
        "kills": kills,
        "full_disk": full,
        "seconds": round(time.monotonic() - started),
        **found,
    }


def run_hour(
    arguments: list[Any], said: dict[str, set[str]], kill_after: float | None, ballast: Path | None
) -> int | None:
    """Run an hour and kill it; return its peak of memory in KiB if it came to its end."""
    command = [sys.executable, __file__, "--child", *map(str, arguments)]
    root = Path(__file__).parents[1]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root
    )
    assert process.stdout is not None
    peak, timer = None, None
    for line in process.stdout:
        with contextlib.suppress(ValueError):
            what, values = json.loads(line)
            if what == "done":
                peak = values[0]
                break
            said[what].update(values)
            if what == "pruned" and kill_after is not None:
                timer = threading.Timer(kill_after, process.kill)
                timer.start()
            if what == "raised" and ballast is not None:
                threading.Thread(target=fill_for_a_while, args=(ballast,), daemon=True).start()
                ballast = None
    process.send_signal(signal.SIGKILL)
    for line in process.stdout:
        with contextlib.suppress(ValueError):
            what, values = json.loads(line)
            if what in said:
                said[what].update(values)
    process.wait()
    if timer is not None:
        timer.cancel()
    return peak


def fill_for_a_while(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))
    time.sleep(1.0)
    ballast.unlink()


def drain(out: Path, receiver: Receiver, broker: Broker) -> None:
    """Deliver what waits, as the next `vadkit watch` would."""
    from vadkit.inference.sinks.mqtt import Mqtt
    from vadkit.inference.sinks.webhook import Webhook

    fast = {"first_wait_s": 0.1, "longest_wait_s": 0.5}
    sinks: list[Any] = [Webhook(out, url=receiver.address, secret_env=None, **fast)]
    if broker.port:
        sinks.append(Mqtt(out, host="127.0.0.1", port=broker.port, **fast))
    until = time.monotonic() + 60
    while any(one.outbox.waiting() for one in sinks) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1.0)


def judge(
    out: Path,
    said: dict[str, set[str]],
    receiver: Receiver,
    broker: Broker,
    memory: list[tuple[int, int]],
    used: list[int],
    hours: int,
) -> dict[str, Any]:
    from vadkit.inference.store.store import EventStore, Wanted

    kept = {one["id"] for one in EventStore(out).find(Wanted())}
    faults = []
    lost = {one.rpartition(".")[0] for one in said["sqlite"]} - kept - said["pruned"]
    if lost:
        faults.append(f"{len(lost)} events are not in the store: {sorted(lost)[:3]}")
    clips = {path.stem for path in (out / "events").glob("*.mp4")}
    over = {one.removesuffix(".True") for one in said["snapshots"] if one.endswith(".True")}
    if missing := over - clips - said["pruned"]:
        faults.append(f"{len(missing)} clips are missing: {sorted(missing)[:3]}")
    for name, got in (("webhook", receiver.got), ("mqtt", broker.got)):
        if missing := said[name] - got:
            faults.append(f"{len(missing)} messages did not reach {name}: {sorted(missing)[:3]}")
    peaks, half = [peak for _, peak in memory], len(memory) // 2
    growth = max(peaks[half:], default=0) / max(1, max(peaks[:half], default=1))
    if growth > 1.1:
        faults.append(f"memory grew by {growth:.2f}")
    # Once retention has begun, after two days or a quarter of the disk.
    later = used[len(used) // 2 :]
    disk = max(later) / max(1, sum(later) / len(later))
    if hours > 100 and max(used[-24:]) > 1.25 * max(used[len(used) // 2 : -24]):
        faults.append("the disk fills")
    return {
        "raised": len(said["raised"]),
        "kept": len(said["sqlite"]),
        "in_flight": len(said["raised"] - said["sqlite"]),
        "pruned": len(said["pruned"]),
        "in_store": len(kept),
        "webhook": [len(said["webhook"]), len(receiver.got)],
        "mqtt": [len(said["mqtt"]), len(broker.got)],
        "memory_mib": [
            round(one / 1024, 1) for one in (min(peaks, default=0), max(peaks, default=0))
        ],
        "disk_mib": [round(one / 2**20, 2) for one in (min(later), max(later))],
        "disk_peak_to_mean": round(disk, 2),
        "by_day": by_day(memory, used),
        "faults": faults,
    }


def by_day(memory: list[tuple[int, int]], used: list[int]) -> dict[str, list[float | None]]:
    """Give the highest memory and disk of each day, in MiB; None if no hour came to its end."""
    found: dict[str, list[float | None]] = {"memory_mib": [], "disk_mib": []}
    for first in range(0, len(used), 24):
        peaks = [peak / 1024 for hour, peak in memory if first <= hour < first + 24]
        found["memory_mib"].append(round(max(peaks), 1) if peaks else None)
        found["disk_mib"].append(round(max(used[first : first + 24]) / 2**20, 2))
    return found


class Receiver:
    """A webhook receiver that is away while ``up`` is False."""

    def __init__(self) -> None:
        self.up, self.got = True, set[str]()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # The sender was killed.
                if receiver.up:
                    event = json.loads(body)["event"]
                    receiver.got.add(f"{event['id']}.{event['state'] == 'over'}")
                self.send_response(204 if receiver.up else 503)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Broker:
    """Mosquitto, which keeps messages over its restarts, and a subscriber; port 0 without it."""

    def __init__(self, folder: Path) -> None:
        self.got, self.port = set[str](), 0
        self._program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        self._process: subprocess.Popen[bytes] | None = None
        if self._program is None:
            return
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nmax_queued_messages 0\nuser root\n"
        )
        self._client: Any = Client(CallbackAPIVersion.VERSION2, "week", clean_session=False)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.reconnect_delay_set(0.1, 0.2)
        self.set(True)
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()
        time.sleep(0.5)

    def set(self, up: bool) -> None:
        """Start or end the broker."""
        if self._program is None or up == (self._process is not None):
            return
        if not up and self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
            return
        command = [self._program, "-c", str(self._config)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def close(self) -> None:
        if self._program is not None:
            self._client.loop_stop()
            self.set(False)

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        event = json.loads(message.payload)
        self.got.add(f"{event['id']}.{event['state'] == 'over'}")


@contextlib.contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[tuple[Path, bool]]:
    """Provide a disk of this size, or a plain folder if none can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield folder, mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


if __name__ == "__main__":
    main()
