"""Kill train, store, infer and watch with kill -9 at many points: what is lost, what recovers?

    python benchmarks/kill.py [--points 100] [--jobs train,store,infer,watch] [--out FILE]

Each job runs once without a kill, for its result and its duration. Then a new copy is killed at
points spread over that duration, started again by the same command, and compared:

- train: the weights are bit-identical, and no step is in metrics.jsonl twice;
- store: every stored frame is equal and passes its checksum;
- infer: every score is equal, every event is in events.jsonl and events.sqlite once;
- watch: the written files can be read, no event after the start is lost, and none is doubled.

After every kill no child process may remain, and after the second run no temporary file. The result
is JSON on stdout; the exit code is 1 if any point failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 60}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
augments: [{{type: fliplr, p: 0.5}}]
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 3, batch_size: 8}}
hooks: [{{type: metrics-log, every: 1}}, {{type: checkpoint}}]
calibration: {{method: quantile, false_alarms_per_hour: 2000}}
alarms: {{merge_s: 0}}
"""
EVENTS = ["--sink", "type=events,begun=true", "--sink", "sqlite"]


@dataclass(frozen=True)
class Job:
    """A command to kill, in its own folder, and the conditions after it has run again.

    ``arguments`` are those of ``vadkit``; ``again`` those of the second start; ``faults`` compares
    a folder with that of the undisturbed run.
    """

    prepare: Callable[[Path], None]
    arguments: Callable[[Path], list[str]]
    again: Callable[[Path], list[str]]
    faults: Callable[[Path, Path], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=100, help="kills in all")
    parser.add_argument("--jobs", default="train,store,infer,watch")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    names = given.jobs.split(",")
    result: dict[str, Any] = {"points": 0, "faults": []}
    with tempfile.TemporaryDirectory(prefix="vadkit-kill-") as temporary:
        root = Path(temporary)
        jobs = make_jobs(root)
        for place, name in enumerate(names):
            share = given.points // len(names) + (place < given.points % len(names))
            result[name] = kill_many(name, jobs[name], root / name, share)
            result["points"] += result[name]["points"]
            result["faults"] += result[name]["faults"]
    text = json.dumps(result, indent=2)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")
    sys.exit(1 if result["faults"] else 0)


def kill_many(name: str, job: Job, root: Path, points: int) -> dict[str, Any]:
    """Kill a job at points spread over its duration; return the faults by point."""
    whole = root / "whole"
    whole.mkdir(parents=True)
    job.prepare(whole)
    began = time.monotonic()
    run(whole, job.arguments(whole))
    duration = time.monotonic() - began
    faults, survived = [], 0
    for point in range(points):
        after = duration * (point + 0.5) / points
        folder = root / f"{point:03d}"
        folder.mkdir()
        job.prepare(folder)
        killed, alive = kill_after(folder, job.arguments(folder), after)
        survived += not killed
        found = [f"process {pid} lives on" for pid in alive]
        run(folder, job.again(folder))
        found += [f"left behind: {path}" for path in leftovers(folder)]
        found += job.faults(folder, whole)
        faults += [f"{name}, killed after {after:.2f} s: {text}" for text in found]
        print(f"{name} {point + 1}/{points}: {'; '.join(found) or 'whole'}", file=sys.stderr)
        shutil.rmtree(folder)
    return {
        "points": points,
        "over_before_the_kill": survived,
        "seconds": round(duration, 2),
        "faults": faults,
    }


