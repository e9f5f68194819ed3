"""The report of a large run: the size of its page, the time to make it, the time to open it.

Draws test videos, or repeats the frames of your video, gives every frame an invented score, and
measures `vadkit report` and its page in Chromium. The machine should be idle.

    python benchmarks/report.py [--videos 40] [--frames 1000] [--source street.avi] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RECIPE = """\
name: large
dataset: {{type: folder, root: {root}/train, test: {root}/test, labels: {root}/labels.json}}
clip: {{frames: 4, size: [96, 128], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 1, batch_size: 4, max_steps: 2}}
hooks: [{{type: metrics-log}}, {{type: checkpoint}}]
scorers: [{{type: gaussian, sigma: 3}}]
"""


def write_videos(root: Path, count: int, frames: int, source: Path | None) -> dict[str, np.ndarray]:
    """Write training and test videos below ``root``; return labels (frames,) bool by test video."""
    from vadkit.data.datasets.synthetic import Synthetic
    from vadkit.data.decoding.decode import read_frames
    from vadkit.data.labels.intervals import Labels
    from vadkit.data.labels.own import write_labels
    from vadkit.reports.video_writer import VideoWriter

    drawn = Synthetic(root=root / "drawn", train_videos=1, frames=frames, size=(240, 360))
    (root / "test").mkdir()
    shutil.copytree(drawn.videos("train")[0].path.parent, root / "train")
    tests = drawn.videos("test")
    truth = {}
    for number in range(count):
        name = f"{number + 1:02d}"
        like = tests[number % len(tests)]
        assert like.labels is not None
        truth[name] = like.labels(frames)
        target = root / "test" / f"{name}.mp4"
        if source is None:
            shutil.copy(like.path, target)
        elif number:
            shutil.copy(root / "test" / "01.mp4", target)
        else:
            with VideoWriter(target, 25.0) as writer:
                endless = itertools.chain.from_iterable(
                    read_frames(source) for _ in itertools.count()
                )
                for frame in itertools.islice(endless, frames):
                    writer.write(frame)
    write_labels(root / "labels.json", {v: Labels.from_flags(own) for v, own in truth.items()})
    return truth


def make_run(root: Path, truth: dict[str, np.ndarray]) -> Path:
    """Make a run of a small network, with invented test scores."""
    from vadkit.workflows.evaluate.evaluation import evaluate
    from vadkit.workflows.evaluate.run_scores import checkpoint_digest
    from vadkit.workflows.train import train

    recipe = root / "large.yaml"
    recipe.write_text(RECIPE.format(root=root))
    run = train(recipe, runs=root / "runs")
    folder = run / "scores" / "test"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for video, labels in truth.items():
        drift = np.cumsum(random.normal(size=len(labels))) / 20
        scores = (drift + 2 * labels + random.normal(size=len(labels)) / 4).astype(np.float32)
        scores[:3] = np.nan
        np.savez(folder / f"{video}.npz", scores=scores, labels=labels)
    meta = {
        "checkpoint": "last",
        "digest": checkpoint_digest(run / "checkpoints" / "last.pt"),
        "overrides": [],
        "step": 2,
        "label_source": "labels.json",
        "videos": list(truth),
        "skipped": [],
        "rates": dict.fromkeys(truth, 25.0),
        "categories": {},
    }
    (folder / "meta.json").write_text(json.dumps(meta))
    evaluate(run)
    return run


def open_page(page: Path, width: int) -> dict[str, Any]:
    """Return the seconds until the page is shown and its video can be played, and its errors."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": width, "height": 900})
        errors: list[str] = []
        tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        started = time.monotonic()
        tab.goto(page.as_uri(), wait_until="domcontentloaded")
        drawn_s = time.monotonic() - started
        while not tab.evaluate("player.readyState >= 2"):
            tab.wait_for_timeout(20)
        playable_s = time.monotonic() - started
        started = time.monotonic()
        tab.evaluate(
            "document.querySelectorAll('#chooser input')[20 % report.runs[0].videos.length].click()"
        )
        while not tab.evaluate("player.readyState >= 2 && !player.seeking"):
            tab.wait_for_timeout(20)
        found = {
            "drawn_s": round(drawn_s, 2),
            "playable_s": round(playable_s, 2),
            "next_video_s": round(time.monotonic() - started, 2),
            "heap_mb": round(tab.evaluate("performance.memory.usedJSHeapSize") / 1e6, 1),
            "errors": errors,
        }
        browser.close()
    return found


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--source", type=Path, help="a video whose frames fill the test videos")
    parser.add_argument("--keep", type=Path, help="where run and page stay")
    given = parser.parse_args()

    from vadkit.workflows.report.report import report

    with tempfile.TemporaryDirectory() as temporary:
        root = (given.keep or Path(temporary)).absolute()
        root.mkdir(parents=True, exist_ok=True)
        run = make_run(root, write_videos(root, given.videos, given.frames, given.source))
        started = time.monotonic()
        done = report([run])
        report_s = time.monotonic() - started
        beside = sorted(done.videos.iterdir()) if done.videos else []
        result = {
            "videos": given.videos,
            "frames": given.videos * given.frames,
            "report_s": round(report_s, 1),
            "page_mb": round(done.bytes / 1e6, 2),
            "beside_mb": round(sum(file.stat().st_size for file in beside) / 1e6, 2),
            "page": {str(width): open_page(done.page, width) for width in (1280, 390)},
            "notes": done.notes,
        }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
