"""Compare false alarms on new normal video with the calibrated rate, on UCSD Ped2.

    python benchmarks/calibration.py UCSDped2 [--folds 2 4] [--runs FOLDER]

Trains motion-field, whose scores of training video are cross-fitted by clip, and scores the test
clips. Thresholds come only from the training scores. Their rates on training video and on the
normal frames of test video should agree. Test labels only say which frames are normal. The last
line is JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.evaluation.alarms import AlarmMetrics
from vadkit.evaluation.metrics import Setting
from vadkit.scoring.calibration import load_calibration
from vadkit.scoring.peaks import gap_frames, peaks_over, rate_interval
from vadkit.scoring.scorer import apply, chain_label
from vadkit.workflows.calibrate.saved import read_scores

SHARES = (0.005, 0.01, 0.02, 0.05, 0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--folds", type=int, nargs="+", default=[2])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--run", type=Path, help="A run that is trained and evaluated already.")
    options = parser.parse_args()
    found = {}
    for folds in options.folds:
        run = options.run or train(options.root, folds, options.runs)
        print(f"\n{folds} folds: {run}")
        found[folds] = compare(run)
    print(json.dumps(found))


def train(root: Path, folds: int, runs: Path) -> Path:
    """Return a trained and evaluated run."""
    command = ["train", "recipes/ped2/motion-field.yaml", "--runs", str(runs)]
    command += ["--set", f"dataset.root={root}", "--set", f"calibration.folds={folds}"]
    run = vadkit(*command).split()[-1]
    vadkit("eval", run, "--protocol", "online")
    return Path(run)


def vadkit(*arguments: str) -> str:
    print("vadkit", *arguments, flush=True)
    command = [sys.executable, "-m", "vadkit", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def compare(run: Path) -> list[dict[str, Any]]:
    """Compare rates on training frames and on normal test frames, at levels of training scores."""
    calibration = load_calibration(run)
    kept = read_scores(run / "scores" / "normal.npz")
    assert calibration is not None and kept is not None
    normal = kept[0]
    test, labels = test_scores(run)
    (rate,) = set(normal.rates.values())
    rows: list[dict[str, Any]] = []
    for chain in ([], calibration.chain()):
        train, new = (list(apply(chain, scores).values()) for scores in (normal.scores, test))
        known = np.concatenate(train)
        known = known[~np.isnan(known)]
        quiet = np.concatenate([v[~truth] for v, truth in zip(new, labels.values(), strict=True)])
        quiet = quiet[~np.isnan(quiet)]
        hours = [len(frames) / rate / 3600 for frames in (known, quiet)]
        for share in SHARES:
            level = float(np.quantile(known, 1 - share))
            gap = gap_frames(calibration.merge_s, rate)
            alarms = [
                sum(len(peaks_over(values, level, gap)) for values in train),
                false_alarms(new, list(labels.values()), level, gap, rate),
            ]
            rows.append(
                {
                    "scores": chain_label(chain),
                    "level": level,
                    "training frames": share,
                    "test frames": float(np.mean(quiet >= level)),
                    "test frames without tails": own_frames(new, list(labels.values()), level)
                    / len(quiet),
                    "training alarms/h": alarms[0] / hours[0],
                    "test alarms/h": alarms[1] / hours[1],
                    "test alarms": alarms[1],
                    "low": rate_interval(alarms[1], hours[1])[0],
                    "high": rate_interval(alarms[1], hours[1])[1],
                }
            )
        print(
            f"\n{chain_label(chain)}: {len(known)} training frames, {len(quiet)} normal test ones"
        )
        print("       frames over it                          alarms per hour")
        print("level  training   test ratio  no tails ratio   training   test (95%)       ratio")
        for row in rows[-len(SHARES) :]:
            share = row["training frames"]
            every, own = row["test frames"], row["test frames without tails"]
            ratio = row["test alarms/h"] / max(row["training alarms/h"], 1e-9)
            print(
                f"{row['level']:6.3f} {share:7.1%} {every:6.1%} {every / share:5.2f} {own:9.1%} "
                f"{own / share:5.2f} {row['training alarms/h']:10.0f} {row['test alarms/h']:6.0f} "
                f"({row['low']:.0f} to {row['high']:.0f}) {ratio:6.2f}"
            )
    threshold = calibration.threshold
    live = apply(calibration.chain(), test)
    counted = false_alarms(
        list(live.values()), list(labels.values()), threshold, gap_frames(2, rate), rate
    )
    print(
        f"\nthreshold {threshold:.3f} for {calibration.false_alarms_per_hour:g} an hour: "
        f"{counted} false alarms in {hours[1] * 60:.2f} minutes of normal test video"
    )
    return rows


def false_alarms(
    scores: list[np.ndarray], labels: list[np.ndarray], level: float, gap: int, rate: float
) -> int:
    """Count alarms that begin on a normal frame, like `vadkit eval`."""
    names = [str(number) for number in range(len(scores))]
    setting = Setting(
        threshold=level, rates=dict.fromkeys(names, rate), gaps=dict.fromkeys(names, gap)
    )
    pairs = (dict(zip(names, one, strict=True)) for one in (scores, labels))
    figures = {metric.name: metric.value for metric in AlarmMetrics()(*pairs, setting)}
    seconds = (
        sum(
            np.count_nonzero(~np.isnan(values) & ~truth)
            for values, truth in zip(scores, labels, strict=True)
        )
        / rate
    )
    return round(figures["false-alarms/h"] * seconds / 3600)


def own_frames(scores: list[np.ndarray], labels: list[np.ndarray], level: float) -> int:
    """Count normal frames above a level, in runs that begin on a normal frame.

    Smoothed scores stay high for a while after an anomaly; those frames raise no false alarm.
    """
    count = 0
    for values, truth in zip(scores, labels, strict=True):
        above = np.r_[False, values >= level, False].astype(int)
        for start, stop in np.flatnonzero(np.diff(above)).reshape(-1, 2).tolist():
            if not truth[start]:
                count += np.count_nonzero(~truth[start:stop])
    return count


def test_scores(run: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return raw scores and labels of the test clips, in order."""
    scores, labels = {}, {}
    for path in sorted((run / "scores" / "test").glob("*.npz")):
        with np.load(path) as saved:
            scores[path.stem] = saved["scores"].astype(np.float64)
            labels[path.stem] = saved["labels"].astype(bool)
    return scores, labels


if __name__ == "__main__":
    main()
