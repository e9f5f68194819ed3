"""Measure thresholds from normal scores that contain rare events, and from clean ones.

    python benchmarks/rare_events.py [--repeats 12] [--hours 0.1 0.5 3 10] [--run RUN]

Scores are made: smooth, with a level that drifts within minutes, and with a light, an exponential
or a heavy tail. Rare events are added in a share of the time, at a multiple of the distance from
the median to the score that 1% of frames exceed. For each case, the script prints the false alarms
per hour that the threshold gives on 300 hours of new clean scores, and its height in the unit of
the events. Without the bound on rare events (``contamination: 0``), the same is printed for
comparison. The last line is JSON.

With ``--run``, an evaluated run on UCSD Ped2, its own scores are measured instead. For each test
video, an abnormal stretch as long as 1% of the training video is added to the normal scores, as if
it had been there, and events are counted in the other test videos. Half of the training videos then
calibrate for the other half, without rare events.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
from scipy.signal import lfilter
from scipy.special import erf

from vadkit.evaluation.alarms import find_events
from vadkit.scoring.calibration import load_calibration
from vadkit.scoring.fitting import calibrate
from vadkit.scoring.peaks import gap_frames, peaks_over
from vadkit.scoring.scorer import apply
from vadkit.workflows.calibrate.saved import read_scores

RATE = 5.0
KINDS = ("light", "exponential", "heavy")
# The share of time of rare events, their height, and their number.
CASES = (None, (0.015, 4.0, 3), (0.015, 12.0, 3), (0.005, 12.0, 1), (0.015, 12.0, 12))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--hours", type=float, nargs="+", default=[0.1, 0.5, 3, 10])
    parser.add_argument("--run", type=Path)
    options = parser.parse_args()
    if options.run is not None:
        real(options.run)
        return
    rows = []
    print("tail         hours  rare events       bound  false alarms/h (90%)   height (most)")
    for kind in KINDS:
        new = made(np.random.default_rng(0), 300, kind)
        for hours in options.hours:
            for case in CASES:
                for contamination in (0.0, 0.02):
                    row = measure(kind, hours, case, contamination, options.repeats, new)
                    rows.append(row)
                    named = "none" if case is None else f"{case[2]} of {case[1]:g}, {case[0]:.1%}"
                    print(
                        f"{kind:12s} {hours:5g}  {named:16s}  {contamination:5.0%}  "
                        f"{row['rate']:10.2f} ({row['rate_90']:.2f})    "
                        f"{row['height']:8.2f} ({row['most']:.2f})",
                        flush=True,
                    )
    print(json.dumps(rows))


def real(run: Path) -> None:
    """Print thresholds and events found with a rare event among the normal scores of a run."""
    known, kept = load_calibration(run), read_scores(run / "scores" / "normal.npz")
    assert known is not None and kept is not None
    normal, chain = kept[0], known.chain()
    rate = next(iter(normal.rates.values()))
    test, labels = {}, {}
    for path in sorted((run / "scores" / "test").glob("*.npz")):
        with np.load(path) as saved:
            test[path.stem], labels[path.stem] = saved["scores"].astype(float), saved["labels"]
    live = apply(chain, test)
    length = round(0.01 * sum(map(len, normal.scores.values())))
    print("rare event of  bound  threshold  rare  events found")
    for video, values in test.items():
        middle = int(np.nanargmax(np.where(labels[video], values, np.nan)))
        first = max(0, min(middle - length // 2, len(values) - length))
        # It is in the middle of a training video.
        scores = {id: one.copy() for id, one in normal.scores.items()}
        longest = max(scores, key=lambda id: len(scores[id]))
        scores[longest] = np.insert(scores[longest], 60, values[first : first + length])
        others = {id: one for id, one in live.items() if id != video}
        for contamination in (0.0, 0.02):
            found = calibrate(
                scores, normal.rates, known.scorers, source="run", contamination=contamination
            )
            events = find_events(others, {id: labels[id] for id in others}, found.threshold)
            hit = sum(event.delay is not None for event in events)
            print(
                f"{video:13s}  {contamination:5.0%}  {found.threshold:9.3f}  "
                f"{found.evidence.rare:4d}  {hit} of {len(events)}"
            )
    halves = [dict(list(normal.scores.items())[part::2]) for part in (0, 1)]
    for ours, theirs in (halves, halves[::-1]):
        found = calibrate(ours, normal.rates, known.scorers, source="half")
        alarms = sum(
            len(peaks_over(one, found.threshold, gap_frames(2, rate)))
            for one in apply(chain, theirs).values()
        )
        print(
            f"half of the training videos: threshold {found.threshold:.3f}, expected "
            f"{found.evidence.expected_per_hour:.1f}/h; alarms in the other half: {alarms}"
        )


def measure(
    kind: str,
    hours: float,
    case: tuple[float, float, int] | None,
    contamination: float,
    repeats: int,
    new: np.ndarray,
) -> dict[str, object]:
    """Return the median and the 90% quantile of the rate, and of the threshold's height."""
    rates, heights = [], []
    for seed in range(1, repeats + 1):
        draw = np.random.default_rng(seed)
        scores = made(draw, hours, kind)
        middle = float(np.median(scores))
        unit = float(np.quantile(scores, 0.99)) - middle
        if case is not None:
            scores = with_events(draw, scores, unit, *case)
        found = calibrate(
            {"v": scores}, {"v": RATE}, [], source="made", contamination=contamination
        )
        alarms = len(peaks_over(new, found.threshold, gap_frames(2, RATE)))
        rates.append(alarms / (len(new) / RATE / 3600))
        heights.append((found.threshold - middle) / unit)
    return {
        "tail": kind,
        "hours": hours,
        "events": case,
        "contamination": contamination,
        "rate": float(np.median(rates)),
        "rate_90": float(np.quantile(rates, 0.9)),
        "height": float(np.median(heights)),
        "most": max(heights),
    }


def made(draw: np.random.Generator, hours: float, kind: str) -> np.ndarray:
    """Return scores (N,) that are correlated for a second, on a level that drifts for minutes."""
    count = int(hours * 3600 * RATE)
    fast, slow = (smooth(draw, count, seconds) for seconds in (1.0, 600.0))
    scores = (fast + 0.5 * slow) / math.sqrt(1.25)
    if kind == "light":
        return scores
    if kind == "heavy":
        return np.asarray(np.exp(0.6 * scores))
    return -np.log(0.5 * (1 - np.minimum(erf(scores / math.sqrt(2)), 1 - 1e-15)))


def smooth(draw: np.random.Generator, count: int, seconds: float) -> np.ndarray:
    """Return noise of variance 1 that is correlated for this long."""
    keep = math.exp(-1 / (seconds * RATE))
    start = [keep * draw.normal()]
    steps = draw.normal(size=count)
    return np.asarray(lfilter([math.sqrt(1 - keep**2)], [1, -keep], steps, zi=start)[0])


def with_events(
    draw: np.random.Generator,
    scores: np.ndarray,
    unit: float,
    share: float,
    height: float,
    events: int,
) -> np.ndarray:
    """Return the scores with rare events of equal length, 0.6 to 1.4 times ``height`` high."""
    found = scores.copy()
    each = max(int(share * len(scores) / events), 2)
    shape = np.hanning(each + 2)[1:-1] ** 0.3
    for first in draw.integers(len(scores) - each, size=events):
        found[first : first + each] += unit * height * draw.uniform(0.6, 1.4) * shape
    return found


if __name__ == "__main__":
    main()
