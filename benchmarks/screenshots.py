"""Make the pictures of vadkit's pages that the documents show, with a real browser.

    python benchmarks/screenshots.py VIDEO [--out docs/images] [--work FOLDER]

VIDEO has people who walk, such as OpenCV's vtest.avi. It is cut into pieces: half of them train a
`motion-field`, the others are scored as recordings of three days. Everything on the pages comes
from the commands train, infer, watch, events and review. Each page is pictured 1,280 pixels wide in
light and 400 pixels wide in dark colours. Needs ffmpeg, Chromium, and the extras web and dev.
"""

from __future__ import annotations

import argparse
import datetime
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VADKIT = [sys.executable, "-m", "vadkit"]
PIECES, WIDTH = 8, 384
LARGEST_KIB = 150
RECIPE = """\
name: gate
dataset: {type: folder, root: normal}
method: {type: motion-field}
scorers: [{type: ema, halflife: 4}]
"""
# Often enough for alarms in a minute of video.
OFTEN = ["--false-alarms-per-hour", "60"]
VIEWS = {"": (1280, 900, "light"), "-narrow": (400, 860, "dark")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--work", type=Path, help="a folder that is kept, with a run to use again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        runs = sorted((work / "runs").glob("*/*/normal-review/.."))
        run = runs[-1].resolve() if runs else prepare(options.video, work)
        take(run, work, options.out)


def prepare(video: Path, work: Path) -> Path:
    """Train on half of the pieces, score the others as recordings, and return the run."""
    days = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    length = seconds(video) / PIECES
    for number in range(PIECES):
        if number < PIECES // 2:
            path = work / "normal" / f"morning-{number + 1}.mp4"
        else:
            at = days + datetime.timedelta(hours=17 * (number - PIECES // 2))
            path = work / "recordings" / f"{at:%Y-%m-%d/%H}" / "gate" / f"{at:%M.%S}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        cut = ["-ss", f"{number * length:.2f}", "-t", f"{length:.2f}", "-i", str(video)]
        form = ["-vf", f"scale={WIDTH}:-2", "-y", str(path)]
        subprocess.run(["ffmpeg", "-loglevel", "error", *cut, *form], check=True)
    (work / "gate.yaml").write_text(RECIPE)
    run = vadkit(work, "train", "gate.yaml").split()[-1]
    sinks = ["--sink", "sqlite", "--sink", "snapshots"]
    vadkit(work, "infer", run, "recordings", *OFTEN, *sinks, "--workers", "1")
    return (work / run).resolve()


def seconds(video: Path) -> float:
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]
    return float(subprocess.run([*command, str(video)], capture_output=True, check=True).stdout)


def vadkit(work: Path, *words: str) -> str:
    done = subprocess.run(
        [*VADKIT, *words],
        cwd=work,
        env=environment(),
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    return done.stdout


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def take(run: Path, work: Path, out: Path) -> None:
    """Open each page in each form, and write its picture."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        how: dict[str, Any] = {"executable_path": chromium, "args": ["--no-sandbox"]}
        with playwright.chromium.launch(**how) as browser:
            pieces = sorted((work / "recordings").rglob("*.mp4"))
            cameras = [f"gate=replay:{pieces[0]}", f"yard=replay:{pieces[-1]}"]
            watch = ["watch", str(run), *cameras, "dock=rtsp://127.0.0.1:9/cam", *OFTEN]
            with served(work, watch) as address:
                # Until both have an alarm and a curve of half a minute.
                time.sleep(35)
                picture(browser, address, out, "watch", ".alarm img")
            with served(work, ["events", str(run)]) as address:
                picture(browser, address, out, "events-page", ".item img")
            with served(work, ["review", str(run)]) as address:
                picture(browser, address, out, "review-page", ".item img")


@contextmanager
def served(work: Path, words: list[str]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*VADKIT, *words, "--web", str(port)]
    process = subprocess.Popen(
        command, cwd=work, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(address, timeout=30).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(process.stderr.read().decode()) from None  # type: ignore
                time.sleep(0.2)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def picture(browser: Any, address: str, out: Path, name: str, shown: str) -> None:
    """Write a page as WebP, wide and light, and narrow and dark."""
    from PIL import Image

    for ending, (width, height, theme) in VIEWS.items():
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.emulate_media(color_scheme=theme)
        page.goto(address)
        page.wait_for_selector(shown, timeout=60_000)
        page.wait_for_timeout(3000)
        path = out / f"{name}{ending}.webp"
        image = Image.open(io.BytesIO(page.screenshot()))
        image.save(path, quality=80, method=6)
        context.close()
        size = path.stat().st_size / 1024
        print(f"{path}: {size:.0f} KiB")
        if size > LARGEST_KIB:
            raise SystemExit(f"{path} is larger than {LARGEST_KIB} KiB")


if __name__ == "__main__":
    main()
