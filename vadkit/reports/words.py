"""Describe a run and its evaluation in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from vadkit.reports.record import RunRecord
from vadkit.scoring.calibration import alarm_target
from vadkit.scoring.calibration import duration as hours
from vadkit.scoring.scorer import chain_label


def sentences(record: RunRecord) -> list[str]:
    """Describe what was trained and tested, and which results are comparable."""
    return [_trained(record), _tested(record), *_protocol(record), *_alarms(record)]


def _trained(record: RunRecord) -> str:
    recipe, manifest = record.recipe, record.manifest
    if not recipe:
        return "Frame scores of other code, measured with the labels of the first run."
    clip = recipe["clip"]
    text = f"Method {recipe['method']['type']} on dataset {recipe['dataset']['type']}: clips of "
    text += f"{_count(clip['frames'], 'frame')} of {clip['size'][1]}×{clip['size'][0]} pixels, "
    text += f"{clip['channels']}."
    if "step" in manifest:
        epochs = _count(manifest.get("epochs", 0), "epoch")
        text += f" Trained for {epochs} ({_count(manifest['step'], 'step')})"
        if manifest.get("seconds"):
            text += f" in {duration(manifest['seconds'])}"
        text += f" on {manifest.get('device', 'an unknown device')}"
        text += f" in {manifest.get('precision', 'unknown precision')}"
        text += f", seed {manifest.get('seed', 'unknown')}."
    return text


def _tested(record: RunRecord) -> str:
    frames = sum(map(len, record.labels.values()))
    abnormal = sum(int(one.sum()) for one in record.labels.values())
    unscored = sum(int((one != one).sum()) for one in record.raw.values())
    found = record.evaluation
    text = f"Tested on {_count(frames, 'frame')} of {_count(len(record.labels), 'video')}; "
    text += f"{abnormal:,} of them ({abnormal / max(frames, 1):.0%}) are labelled abnormal. "
    text += f"Labels: {found.get('label_source', 'unknown')}."
    if record.recipe:
        text += (
            f" Checkpoint: {found.get('checkpoint', 'unknown')} (step {found.get('step', '?')})."
        )
    if unscored:
        text += f" {_count(unscored, 'frame')} without a score "
        text += f"{'is' if unscored == 1 else 'are'} left out of all curves."
    if found.get("skipped"):
        text += (
            f" Unreadable videos, left out: {', '.join(found['skipped'])}; these results are not "
        )
        text += "comparable with results on the whole test split."
    return text


def _protocol(record: RunRecord) -> list[str]:
    if not record.recipe:
        return []
    if record.chain == "raw":
        return ["The recipe has no scorers: all curves show raw scores of the method."]
    if record.chain_causal:
        return [f"Scorers: {record.chain}. They use only past frames, as a live system could."]
    return [
        f"Scorers: {record.chain}. They use later frames of a test video, so these results do not "
        "apply to live use; compare them only with results made in the same way. Raw scores do "
        "not use later frames."
    ]


def _alarms(record: RunRecord) -> list[str]:
    """Describe the metrics of the first protocol that has a threshold."""
    metrics = record.evaluation["metrics"]
    protocol = next((one["protocol"] for one in metrics if one["name"] == "threshold"), None)
    text = alarm_words(one for one in metrics if one["protocol"] == protocol)
    if text is None:
        return []
    rows = record.evaluation.get("protocols", [])
    described = {row["words"]: row["name"] for row in rows if "name" in row}
    return [f"{text} Under {described.get(protocol, protocol)}."]


def alarm_words(metrics: Iterable[Mapping[str, Any]]) -> str | None:
    """Describe the metrics at the calibrated threshold, from one protocol; None without one.

    Metrics are as in eval.json: ``name``, ``value``, and ``low`` and ``high`` if there is an
    interval.
    """
    found = {str(metric["name"]): metric for metric in metrics}
    if "threshold" not in found:
        return None
    events = found["events"]["value"]
    parts = [f"F1 {found['f1']['value']:.3f}{_bounds(found['f1'], '.3f')}"]
    if events:
        share = found["events-found"]
        parts.append(
            f"{share['value'] * events:.0f} of {_count(round(events), 'event')} found"
            + _bounds(share, ".0%")
        )
    for name, unit in (("delay-s", "s"), ("delay-frames", "frames")):
        if found.get(name, {}).get("value") is not None:
            parts.append(f"median delay {found[name]['value']:.3g} {unit}")
    if (false := found.get("false-alarms/h")) is not None:
        form = ",.0f" if (false.get("high") or false["value"]) >= 100 else ".3g"
        parts.append(f"{false['value']:{form}} false alarms per hour{_bounds(false, form)}")
    if (inside := found.get("alarm-time")) is not None:
        parts.append(f"{inside['value']:.2%} of normal time inside alarms{_bounds(inside, '.2%')}")
    level = f"At the threshold {found['threshold']['value']:.4g}, "
    if (calibrated := found.get("calibrated-for/h")) is not None:
        limit = found.get("calibrated-for-time", {}).get("value")
        level += f"calibrated on normal video for {alarm_target(calibrated['value'], limit)}"
    else:
        level += "which 99.9% of training frames stay below"
    return f"{level}: {', '.join(parts)}."


def _bounds(metric: Mapping[str, Any], form: str) -> str:
    if metric.get("low") is None:
        return ""
    return f" [{metric['low']:{form}}, {metric['high']:{form}}]"


def level_words(record: RunRecord) -> str:
    """Describe where the threshold comes from."""
    if record.calibration is not None:
        found = record.calibration
        return (
            f"Threshold {found.threshold:.4g}, for scores after {chain_label(found.chain())}: "
            f"calibrated for {found.target}, on "
            f"{hours(found.evidence.hours)} of {found.evidence.source}. No test labels "
            "were used."
        )
    level = record.level("raw")
    if not record.recipe:
        return "No threshold: these are scores of other code."
    if level is None:
        return "No threshold: the run has no normal.json with the scores of training frames."
    assert record.normal is not None
    return (
        f"Threshold {level:.4g}: 99.9% of {record.normal.frames:,} normal training frames "
        "score lower. No test labels were used."
    )


def difference_words(records: list[RunRecord]) -> list[str]:
    """Return the reasons against comparing runs with the first; empty if there are none."""
    first = records[0]
    found: dict[str, list[str]] = {}
    for other in records[1:]:
        for reason in [*_differences(first, other), *_protocol_differences(first, other)]:
            found.setdefault(reason, []).append(other.name)
    return [f"{_joined(names)}: {reason}" for reason, names in found.items()]


def _differences(first: RunRecord, other: RunRecord) -> list[str]:
    pairs = [(first.labels[video], other.labels.get(video)) for video in first.labels]
    reasons = []
    if set(first.labels) != set(other.labels):
        reasons.append(f"tested on other videos than {first.name}.")
    elif not all(np.array_equal(ours, theirs) for ours, theirs in pairs if theirs is not None):
        reasons.append(f"tested with other labels than {first.name}.")
    elif any((np.isnan(first.raw[v]) != np.isnan(other.raw[v])).any() for v in first.raw):
        reasons.append(
            f"other frames have a score than in {first.name}; frames without a score are left out "
            "of the metrics."
        )
    if other.recipe and first.chain != other.chain:
        reasons.append(
            f"the scorers are {other.chain}, those of {first.name} are {first.chain}; compare by "
            "raw scores."
        )
    return reasons


def _protocol_differences(first: RunRecord, other: RunRecord) -> list[str]:
    """Find protocols with the same name but different settings.

    Scores of other code are measured under those of the first run.
    """
    if not other.recipe:
        return []
    ours, theirs = (
        {row["name"]: _but_labels(row["words"], one) for row in one.evaluation.get("protocols", [])}
        for one in (first, other)
    )
    return [
        f"metrics use {theirs[name]}; those of {first.name} use {words}."
        for name, words in ours.items()
        if theirs.get(name, words) != words
    ]


def _but_labels(words: str, record: RunRecord) -> str:
    """Leave out the name of the labels: labels are compared by their content, not their file."""
    return words.removesuffix(f", labels {record.evaluation.get('label_source')}")


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def duration(seconds: float) -> str:
    """Format seconds as "45 s", "12 min" or "3.2 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
