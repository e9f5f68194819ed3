"""Frame scores of several runs on the scale of their training video, fused without labels.

    python benchmarks/fuse_runs.py OUT RUN RUN [RUN ...]

Takes evaluated runs on one data set, of any methods: the method ``fusion`` takes only methods
without gradients as its parts. The score of a run becomes a level: 0 is the median of its training
frames, 1 is the score that 1% of them exceed (``normal.json`` of the run). Writes to OUT, for
`vadkit eval --scores`, the highest level of each frame, and prints micro and macro AUC of each
run, of the highest level and of the mean level, over the frames that all runs score. Training
frames have lower scores than unseen normal video if a method fits them closely, so the levels of
different methods are comparable only roughly.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

Videos = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    given = parser.parse_args()
    each = [levels(run) for run in given.runs]
    rows = dict(zip((run.parent.name for run in given.runs), each, strict=True))
    rows |= {"highest": fused(each, np.max), "mean": fused(each, np.mean)}
    truth = {path.stem: np.load(path)["labels"] > 0 for path in files(given.runs[0])}
    scored = {name: ~np.isnan(one) for name, one in rows["mean"].items()}
    for name, found in rows.items():
        micro, macro = areas(found, truth, scored)
        print(f"{name:<28} {micro:.4f}  {macro:.4f}")
    given.out.mkdir(parents=True, exist_ok=True)
    for name, one in rows["highest"].items():
        np.save(given.out / f"{name}.npy", one)


def files(run: Path) -> list[Path]:
    """Return the files of a run's scores, one for each test video."""
    return [p for p in sorted((run / "scores/test").glob("*.npz")) if p.stem != "detections"]


def levels(run: Path) -> Videos:
    """Return the levels (N,) of a run's scores by video; NaN where there is no score."""
    normal = json.loads((run / "normal.json").read_text())
    usual, high = normal["frame_q50"], normal["frame_q99"]
    return {path.stem: (np.load(path)["scores"] - usual) / (high - usual) for path in files(run)}


def fused(runs: Sequence[Videos], how: np.ufunc) -> Videos:
    """Return one value (N,) for each frame; NaN unless all runs have a score."""
    return {name: how(np.stack([one[name] for one in runs]), axis=0) for name in runs[0]}


def areas(found: Videos, truth: Videos, scored: Videos) -> tuple[float, float]:
    """Return micro and macro AUC over the scored frames."""
    pairs = [(truth[name][scored[name]], found[name][scored[name]]) for name in found]
    labels, scores = (np.concatenate(part) for part in zip(*pairs, strict=True))
    both = [roc_auc_score(y, s) for y, s in pairs if 0 < y.mean() < 1]
    return float(roc_auc_score(labels, scores)), float(np.mean(both))


if __name__ == "__main__":
    main()
