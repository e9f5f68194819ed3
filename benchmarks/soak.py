"""A simulated day of cameras at full speed: memory over time, as JSON.

    python benchmarks/soak.py [--frames 864000] [--out FILE]

864,000 frames are 24 hours at 10 frames per second. Pictures are synthetic and the method is small;
all other code is that of `vadkit watch`. One camera is scored as fast as its frames come. Another
is faster than scoring, so frames are dropped; it also loses its connection sometimes, fails and is
opened again.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vadkit.data.videos import ClipSpec
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sources.source import Frame, SourceEvent
from vadkit.inference.streams import run_streams
from vadkit.methods.method import Method, Scores
from vadkit.scoring.normal import measure_normal
from vadkit.workflows.detector import Detector

SIZE, FPS = (48, 64), 10.0


class Change(Method):
    """Scores the last of five frames by its difference from the first, with maps and parts."""

    def __init__(self) -> None:
        super().__init__({}, {}, ClipSpec(5, SIZE, "gray", (4,)))

    def score(self, clips: Any) -> Scores:
        maps_BHW = (clips.frames[:, 0, -1] - clips.frames[:, 0, 0]).abs()
        scores = maps_BHW.mean(dim=(1, 2))[:, None]
        return Scores(scores, maps_BHW[:, None], parts={"change": scores, "half": scores / 2})


class Camera:
    """A simulated camera; a ``wild`` one does not wait, and disconnects every 5,000 frames."""

    def __init__(self, name: str, *, wild: bool) -> None:
        self.name, self.live, self.wild = name, wild, wild
        self.given = 0
        self.closed = False

    def read(self) -> Iterator[Frame | SourceEvent]:
        pictures = np.random.default_rng(0).integers(0, 256, (64, *SIZE, 3), dtype=np.uint8)
        yield SourceEvent("opened", 0.0, fps=FPS, size=SIZE)
        for index in itertools.count():
            if self.closed:
                return
            seconds, missed = index / FPS, 0
            if self.wild and index % 5000 == 4999:
                yield SourceEvent("lost", seconds, "made up; trying again in 0 s")
                yield SourceEvent("reconnected", seconds, fps=FPS, size=SIZE)
                missed = 100
            if self.wild and index % 8 == 0:
                time.sleep(0.002)
            self.given += 1
            yield Frame(seconds, pictures[index % 64].copy(), missed, time.monotonic())

    def close(self) -> None:
        self.closed = True


def soak(frames: int, samples: int = 100) -> dict[str, Any]:
    """Score this many frames, and return the memory over time."""
    torch.set_num_threads(1)
    normal = measure_normal(np.linspace(0, 1, 1000))
    detector = Detector(Change(), torch.device("cpu"), torch.float32, normal=normal)
    sources = {"even": Camera("even", wild=False), "wild": Camera("wild", wild=True)}
    scored, dropped, events = dict.fromkeys(sources, 0), 0, 0
    memory: list[tuple[int, float]] = []  # scored frames, resident MiB
    every, started = max(1, frames // samples), time.monotonic()
    stream = run_streams(detector, sources)
    for name, item in stream:
        if not isinstance(item, FrameScore):
            dropped += item.frames
            events += 1
            continue
        scored[name] += 1
        if name == "even" and scored[name] % every == 0:
            gc.collect()
            memory.append((scored[name], resident_mib()))
            print(*memory[-1], file=sys.stderr, flush=True)
        if scored["even"] == frames:
            break
    stream.close()
    values = np.array([mib for _, mib in memory])
    # During the first tenth, buffers and allocators grow.
    settled = values[len(values) // 10 :]
    half = len(settled) // 2
    return {
        "given": {name: source.given for name, source in sources.items()},
        "scored": scored,
        "dropped": dropped,
        "events": events,
        "hours_at_10_fps": round(scored["even"] / FPS / 3600, 2),
        "seconds": round(time.monotonic() - started, 1),
        "rss_mib_first_half": round(float(np.median(settled[:half])), 2),
        "rss_mib_second_half": round(float(np.median(settled[half:])), 2),
        "growth_mib": round(float(np.median(settled[half:]) - np.median(settled[:half])), 2),
        "rss_mib": [round(mib, 2) for _, mib in memory],
    }


def resident_mib() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main() -> None:
    """Run and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=864_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    text = json.dumps(soak(given.frames), indent=None)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
