"""The cost of the sinks of `vadkit infer`: scoring alone, with each sink, and with all defaults.

    python benchmarks/sinks.py [--sizes 64x128 360x640] [--methods fusion motion-field]
        [--frames 1500] [--rounds 3] [--against OTHER]

Draws normal videos and one with an anomaly at each size (height x width), trains each method, and
scores the video once per round with each choice of sinks; the choices alternate, so that a slow
minute of the machine falls on all of them. Every score is made by a process of its own. ``wall`` is
the time from the first frame to the last written file, ``cpu`` the CPU time of the process and its
children in that time; starting up is not counted. Prints medians as JSON, with ratios to scoring
alone. ``--against`` is a folder with another version of the package ``vadkit``, which is measured
in alternation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

DEFAULT = ("jsonl", "npz", "plot", "video")
CHOICES: dict[str, tuple[str, ...]] = {
    "alone": (),
    **{name: (name,) for name in ("jsonl", "npz", "csv", "plot", "events", "snapshots", "video")},
    "default": DEFAULT,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", default=["64x128", "360x640"])
    parser.add_argument("--methods", nargs="*", default=["fusion", "motion-field"])
    parser.add_argument("--frames", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--choices", nargs="*", choices=list(CHOICES), default=list(CHOICES))
    parser.add_argument("--against", type=Path)
    parser.add_argument("--one", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run, video, *sinks = options.one
        score_once(Path(run), Path(video), sinks)
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            place = Path(folder) / size
            height, width = map(int, size.split("x"))
            video = draw(place, (height, width), options.frames)
            for method in options.methods:
                run = train(place, (height, width), method, options.against)
                found[f"{method} {size}"] = compare(run, video, options)
    print(json.dumps(found, indent=2))


def draw(place: Path, size: tuple[int, int], frames: int) -> Path:
    """Draw two normal videos in ``place/videos`` and return one with anomalies."""
    from vadkit.data.synthetic.scene import draw_video
    from vadkit.reports.video_writer import VideoWriter

    kinds = [(place / "videos" / f"{n}.mp4", n, 500, None) for n in range(2)]
    kinds.append((place / "new.mp4", 2, frames, "cyclist"))
    for path, seed, count, anomaly in kinds:
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures, _ = draw_video(seed=seed, frames=count, size=size, anomaly=anomaly)
        with VideoWriter(path, 25.0) as writer:
            for picture in pictures:
                writer.write(picture)
    return place / "new.mp4"


def train(place: Path, size: tuple[int, int], method: str, package: Path | None) -> Path:
    """Train a method on the normal videos; large frames are scored at 240x428.

    An earlier version cannot read a run of a later one, so it trains if there is one.
    """
    height, width = size if size[0] < 240 else (240, 428)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "vadkit", "train", "own-camera", "--runs", str(place / method)]
        + ["--set", f"dataset.root={place / 'videos'}", "--set", f"clip.size=[{height},{width}]"]
        + ([] if method == "fusion" else ["--set", f"method={{type: {method}}}"]),
        text=True,
        stdout=subprocess.PIPE,
        check=True,
        env={**environment(package), "VADKIT_CACHE": str(place / "cache")},
    )
    return Path(done.stdout.strip().splitlines()[-1])


def compare(run: Path, video: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Score the video with every choice of sinks; return medians and ratios to scoring alone."""
    versions: dict[str, Path | None] = {"": None}
    if options.against:
        versions = {"before ": options.against, "after ": None}
    times: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        for choice in options.choices:
            for version, package in versions.items():
                measured = measure(run, video, CHOICES[choice], package)
                times.setdefault(version + choice, []).append(measured)
    rows = {}
    for name, several in times.items():
        wall, cpu = (median(column) for column in zip(*several, strict=True))
        rows[name] = {"wall": wall, "cpu": cpu}
    for name, row in rows.items():
        alone = rows.get(name.rpartition(" ")[0] + " alone" if " " in name else "alone", row)
        row["wall_ratio"] = row["wall"] / alone["wall"]
        row["cpu_ratio"] = row["cpu"] / alone["cpu"]
        row["frames_per_s"] = options.frames / row["wall"]
        print(
            f"{run.parent.parent.parent.name} {run.parent.parent.name} {name:16}"
            + "".join(f" {key} {value:.3g}" for key, value in row.items()),
            file=sys.stderr,
            flush=True,
        )
    return {name: {key: round(v, 3) for key, v in row.items()} for name, row in rows.items()}


def measure(
    run: Path, video: Path, sinks: tuple[str, ...], package: Path | None
) -> tuple[float, float]:
    """Score the video in a process of its own; return its wall and CPU seconds."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", str(run), str(video), *sinks],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment(package),
    )
    wall, cpu = json.loads(done.stdout.splitlines()[-1])
    return wall, cpu


def environment(package: Path | None) -> dict[str, str]:
    """Return the environment in which this or another version of vadkit is imported."""
    return {**os.environ, **({} if package is None else {"PYTHONPATH": str(package.resolve())})}


def score_once(run: Path, video: Path, sinks: list[str]) -> None:
    """Score a video in this process, and print wall and CPU seconds as JSON."""
    import inspect
    import time

    from vadkit.recipe import Spec
    from vadkit.workflows.infer.archive import expand_sources
    from vadkit.workflows.infer.result import ResultKey
    from vadkit.workflows.infer.video import start_scoring

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        key = ResultKey("", ())
        known = {
            "run": run,
            "checkpoint": "last",
            "sinks": tuple(Spec(type=one) for one in sinks),
            "out": out,
            "key": key,
            "workers": 1,
            "stretch": False,
        }
        # An earlier version, measured with --against, has other parameters.
        names = inspect.signature(start_scoring).parameters
        if "work" in names:
            from vadkit.workflows.infer.video import Work

            fields = inspect.signature(Work).parameters
            score = start_scoring(Work(**{name: known[name] for name in fields}))
        else:
            score = start_scoring(**{name: known[name] for name in names})
        (item,) = expand_sources([str(video)], out)
        started, before = time.monotonic(), cpu_seconds()
        result = score((item, out / "one"), lambda frames: None)
        wall = time.monotonic() - started
        del score  # ends the decoder, whose time counts, too
        if result.error:
            sys.exit(result.error)
        print(json.dumps([wall, cpu_seconds() - before]))


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


if __name__ == "__main__":
    main()
