"""Measure the benefit of the frame store and the loader, as ratios within one run, as JSON.

    python benchmarks/data.py [--only feed clips store] [--device cpu] [--out FILE]

``feed``: steps per second with the loader, relative to the same steps on one constant batch.
``clips``: clips per second, relative to a dataset that seeks and to one that reads JPEG files.
``store``: building the store, relative to reading the same video in order in one process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from baseline_loaders import JpegClips, SeekingClips, clips_per_second, extract_jpegs, make_h264

from vadkit.data.clips.loader import ClipLoader
from vadkit.data.clips.sources import StoredClips
from vadkit.data.decoding.child import DECODER_MEMORY
from vadkit.data.store.build import build_store, plan_store
from vadkit.data.store.settings import Settings
from vadkit.data.store.stored_video import StoredVideo
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec, Video

SIZE, FRAMES = (256, 256), 5
# The sizes of Avenue, of ShanghaiTech and of a camera.
STORE_SIZES = (360, 640), (480, 856), (1080, 1920)
SPEC = ClipSpec(FRAMES, SIZE, "rgb", (FRAMES - 1,), range=(-1.0, 1.0))


def store(folder: Path, *videos: Path) -> list[StoredVideo]:
    settings = Settings(SIZE, "rgb")
    listed = [Video(str(n), "train", path) for n, path in enumerate(videos)]
    return build_store(plan_store(listed, settings, cache=folder), settings)[0]


def loader(stored: list[StoredVideo], device: torch.device, **settings: Any) -> ClipLoader:
    lengths = [len(video) for video in stored]
    return ClipLoader(StoredClips(stored, SPEC), lengths, SPEC, seed=0, device=device, **settings)


def feed(folder: Path, video: Path, device: torch.device, steps: int) -> dict[str, Any]:
    """Measure future-frame at 256x256, batch 4; steps alternate between one and loaded batches."""
    from vadkit.device import pick_precision
    from vadkit.recipe.resolve import resolve
    from vadkit.workflows.build import build_method, build_optimizers

    recipe = resolve(
        {"name": "b", "dataset": {"type": "synthetic"}, "method": {"type": "future-frame"}}
    )
    dtype = pick_precision("auto", device)
    method = build_method(recipe, device)
    optimizers = build_optimizers(recipe, method)

    def step(clips: Clips) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            for update in method.updates(clips):
                optimizers[update.role].zero_grad(set_to_none=True)
                torch.stack(list(update.terms().values())).sum().backward()
                optimizers[update.role].step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    batches = loader(store(folder, video), device, batch_size=4, dtype=dtype).batches(0)
    constant = Clips(next(batches).frames.clone())
    for _ in range(3):
        step(constant)
    times: dict[str, list[float]] = {"constant": [], "loaded": []}
    for _ in range(steps):
        started = time.perf_counter()
        step(constant)
        times["constant"].append(time.perf_counter() - started)
        started = time.perf_counter()
        step(next(batches))
        times["loaded"].append(time.perf_counter() - started)
    batches.close()
    seconds = {name: statistics.median(values) for name, values in times.items()}
    return {
        "steps_per_s_constant": 1 / seconds["constant"],
        "steps_per_s_loaded": 1 / seconds["loaded"],
        "ratio": seconds["constant"] / seconds["loaded"],
        "required": 0.97,
    }


def clips(folder: Path, video: Path, device: torch.device) -> dict[str, Any]:
    """Measure clips per second, as uint8 on the host, in batches of 32."""
    jpegs = folder / "jpegs"
    extract_jpegs(video, jpegs)
    stored = store(folder, video)
    batches = loader(stored, device, batch_size=32)
    rows = batches.clips

    def uint8_batches() -> Iterator[torch.Tensor]:
        """Do the work of the loader's thread, without a conversion, like the baselines."""
        out = torch.empty((32, FRAMES, *SIZE, 3), dtype=torch.uint8)
        while True:
            order = batches.source.order(rows, np.random.default_rng(0))
            for first in range(0, len(order) - 32, 32):
                yield batches.source.gather(rows[order[first : first + 32]], out)

    ours = clips_per_second(uint8_batches(), 3)
    seeking = {n: clips_per_second(SeekingClips([video], FRAMES, SIZE), 8, n) for n in (0, 2)}
    jpeg = {n: clips_per_second(JpegClips([jpegs], FRAMES, SIZE), 5, n) for n in (0, 2)}
    return {
        "vadkit": ours,
        "seeking": seeking,
        "jpeg": jpeg,
        "ratio_to_seeking": ours / max(seeking.values()),
        "ratio_to_jpeg": ours / max(jpeg.values()),
        "required": {"seeking": 100, "jpeg": 50},
    }


