"""The data that the page of a report draws, as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vadkit.arrays import runs
from vadkit.reports import curves, words
from vadkit.reports.metric_table import metric_table
from vadkit.reports.mistakes import Mistake
from vadkit.reports.record import RunRecord
from vadkit.reports.thumbnails import heat_thumbnail, thumbnail
from vadkit.scoring.scorer import apply, chain_label

# The keys of lines of metrics.jsonl that are not metrics.
NOT_MEASURED = ("event", "epoch", "step", "time", "on", "parts")


def run_data(
    record: RunRecord,
    media: dict[str, dict[str, Any]],
    mistakes: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    """Return the data of one run. ``media`` has the location of each video, or a reason."""
    kinds = [("raw", "raw", record.raw)]
    if record.chain != "raw":
        kinds.append(("final", record.chain, record.final))
    live = record.calibration.chain() if record.calibration is not None else []
    if live and record.level(record.chain) is None:
        # The recipe's scorers are not causal; the threshold applies to these scores instead.
        kinds.append(("live", chain_label(live), apply(live, record.raw)))
    aucs = curves.video_aucs(record.raw, record.labels)
    # The worst first; videos of one class have no AUC and come last.
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
                "intervals": runs(record.labels[video]),
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
    """Return one false alarm or miss, with thumbnails of its frame (H, W, 3) and heat (h, w)."""
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


def training_series(lines: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, list[Any]]]]:
    """Return metrics by group and name, each with its steps ``x`` and values ``y``.

    The groups are: the loss and its terms ("training"), metrics on the test split during training
    ("test") or on pseudo-anomalies ("pseudo", without single strengths), and for names with a slash
    the part before it ("lr").
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
                if (of_evaluation := _evaluated_group(line, name)) is None:
                    continue
                group, short = of_evaluation, name
            named = groups.setdefault(group or "training", {})
            series = named.setdefault(short, {"x": [], "y": []})
            series["x"].append(line["step"])
            series["y"].append(_number(value))
    return groups


# The groups of metrics by what was evaluated.
_GROUPS = {"pseudo-anomaly": "pseudo", "held-out": "held out"}


def _evaluated_group(line: dict[str, Any], name: str) -> str | None:
    """Return the group of a metric in a line of an evaluation; None for a single strength."""
    if "parts" in line:
        if line["parts"].get(name, {}).get("strength") is not None:
            return None
        return _GROUPS.get(line.get("on", "test"), "test")
    # Lines of earlier versions have only the names.
    if name.startswith("pseudo-"):
        return None if "@" in name else "pseudo"
    return "test"


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
    rows.append(["dataset fingerprint", dataset.get("fingerprint")])
    return [[name, str(value)] for name, value in rows if value is not None]


def _number(value: float | None) -> float | None:
    """Round to five digits, enough for a plot; None replaces NaN and infinity in JSON."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.5g}")


def _numbers(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in values.tolist()]
