"""Frame scores of several runs on the scale of their training video, fused without labels.

    python benchmarks/fuse_runs.py OUT RUN [RUN ...] [--memory 0.7]

Takes evaluated runs on one data set, of any methods: the method ``fusion`` takes only methods
without gradients as its parts. The score of a run becomes a level: 0 is the median of its training
frames, 1 is the score that 1% of them exceed (``normal.json`` of the run). Writes to OUT, for
`vadkit eval --scores`, the highest level of each frame, and prints micro and macro AUC of each
run, of the highest level and of the mean level, over the frames that all runs score. Training
frames have lower scores than unseen normal video if a method fits them closely, so the levels of
different methods are comparable only roughly.

With ``--memory``, the score of each object is averaged over the past of its track, as
``motion-field`` averages speeds along the flow; tracks are the saved boxes, linked by overlap.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from vadkit.data.detections import read_detections
from vadkit.data.objects.linking import averaged, link_boxes

Videos = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--memory", type=float, default=0.0)
    given = parser.parse_args()
    each = [levels(run, given.memory) for run in given.runs]
    rows = dict(zip((str(run) for run in given.runs), each, strict=True))
    rows |= {"highest": fused(each, np.max), "mean": fused(each, np.mean)}
    truth = {path.stem: np.load(path)["labels"] > 0 for path in files(given.runs[0])}
    scored = {name: ~np.isnan(one) for name, one in rows["mean"].items()}
    for name, found in rows.items():
        micro, macro = areas(found, truth, scored)
        print(f"{micro:.4f}  {macro:.4f}  {name}")
    given.out.mkdir(parents=True, exist_ok=True)
    for name, one in rows["highest"].items():
        np.save(given.out / f"{name}.npy", one)


def files(run: Path) -> list[Path]:
    """Return the files of a run's scores, one for each test video."""
    return [p for p in sorted((run / "scores/test").glob("*.npz")) if p.stem != "detections"]


def levels(run: Path, memory: float) -> Videos:
    """Return the levels (N,) of a run's scores by video; NaN where there is no score."""
    normal = json.loads((run / "normal.json").read_text())
    usual, high = normal["frame_q50"], normal["frame_q99"]
    scores = {path.stem: np.load(path)["scores"] for path in files(run)}
    detections = run / "scores/test/detections.npz"
    if memory and detections.is_file():
        found = read_detections(detections)
        scores = {name: steady(one, found[name], memory) for name, one in scores.items()}
    return {name: (one - usual) / (high - usual) for name, one in scores.items()}


def steady(scores: np.ndarray, detections: np.ndarray, memory: float) -> np.ndarray:
    """Return scores (N,) of frames from the averaged scores of objects (n, 6)."""
    rows = detections[np.argsort(detections[:, 0], kind="stable")]
    frame = rows[:, 0].astype(int)
    tracks = link_boxes(frame, rows[:, 1:5])
    found = np.where(np.isnan(scores), np.nan, np.nanmin(scores))
    np.maximum.at(found, frame, averaged(frame, tracks, rows[:, 5], memory))
    return found


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