def start(folder: Path, arguments: list[str]) -> subprocess.Popen[str]:
    """Start ``vadkit`` with its frame store, settings and output in ``folder``."""
    return subprocess.Popen(
        [sys.executable, "-m", "vadkit", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "VADKIT_CACHE": str(folder / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "OMP_NUM_THREADS": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, arguments: list[str]) -> None:
    """Run a command to its end; exit if it fails."""
    process = start(folder, arguments)
    out, err = process.communicate()
    if process.returncode:
        sys.exit(f"vadkit {' '.join(arguments)} failed with {process.returncode}:\n{out}{err}")


def kill_after(folder: Path, arguments: list[str], seconds: float) -> tuple[bool, list[int]]:
    """Start a command and kill it; return whether it still ran, and its surviving children."""
    process = start(folder, arguments)
    try:
        process.communicate(timeout=seconds)
        return False, []
    except subprocess.TimeoutExpired:
        below = descendants(process.pid)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    end = time.monotonic() + 10
    while (alive := [pid for pid in below if is_running(pid)]) and time.monotonic() < end:
        time.sleep(0.05)
    return True, alive


def descendants(pid: int) -> list[int]:
    """Return all processes below one."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def leftovers(folder: Path) -> list[str]:
    found = [*folder.rglob("*.partial*"), *folder.rglob("*.tmp")]
    return [str(path.relative_to(folder)) for path in found]


def make_jobs(root: Path) -> dict[str, Job]:
    """Create the jobs; what they share is trained once."""
    shared = root / "shared"
    shared.mkdir()
    recipe = shared / "tiny.yaml"
    recipe.write_text(RECIPE.format(root=shared / "scene"))
    run(shared, ["train", str(recipe), "--runs", str(shared / "runs")])
    trained = next((shared / "runs" / "tiny").iterdir())
    videos = sorted((shared / "scene").rglob("test*/*.mp4")) or sorted(
        (shared / "scene").rglob("*.mp4")
    )

    def nothing(folder: Path) -> None:
        """The folder is ready."""

    def resume(folder: Path) -> list[str]:
        runs = sorted((folder / "runs").glob("tiny/*/manifest.json"))
        if not runs:
            # It was killed before there was a run.
            return ["train", str(recipe), "--runs", str(folder / "runs")]
        return ["train", "--resume", str(runs[-1].parent)]

    def infer(folder: Path) -> list[str]:
        return [
            "infer", str(trained), *map(str, videos), "--out", str(folder / "out"),
            "--workers", "1", *EVENTS, "--sink", "npz",
        ]  # fmt: skip

    def watch(folder: Path) -> list[str]:
        return ["watch", str(trained), *map(str, videos), "--out", str(folder / "out"), *EVENTS]

    return {
        "train": Job(
            nothing,
            lambda folder: ["train", str(recipe), "--runs", str(folder / "runs")],
            resume,
            train_faults,
        ),
        "store": Job(
            nothing,
            lambda folder: ["data", "cache", "build", str(recipe)],
            lambda folder: ["data", "cache", "build", str(recipe)],
            store_faults,
        ),
        "infer": Job(nothing, infer, infer, infer_faults),
        "watch": Job(nothing, watch, watch, watch_faults),
    }


def train_faults(folder: Path, whole: Path) -> list[str]:
    import torch

    runs = [
        sorted((one / "runs").glob("tiny/*/manifest.json"))[-1].parent for one in (folder, whole)
    ]
    faults = []
    weights = [
        torch.load(one / "checkpoints" / "last.pt", weights_only=True)["method"] for one in runs
    ]
    faults += [
        f"weights {name} differ"
        for name, value in weights[0].items()
        if not torch.equal(value, weights[1][name])
    ]
    steps = [
        [(line["event"], line["step"]) for line in json_lines(one / "metrics.jsonl")]
        for one in runs
    ]
    if steps[0] != steps[1]:
        faults.append(f"metrics.jsonl has {len(steps[0])} lines, not {len(steps[1])}")
    status = json.loads((runs[0] / "manifest.json").read_text())["status"]
    return faults if status == "done" else [*faults, f"the manifest says {status}"]


def store_faults(folder: Path, whole: Path) -> list[str]:
    stored, expected = (
        {path.relative_to(one): path.read_bytes() for path in one.glob("cache/**/frames.u8")}
        for one in (folder, whole)
    )
    faults = [] if stored == expected else ["stored frames differ"]
    verify = start(folder, ["data", "cache", "verify"])
    out, err = verify.communicate()
    return faults if verify.returncode == 0 else [*faults, f"verify: {out}{err}"]


def infer_faults(folder: Path, whole: Path) -> list[str]:
    faults = []
    lines, expected = (event_states(place) for place in (folder, whole))
    if len(lines) != len(set(lines)):
        faults.append(f"events.jsonl holds {len(lines) - len(set(lines))} events twice")
    if not expected:
        faults.append("the untouched run had no event, so nothing was tested")
    if missing := set(expected) - set(lines):
        faults.append(f"events.jsonl lacks {len(missing)} of {len(set(expected))} events")
    rows, rows_expected = (dict(sqlite_rows(place / "out")) for place in (folder, whole))
    if rows != rows_expected:
        faults.append(f"events.sqlite holds {rows}, not {rows_expected}")
    for path in sorted((whole / "out").rglob("*.npz")):
        other = folder / "out" / path.relative_to(whole / "out")
        if not other.is_file():
            faults.append(f"{other.name} is missing")
            continue
        with np.load(path) as expected, np.load(other) as found:
            faults += [
                f"{other.name}: {name} differs"
                for name in expected.files
                if not np.array_equal(
                    expected[name], found[name], equal_nan=expected[name].dtype.kind == "f"
                )
            ]
    return faults


def watch_faults(folder: Path, whole: Path) -> list[str]:
    """Ids of cameras contain the time, so events are counted, not compared."""
    faults = []
    lines, expected = (event_states(place) for place in (folder, whole))
    if len(lines) != len(set(lines)):
        faults.append(f"events.jsonl holds {len(lines) - len(set(lines))} events twice")
    if not expected:
        faults.append("the untouched run had no event, so nothing was tested")
    over, over_expected = (sum(state == "over" for _, state in one) for one in (lines, expected))
    if over < over_expected:
        faults.append(f"events.jsonl has {over} events that are over, not {over_expected}")
    rows = dict(sqlite_rows(folder / "out"))
    if open_rows := [id for id, state in rows.items() if state == "begun"]:
        faults.append(f"events.sqlite: {', '.join(open_rows)} never ended")
    if missing := {id for id, _ in lines} - set(rows):
        faults.append(f"events.sqlite lacks {', '.join(missing)}")
    return faults


def event_states(folder: Path) -> list[tuple[str, str]]:
    return [(one["id"], one["state"]) for one in json_lines(folder / "out" / "events.jsonl")]


def json_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sqlite_rows(folder: Path) -> list[tuple[str, str]]:
    path = folder / "events.sqlite"
    if not path.is_file():
        return []
    table = sqlite3.connect(path)
    try:
        assert table.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return table.execute("SELECT id, state FROM events").fetchall()
    finally:
        table.close()


if __name__ == "__main__":
    main()
