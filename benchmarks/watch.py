"""Does `vadkit watch` keep up with four cameras of 10 frames per second on two cores?

    python benchmarks/watch.py VIDEO [--seconds 60] [--recipes scene-bank motion-field fusion]

VIDEO has 10 frames per second, such as OpenCV's vtest.avi. It plays as four cameras, each decoded
separately; a method is trained on it first. The output is one JSON object with, for each recipe,
the frames per second of the slowest camera, the frames dropped by all, and the delay from a decoded
frame to its score (p50 and p99 of the worst camera). `keeps_real_time` means that no frame was
dropped and all frames came. The first seconds, in which libraries are loaded, are included. The
machine must be otherwise idle.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

VADKIT = [sys.executable, "-m", "vadkit"]
CAMERAS, FPS, CORES = 4, 10, 2
RECIPE = """\
name: {method}
dataset: {{type: folder, root: {root}}}
clip: {{size: [240, 320], channels: gray}}
method: {{type: {method}}}
scorers: [{{type: ema, halflife: 4}}]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--recipes", nargs="+", default=["scene-bank", "motion-field", "fusion"])
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark-watch"))
    parser.add_argument("--max-delay", type=float, default=0.0, help="as of `vadkit watch`")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)
    load = os.getloadavg()[0]
    results = {
        method: measure(train(method, options.video, options.work), options)
        for method in options.recipes
    }
    figures = {"cameras": CAMERAS, "fps": FPS, "cores": len(cores), "load_before": load}
    print(json.dumps({**figures, "seconds": options.seconds, "recipes": results}, indent=2))


def train(method: str, video: Path, work: Path) -> str:
    """Return a run of a method, trained on the video."""
    root = work / "videos"
    root.mkdir(parents=True, exist_ok=True)
    link = root / video.name
    link.unlink(missing_ok=True)
    link.symlink_to(video.absolute())
    recipe = work / f"{method}.yaml"
    recipe.write_text(RECIPE.format(method=method, root=root.absolute()))
    command = [*VADKIT, "train", str(recipe), "--runs", str(work / "runs")]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
    return done.stdout.split()[-1]


def measure(run: str, options: argparse.Namespace) -> dict[str, float | bool]:
    """Return the final status of `vadkit watch`."""
    sources = [f"camera-{number + 1}=replay:{options.video}" for number in range(CAMERAS)]
    more = ["--for", str(options.seconds), "--max-delay", str(options.max_delay), "--json"]
    command = [*VADKIT, "watch", run, *sources, *more]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    cameras = [line for line in lines if line["type"] == "summary"]
    assert len(cameras) == CAMERAS
    frames = [camera["frames"] for camera in cameras]
    rate = min(frames) / options.seconds
    dropped = sum(camera["dropped"] for camera in cameras)
    return {
        "fps": round(rate, 2),
        "frames": sum(frames),
        "dropped": dropped,
        "delay_p50_s": max(camera["delay_p50_s"] for camera in cameras),
        "delay_p99_s": max(camera["delay_p99_s"] for camera in cameras),
        # At the start, sources open one after another.
        "keeps_real_time": dropped == 0 and rate > 0.95 * FPS,
    }


if __name__ == "__main__":
    main()
