"""Measure the benefit of streaming, as ratios within one run, as JSON.

    python benchmarks/streaming.py [--only NAME ...] [--threads 1] [--rounds 3] [--out FILE]

``of_bound``: frames per second of a file (H.264, 1280x720) from end to end (decoded, prepared, and
scored with maps), relative to the slower of decoding only and the method only on prepared batches
(with optical flow, if it uses any). ``to_clip_by_clip``: the same relative to decoding and scoring
each overlapping clip separately, as scripts without a stream do. Weights are random, because the
time does not depend on them. ``--threads`` are those of PyTorch; decoding has a separate process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import decord
import numpy as np
import torch
import yaml
from baseline_loaders import make_h264

from vadkit.data.clips.batch import make_clips
from vadkit.data.clips.extras import ClipExtras
from vadkit.data.clips.ranges import scoring_starts
from vadkit.data.decoding.resize import to_size
from vadkit.engine.scoring import score_batch
from vadkit.inference.sources.files import FileSource
from vadkit.inference.sources.source import Frame
from vadkit.recipe.resolve import resolve
from vadkit.registry import build
from vadkit.workflows.build import build_method
from vadkit.workflows.detector import Detector

RECIPES = Path(__file__).parents[1] / "recipes" / "ped2"
# A usual camera, and the default distance of key frames of libx264.
SIZE, GOP = (720, 1280), 250
FRAMES = GOP + 50
# Recipe, number of streamed frames, and required speed relative to clip by clip.
CASES: dict[str, tuple[str, int, float | None]] = {
    "future-frame": ("future-frame.yaml", 40, None),
    "future-frame-small": ("future-frame-small.yaml", FRAMES, 4),
    "stae-small": ("stae-small.yaml", FRAMES, 8),
    "memae-small": ("memae-small.yaml", FRAMES, 8),
    "motion-field": ("motion-field.yaml", FRAMES, None),
}


def detector_of(recipe_file: Path) -> Detector:
    """Return a detector with random weights; a method that collects gets meaningful buffers."""
    data = yaml.safe_load(recipe_file.read_text())
    data["dataset"] = {"type": "synthetic"}
    recipe = resolve(data)
    torch.manual_seed(0)
    method = build_method(recipe, torch.device("cpu")).eval()
    if hasattr(method, "background"):
        method.background.fill_(0.5)
        method.windows[:] = torch.tensor([[8], [4]])
    flow = None
    if method.clip.scoring.flow and recipe.flow is not None:
        flow = build("flow", recipe.flow.type, recipe.flow.params)
    batch = recipe.train.batch_size
    return Detector(method, torch.device("cpu"), torch.float32, batch_size=batch, flow=flow)


def end_to_end(detector: Detector, video: Path, most: int) -> float:
    """Return frames per second of a file."""
    return _rate(detector.stream(FileSource(video)), most)


def decoding(video: Path, most: int) -> float:
    """Return frames per second of the source alone."""
    items = FileSource(video).read()
    return _rate((item for item in items if isinstance(item, Frame)), most)


def _rate(frames: Iterator[Any], most: int) -> float:
    """Return frames per second after the first one, because each file starts processes."""
    next(frames)
    started = time.perf_counter()
    count = sum(1 for _ in itertools.islice(frames, most - 1))
    return count / (time.perf_counter() - started)


def scoring(detector: Detector, small: list[np.ndarray], most: int) -> float:
    """Return frames per second of the method on prepared batches, and of optical flow."""
    spec, flow = detector.method.clip.scoring, detector.flow
    starts = scoring_starts(len(small), spec)[:most]
    frames, seconds, done = np.stack(small), 0.0, 0
    for first in range(0, len(starts), detector.batch_size):
        batch = starts[first : first + detector.batch_size]
        offsets = np.arange(spec.frames) * spec.step
        pixels = torch.from_numpy(frames[batch[:, None] + offsets])
        moved = None
        if flow is not None:
            shape = (len(batch), len(spec.flow), *spec.size, 2)
            moved = torch.zeros(shape)
        clips = make_clips(pixels, ClipExtras(moved), spec, torch.device("cpu"), torch.float32)
        started = time.perf_counter()
        if flow is not None:
            for start in batch.tolist():
                flow(small[start], small[start + 1])
        score_batch(detector.method, clips, torch.float32, maps=True)
        seconds += time.perf_counter() - started
        done += len(batch)
    return done / seconds


def clip_by_clip(detector: Detector, video: Path, count: int, *, reopen: bool) -> float:
    """Return clips per second if each is decoded and scored separately.

    Consecutive clips are in the middle of a group of pictures: a reader goes back to its first
    picture and decodes up to the clip, on average half of the group.
    """
    spec, flow = detector.method.clip.scoring, detector.flow
    reader = decord.VideoReader(str(video))
    started = time.perf_counter()
    for start in range((GOP - count) // 2, (GOP + count) // 2):
        if reopen:
            reader = decord.VideoReader(str(video))
        pictures = reader.get_batch(range(start, start + spec.frames)).asnumpy()
        small = [to_size(picture, spec.size, spec.channels) for picture in pictures]
        moved = None
        if flow is not None:
            pairs = itertools.pairwise(small)
            moved = torch.from_numpy(np.stack([flow(a, b) for a, b in pairs])[None])
        pixels = torch.from_numpy(np.stack(small)[None])
        clips = make_clips(pixels, ClipExtras(moved), spec, torch.device("cpu"), torch.float32)
        score_batch(detector.method, clips, torch.float32, maps=True)
    return count / (time.perf_counter() - started)


def measure(name: str, video: Path, rounds: int, clips: int) -> dict[str, Any]:
    """Return medians of several rounds, each with all comparisons."""
    recipe, frames, asked = CASES[name]
    detector = detector_of(RECIPES / recipe)
    spec = detector.method.clip.scoring
    small = [
        to_size(item.image, spec.size, spec.channels)
        for item in FileSource(video).read()
        if isinstance(item, Frame)
    ]
    parts: dict[str, Callable[[], float]] = {
        "end_to_end": lambda: end_to_end(detector, video, frames),
        "decoding": lambda: decoding(video, frames),
        "scoring": lambda: scoring(detector, small, frames),
        "clips_reopened": lambda: clip_by_clip(detector, video, clips, reopen=True),
        "clips_open": lambda: clip_by_clip(detector, video, clips, reopen=False),
    }
    scoring(detector, small, 2 * detector.batch_size)
    seen: dict[str, list[float]] = {part: [] for part in parts}
    for _ in range(rounds):
        for part, run in parts.items():
            seen[part].append(run())
    found: dict[str, Any] = {part: statistics.median(values) for part, values in seen.items()}
    bound = min(found["decoding"], found["scoring"])
    found["of_bound"] = found["end_to_end"] / bound
    found["of_bound_asked"] = 0.9
    slowly = max(found["clips_reopened"], found["clips_open"])
    found["to_clip_by_clip"] = found["end_to_end"] / slowly
    if asked is not None:
        found["to_clip_by_clip_asked"] = asked
    return {key: round(value, 3) for key, value in found.items()}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=20, help="that are scored one by one")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    result: dict[str, Any] = {"threads": given.threads, "rounds": given.rounds}
    with tempfile.TemporaryDirectory() as temporary:
        video = Path(temporary) / "camera.mp4"
        make_h264(video, FRAMES, SIZE, GOP)
        for name in given.only:
            print(f"measuring {name}", file=sys.stderr)
            result[name] = measure(name, video, given.rounds, given.clips)
            print(json.dumps(result[name]), file=sys.stderr)
    text = json.dumps(result, indent=2)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
