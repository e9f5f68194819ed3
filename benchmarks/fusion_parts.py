"""Fusion against each of its parts, and against the simplest baseline, on labelled video.

    python benchmarks/fusion_parts.py RUN [RUN ...]

Takes evaluated runs of ``fusion``: `vadkit train RECIPE`, then `vadkit eval RUN`. The scale of a
part is linear, so the AUC of its levels is that of its scores. The baseline is the Euclidean
distance of a whole frame, in grey levels of 16x32 pixels, to the nearest of at most 5,000 training
frames. Prints micro and macro AUC of raw scores, over the frames that fusion scores; with `--json`
as `vadkit eval` prints metrics, of the part in place of the protocol.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from vadkit.data.videos import FrameReader
from vadkit.workflows.build import load_videos
from vadkit.workflows.frames import store_videos
from vadkit.workflows.run import load_run

SMALL, MOST, BLOCK = (32, 16), 5000, 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for run in given.runs:
        if given.json:
            print(json.dumps({"metrics": metrics(areas(run))}))
            continue
        print(f"{load_run(run).name}\n  {'':<12} micro  macro")
        for name, (micro, macro) in areas(run).items():
            print(f"  {name:<12} {micro:.3f}  {macro:.3f}")


def metrics(found: dict[str, tuple[float, float]]) -> list[dict[str, str | float]]:
    return [
        {"protocol_name": part, "name": name, "value": value}
        for part, both in found.items()
        for name, value in zip(("micro-auc", "macro-auc"), both, strict=True)
    ]


def areas(run: Path) -> dict[str, tuple[float, float]]:
    """Return micro and macro AUC of fusion, of each part, and of the baseline."""
    saved = [np.load(path) for path in sorted((run / "scores/test").glob("*.npz"))]
    known = [~np.isnan(one["scores"]) for one in saved]
    labels = [one["labels"][k] > 0 for one, k in zip(saved, known, strict=True)]
    names = [name for name in saved[0].files if name.startswith("part.")]
    scores = {
        name.removeprefix("part."): [one[name][k] for one, k in zip(saved, known, strict=True)]
        for name in ("scores", *names)
    }
    scores["fusion"] = scores.pop("scores")
    baseline = whole_frames(run)
    if [len(one) for one in baseline] == [len(one) for one in known]:
        scores["whole frame"] = [one[k] for one, k in zip(baseline, known, strict=True)]
    return {name: (micro(each, labels), macro(each, labels)) for name, each in scores.items()}


def micro(scores: list[np.ndarray], labels: list[np.ndarray]) -> float:
    return float(roc_auc_score(np.concatenate(labels), np.concatenate(scores)))


def macro(scores: list[np.ndarray], labels: list[np.ndarray]) -> float:
    both = [(y, s) for s, y in zip(scores, labels, strict=True) if 0 < y.mean() < 1]
    return float(np.mean([roc_auc_score(y, s) for y, s in both])) if both else math.nan


def whole_frames(run: Path) -> list[np.ndarray]:
    """Return the distance of each test frame to the nearest training frame, by video."""
    recipe = load_run(run)
    train, _ = store_videos(recipe, load_videos(recipe, "train"))
    bank = np.concatenate([small(video) for video in train])
    bank = bank[np.linspace(0, len(bank) - 1, min(MOST, len(bank))).astype(int)]
    test, _ = store_videos(recipe, load_videos(recipe, "test"))
    return [
        np.array([np.sqrt(np.square(bank - frame).sum(axis=1).min()) for frame in small(video)])
        for video in sorted(test, key=lambda one: one.id)
    ]


def small(video: FrameReader) -> np.ndarray:
    """Return small grey frames (N, 512)."""
    return np.concatenate(list(_blocks(video)))


def _blocks(video: FrameReader) -> Iterator[np.ndarray]:
    for start in range(0, len(video), BLOCK):
        frames = video.read(start, min(start + BLOCK, len(video)))
        gray = [
            f[..., 0] if f.shape[-1] == 1 else cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames
        ]
        rows = [cv2.resize(one, SMALL, interpolation=cv2.INTER_AREA).ravel() for one in gray]
        yield np.stack(rows).astype(np.float32)


if __name__ == "__main__":
    main()
