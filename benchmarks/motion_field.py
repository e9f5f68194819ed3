"""The effect of each part of motion-field, on UCSD Ped2 and on distorted copies of it.

    python benchmarks/motion_field.py UCSDped2 [--work FOLDER]

Every row is a `vadkit train` and a `vadkit eval`, whose commands are printed; the table comes last,
in Markdown. Copies of the data set are written to FOLDER/<name>: `shake` moves every frame by a
random walk of up to 4 pixels, `light` varies the brightness between 60% and 100% over some seconds,
`lost` replaces every 23rd frame by the previous one, so that labels still match.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

VADKIT = [sys.executable, "-m", "vadkit"]
FPS = 10
# Name, copy of the data set, settings.
ROWS: list[tuple[str, str, list[str]]] = [
    ("as shipped", "as it is", []),
    ("windows of one size", "as it is", ["method.perspective=false"]),
    ("windows a third larger", "as it is", ["method.person=40"]),
    ("without memory", "as it is", ["method.memory=0"]),
    ("shorter memory", "as it is", ["method.memory=0.6", "clip.frames=6"]),
    ("without statistics by place", "as it is", ["method.prior=1e9"]),
    ("neighbours of 1.5 cells", "as it is", ["method.smooth=1.5"]),
    ("neighbours of 6 cells", "as it is", ["method.smooth=6"]),
    ("prior of 30 frames", "as it is", ["method.prior=30"]),
    ("without direction", "as it is", ["method.direction=false"]),
    ("without lost frames", "as it is", ["method.lost_frames=false"]),
    ("with stillness", "as it is", ["method.stillness=true"]),
    ("with stillness for 2.4 s", "as it is", ["method.stillness=true", "clip.frames=25"]),
    ("with shake", "as it is", ["method.shake=true"]),
    ("with light", "as it is", ["method.light=true"]),
    ("as shipped", "shake", []),
    ("with shake", "shake", ["method.shake=true"]),
    ("as shipped", "light", []),
    ("with light", "light", ["method.light=true"]),
    ("as shipped", "lost", []),
    ("without lost frames", "lost", ["method.lost_frames=false"]),
    ("flow without upscaling", "as it is", ["flow.upscale=1"]),
    ("flow ultrafast", "as it is", ["flow.preset=ultrafast"]),
    ("flow medium", "as it is", ["flow.preset=medium"]),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="UCSD Ped2 with training/*.mp4 and testing/*.mp4")
    parser.add_argument("--work", type=Path, default=Path("runs/motion-field"))
    parser.add_argument("--rows", type=int, nargs="*", help="only these rows, from 0")
    options = parser.parse_args()
    chosen = options.rows if options.rows is not None else range(len(ROWS))
    lines = []
    for name, copy, settings in (ROWS[place] for place in chosen):
        root = options.root if copy == "as it is" else distorted(options.root, copy, options.work)
        figures = measure(root, settings, options.work / "runs")
        lines.append(f"| {copy} | {name} | {' '.join(settings) or '-'} | {figures} |")
        print(lines[-1], flush=True)
    print("\n| Ped2 | motion-field | `--set` | micro | macro | AP |")
    print("|---|---|---|---|---|---|")
    print("\n".join(lines))


def measure(root: Path, settings: list[str], runs: Path) -> str:
    """Return raw micro and macro AUC and average precision."""
    arguments = [f"dataset.root={root}", "flow.preset=fast", *settings]
    command = ["train", "recipes/ped2/motion-field.yaml", "--runs", str(runs)]
    command += [part for setting in arguments for part in ("--set", setting)]
    print("vadkit", *command, flush=True)
    run = subprocess.run([*VADKIT, *command], check=True, capture_output=True, text=True)
    done = subprocess.run(
        [*VADKIT, "eval", run.stdout.split()[-1], "--protocol", "raw", "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = {metric["name"]: metric["value"] for metric in json.loads(done.stdout)["metrics"]}
    return " | ".join(f"{found[name]:.4f}" for name in ("micro-auc", "macro-auc", "ap"))


def distorted(root: Path, how: str, work: Path) -> Path:
    """Return a copy of the data set with distorted videos; it is kept for later calls."""
    target = work / how
    if (target / "done").is_file():
        return target
    for split in ("training", "testing"):
        (target / split).mkdir(parents=True, exist_ok=True)
        for path in sorted((root / split).glob("*.mp4")):
            write(target / split / path.name, worse(read(path), how, seed=int(path.stem)))
    shutil.copy(root / "UCSDped2.m", target)
    (target / "done").touch()
    return target


def worse(frames: np.ndarray, how: str, seed: int) -> Iterator[np.ndarray]:
    """Yield frames (N, H, W) uint8 one by one, shaken, darkened, or with lost frames."""
    generator = np.random.default_rng(seed)
    place = np.zeros(2)
    phase = generator.uniform(0, 2 * np.pi)
    for number, frame in enumerate(frames):
        if how == "shake":
            place = np.clip(place + generator.normal(0, 0.7, 2), -4, 4)
            matrix = np.array([[1, 0, place[0]], [0, 1, place[1]]], np.float32)
            yield cv2.warpAffine(frame, matrix, frame.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        elif how == "light":
            gain = 0.8 + 0.2 * np.sin(phase + 2 * np.pi * number / (6 * FPS))
            yield (frame * gain).round().astype(np.uint8)
        else:
            yield frames[number - 1] if number % 23 == 22 else frame


def read(path: Path) -> np.ndarray:
    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])


def write(path: Path, frames: Iterator[np.ndarray]) -> None:
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "10"})
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(frames):
            if not number:
                stream.height, stream.width = frame.shape
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode())


if __name__ == "__main__":
    main()