READER_ALONE = """\
import sys, time
from pathlib import Path
import cv2
from vadkit.data.decoding.readers import pyav
from vadkit.data.decoding.resize import to_size
cv2.setNumThreads(1)
frames = pyav(Path(sys.argv[1]))
next(frames)
started = time.perf_counter()
count = sum(1 for frame in frames if to_size(frame, (256, 256), "rgb").size)
print(count / (time.perf_counter() - started))
"""


def building(folder: Path, frames: int, size: tuple[int, int]) -> dict[str, Any]:
    """Measure frames per second of the reader alone, and of the store with one and two videos.

    The reader's rate is that of frames read in order and resized, in a separate process. All rates
    exclude the start of processes, which is reported separately.
    """
    video, second = folder / "store.mp4", folder / "second.mp4"
    make_h264(video, frames, size)
    second.write_bytes(video.read_bytes() + b"\0")

    def read() -> float:
        command = [sys.executable, "-c", READER_ALONE, str(video)]
        environment = {**os.environ, **DECODER_MEMORY}
        return float(subprocess.run(command, env=environment, check=True, stdout=-1).stdout)

    def build(*videos: Path) -> tuple[float, float]:
        """Return the rate from the first frames to complete files on disk, and the start time."""
        settings = Settings(SIZE, "rgb")
        reports: list[tuple[float, int]] = []

        def progress(_: int, count: int) -> None:
            if count:
                reports.append((time.perf_counter(), count))

        with tempfile.TemporaryDirectory(dir=folder) as cache:
            started = time.perf_counter()
            listed = [Video(str(n), "train", path) for n, path in enumerate(videos)]
            plan = plan_store(listed, settings, cache=Path(cache), workers=len(videos))
            stored, _ = build_store(plan, settings, workers=len(videos), progress=progress)
            ended = time.perf_counter()
        first, count = reports[0]
        return (sum(map(len, stored)) - count) / (ended - first), first - started

    rounds = [(read(), build(video), build(video, second)) for _ in range(5)]
    reader = statistics.median(alone for alone, *_ in rounds)
    (one, start), (two, _) = (
        [statistics.median(column) for column in zip(*pairs, strict=True)]
        for pairs in list(zip(*rounds, strict=True))[1:]
    )
    return {
        "video": f"{frames} frames of {size[1]}x{size[0]}",
        "reader": reader,
        "store_one": one,
        "store_two": two,
        "start_s": start,
        "ratio_one": one / reader,
        "ratio_two": two / reader,
        "required": {"one": 0.9, "two": 1.7},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=["feed", "clips", "store"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=8, help="steps of each kind in feed")
    parser.add_argument("--frames", type=int, default=2500, help="length of the video in store")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    wanted = given.only or ["clips", "store", "feed"]
    device = torch.device(given.device)
    result: dict[str, Any] = {"device": given.device, "threads": torch.get_num_threads()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        video = folder / "video.mp4"
        make_h264(video, 2000)
        if "clips" in wanted:
            result["clips"] = clips(folder, video, device)
        if "store" in wanted:
            result["store"] = [building(folder, given.frames, size) for size in STORE_SIZES]
        if "feed" in wanted:
            result["feed"] = feed(folder, video, device, given.steps)
    text = json.dumps(result, indent=2)
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
