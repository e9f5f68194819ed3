"""What an own camera costs: time on a free and on a busy machine, and disk space.

    python benchmarks/own_camera.py [--against OTHER] [--frames 4000] [--rounds 3]

Draws normal video of 128x64 at 10 frames per second, trains motion-field and fusion on it, and
scores a video of so many frames. Every command is a process of its own, so the times include
starting up. It measures

- ``train``: motion-field; wall and CPU seconds,
- ``busy train``, ``busy infer``: the same while two other processes compute, with ``times_as_long``
  as on the free machine (fair share on two cores is 2),
- ``infer``: fusion without pictures; frames per second with and without the time to start,
- ``disk``: what `vadkit train` keeps in the cache for fusion at 240x320, in GB per hour of video.

``--against`` is a folder with another version of the package ``vadkit``; both are measured in
alternation, on runs of their own. Prints medians as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

FPS, NORMAL_S = 10, 60
_BUSY = "x = 1\nwhile True: x = (x * 3) % 1000003"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path)
    parser.add_argument("--frames", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    versions = {"this": Path(__file__).resolve().parents[1]}
    if options.against is not None:
        versions["other"] = options.against.resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("a", "b"):
            draw(place / "normal" / f"{name}.mkv", (64, 128), NORMAL_S * FPS)
            draw(place / "large" / f"{name}.mkv", (240, 320), NORMAL_S * FPS)
        draw(place / "test.mkv", (64, 128), options.frames)
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in versions}
        for _ in range(options.rounds):
            for name, version in versions.items():
                rows[name].append(one_round(version, place / name, place, options.frames))
    found = {
        name: {key: round(median(row[key] for row in each), 2) for key in each[0]}
        for name, each in rows.items()
    }
    print(json.dumps(found, indent=2))


def one_round(version: Path, home: Path, place: Path, frames: int) -> dict[str, float]:
    """Measure every command once with a version of vadkit."""
    found: dict[str, float] = {}
    home.mkdir(exist_ok=True)
    for number, busy in enumerate((False, True)):
        with loaded() if busy else contextlib.nullcontext():
            prefix = "busy " if busy else ""
            wall, cpu = train(version, home / f"motion{number}", place / "normal", "motion-field")
            found[f"{prefix}train s"], found[f"{prefix}train cpu s"] = wall, cpu
            if not busy:
                train(version, home / "fusion", place / "normal", "fusion")
            wall, cpu, rate = infer(version, home / "fusion", place / "test.mkv")
            found[f"{prefix}infer s"], found[f"{prefix}infer cpu s"] = wall, cpu
            if not busy:
                found["infer frames/s"] = frames / wall
                found["infer frames/s without start"] = rate
    for what in ("train", "infer"):
        found[f"busy {what} times as long"] = found[f"busy {what} s"] / found[f"{what} s"]
    cache = home / "disk"
    own = ["--set", "data.store=none"] if (version / "vadkit/data/pace.py").exists() else []
    train(version, home / "large", place / "large", "fusion", cache, *own)
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
    found["disk GB per hour"] = size / 1e9 / (2 * NORMAL_S / 3600)
    return found


@contextlib.contextmanager
def loaded() -> Iterator[None]:
    """Run two other processes that compute."""
    others = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(2)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def train(
    version: Path, home: Path, videos: Path, method: str, cache: Path | None = None, *more: str
) -> tuple[float, float]:
    """Train in the folder ``home``; return wall and CPU seconds."""
    home.mkdir(exist_ok=True)
    size = [64, 128] if cache is None else [240, 320]
    recipe = {
        "dataset": {"type": "folder", "root": str(videos)},
        "clip": {"size": size, "channels": "gray"},
        "method": {"type": method},
    }
    if method == "fusion":
        parts = {"motion": {"type": "motion-field"}, "scene": {"type": "scene-bank"}}
        recipe["method"] |= {"parts": parts}
    (home / "recipe.yaml").write_text(json.dumps(recipe))
    with tempfile.TemporaryDirectory() as own:
        command = ["train", str(home / "recipe.yaml"), "--runs", str(home / "runs"), *more]
        wall, cpu, _ = run(version, command, cache or Path(own))
    return wall, cpu


def infer(version: Path, home: Path, video: Path) -> tuple[float, float, float]:
    """Score a video; return wall and CPU seconds, and the stated frames per second."""
    newest = max((home / "runs").glob("*/*"))
    with tempfile.TemporaryDirectory() as out:
        command = ["infer", str(newest), str(video), "--out", out, "--sink", "npz", "--json"]
        wall, cpu, text = run(version, command, Path(out))
    return wall, cpu, json.loads(text)[0]["frames_per_s"]


def run(version: Path, command: list[str], cache: Path) -> tuple[float, float, str]:
    """Run ``vadkit`` of a version; return wall seconds, CPU seconds and its output."""
    environment = {**os.environ, "PYTHONPATH": str(version), "VADKIT_CACHE": str(cache)}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "vadkit", *command],
        env=environment,
        cwd=version,
        check=True,
        capture_output=True,
        text=True,
    )
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout


def draw(path: Path, size: tuple[int, int], frames: int) -> None:
    """Write a video of blocks that walk over a textured floor."""
    import av

    path.parent.mkdir(exist_ok=True)
    random = np.random.default_rng(len(str(path.stem)) + size[0])
    height, width = size
    floor = random.integers(70, 120, (height, width)).astype(np.uint8)
    tall, wide = height // 4, height // 8
    lanes = [(random.integers(0, height - tall), random.uniform(0.5, 1.5)) for _ in range(3)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "18"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for number in range(frames):
            picture = floor.copy()
            for place, (top, speed) in enumerate(lanes):
                x = int(number * speed * width / 128 + 50 * place) % (width + wide) - wide
                picture[top : top + tall, max(0, x) : max(0, x + wide)] = 200
            noisy = picture + random.integers(-3, 4, picture.shape)
            gray = np.repeat(noisy.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(gray, format="rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    main()
