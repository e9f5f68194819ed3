"""What the page of a report draws, as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vadkit.reports import curves, words
from vadkit.reports.metric_table import metric_table
from vadkit.reports.mistakes import Mistake
from vadkit.reports.record import RunRecord
from vadkit.reports.thumbnails import heat_thumbnail, thumbnail
from vadkit.scoring.scorer import apply, chain_label

# What each line of metrics.jsonl holds beside measured values.
NOT_MEASURED = ("event", "epoch", "step", "time")


def run_data(
    record: RunRecord,
    media: dict[str, dict[str, Any]],
    mistakes: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    """One run. ``media`` says by video where its pictures are, or why there are none."""
    kinds = [("raw", "raw", record.raw)]
    if record.chain != "raw":
        kinds.append(("final", record.chain, record.final))
    live = record.calibration.chain() if record.calibration is not None else []
    if live and record.level(record.chain) is None:
        # The recipe's scorers look ahead; these are what the threshold is for.
        kinds.append(("live", chain_label(live), apply(live, record.raw)))
    aucs = curves.video_aucs(record.raw, record.labels)
    # The worst first; videos of one class have no AUC and stand at the end.
    order = sorted(record.raw, key=lambda video: (aucs[video] is None, aucs[video] or 0.0))
    return {
        "name": record.name,
        "folder": str(record.folder),
        "sentences": words.sentences(record),
        "notes": record.notes,
        "table": metric_table(record.evaluation),
        "kinds": [_kind_data(record, *kind) for kind in kinds],
        "levelWords": words.level_words(record),
        "training": training_series(record.training),
        "videos": [
            {
                "id": video,
                "auc": _number(aucs[video]),
                "frames": len(record.raw[video]),
                "intervals": intervals(record.labels[video]),
                "scores": {key: _numbers(scores[video]) for key, _, scores in kinds},
                **media[video],
            }
            for video in order
        ],
        "mistakes": mistakes,
        "environment": _environment(record.manifest),
        "recipe": record.recipe_text,
    }


def mistake_data(
    mistake: Mistake, frame_rgb: np.ndarray | None, heat: np.ndarray | None
) -> dict[str, Any]:
    """One false alarm or miss; thumbnails of its frame (H, W, 3) uint8 and of heat (h, w) 0..1."""
    data: dict[str, Any] = {
        "video": mistake.video,
        "frame": mistake.frame,
        "score": _number(mistake.score),
        "share": round(mistake.share, 4),
    }
    if frame_rgb is not None:
        data["shape"] = round(frame_rgb.shape[1] / frame_rgb.shape[0], 4)
        data["picture"] = thumbnail(frame_rgb)
        if heat is not None:
            data["heat"] = heat_thumbnail(heat, frame_rgb)
    return data


def intervals(labels: np.ndarray) -> list[list[int]]:
    """Half-open [start, stop) runs of abnormal frames in labels (N,)."""
    edges = np.flatnonzero(np.diff(labels.astype(np.int8), prepend=0, append=0))
    found: list[list[int]] = edges.reshape(-1, 2).tolist()
    return found


def training_series(lines: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, list[Any]]]]:
    """Measured values by group and name, each with its steps ``x`` and values ``y``.

    Groups: the loss and its terms ("training"), values measured on the test split while training
    ("test") or on pseudo-anomalies ("pseudo", without those of single strengths), and of names with
    a slash the part before it ("lr").
    """
    groups: dict[str, dict[str, dict[str, list[Any]]]] = {}
    for line in lines:
        for name, value in line.items():
            if name in NOT_MEASURED or isinstance(value, bool):
                continue
            if not isinstance(value, int | float) or "step" not in line:
                continue
            group, _, short = name.rpartition("/")
            if line.get("event") == "evaluated":
                group, short = "pseudo" if name.startswith("pseudo-") else "test", name
                if group == "pseudo" and "@" in name:
                    continue
            named = groups.setdefault(group or "training", {})
            series = named.setdefault(short, {"x": [], "y": []})
            series["x"].append(line["step"])
            series["y"].append(_number(value))
    return groups


def _kind_data(
    record: RunRecord, key: str, label: str, scores: dict[str, np.ndarray]
) -> dict[str, Any]:
    truth, values = curves.pool(scores, record.labels)
    shown = curves.histogram(truth, values)
    data: dict[str, Any] = {
        "key": key,
        "label": label,
        "level": _number(record.level(label)),
        "histogram": {name: _numbers(part) for name, part in shown._asdict().items()},
    }
    if curves.has_both_classes(truth):
        for name, curve in (
            ("roc", curves.roc(truth, values)),
            ("pr", curves.precision_recall(truth, values)),
        ):
            data[name] = {"x": _numbers(curve.x), "y": _numbers(curve.y), "area": curve.area}
        data["abnormalShare"] = float(truth.mean())
    return data


def _environment(manifest: dict[str, Any]) -> list[list[str]]:
    rows: list[list[Any]] = [
        ["python", manifest.get("python")],
        ["platform", manifest.get("platform")],
    ]
    rows += [[name, version] for name, version in manifest.get("versions", {}).items()]
    for name in ("git", "device", "precision", "cpu_cores", "seed", "created", "finished"):
        rows.append([name.replace("_", " "), manifest.get(name)])
    dataset = manifest.get("dataset", {})
    rows.append(["data set fingerprint", dataset.get("fingerprint")])
    return [[name, str(value)] for name, value in rows if value is not None]


def _number(value: float | None) -> float | None:
    """Five digits are more than a plot shows; None stands for NaN and infinity in JSON."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.5g}")


def _numbers(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in values.tolist()]
