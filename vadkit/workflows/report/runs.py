"""Read the data of a report from run folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from vadkit.errors import DataError, TrainingError
from vadkit.reading import parse_json, read_json
from vadkit.reports.record import RunRecord
from vadkit.text import video_file
from vadkit.workflows.build import build_list
from vadkit.workflows.evaluate.run_scores import read_score_file
from vadkit.workflows.run import load_run, read_manifest
from vadkit.workflows.run_status import unfinished
from vadkit.workflows.score_notes import unscored_notes


class _Metric(BaseModel):
    name: str
    value: float | None
    protocol: str


class _Protocol(BaseModel):
    words: str


class _Evaluation(BaseModel):
    """The fields of ``eval.json`` that reports need."""

    metrics: list[_Metric]
    protocols: list[_Protocol] = []
    checkpoint: str | None = "last"
    notes: list[str] = []


class _Scores(BaseModel):
    """The fields of the record of saved scores that reports need."""

    videos: list[str] = []
    overrides: list[str] = []


def load_records(runs: Sequence[Path]) -> list[RunRecord]:
    """Return the records of evaluated runs, with unique names, in the given order.

    Raises ``TrainingError`` for a folder that is not a run or was not evaluated, and ``DataError``
    for unreadable scores.
    """
    folders = list(dict.fromkeys(run.absolute() for run in runs))
    records = [_load_record(run) for run in folders]
    for record in _of_one_name(records):
        record.name += f", seed {record.recipe['train']['seed']}"
    for record in _of_one_name(records):
        # The name of a run folder contains its time and the hash of its recipe.
        record.name += f" {record.folder.name}"
    return records


def _of_one_name(records: Sequence[RunRecord]) -> list[RunRecord]:
    names = [record.name for record in records]
    return [record for record in records if names.count(record.name) > 1]


def _load_record(run: Path) -> RunRecord:
    from vadkit.data.pace import paces_of
    from vadkit.scoring.calibration import load_calibration
    from vadkit.scoring.normal import load_normal
    from vadkit.scoring.scorer import apply, chain_keeps_unit, chain_label

    load_run(run)  # first, because it has the best error message for a wrong folder
    evaluation = _read_json(run / "eval.json", run, _Evaluation)
    meta = _read_json(run / "scores" / "test" / "meta.json", run, _Scores)
    overrides = tuple(meta.get("overrides", ()))
    recipe = load_run(run, overrides)
    raw, labels = {}, {}
    for video in meta.get("videos", []):
        raw[video], labels[video] = _read_scores(run, video)
    if not raw:
        raise DataError(f"run {run} has no scores of any test video; run: vadkit eval {run}")
    scorers, calibration = build_list("scorers", recipe.scorers), load_calibration(run)
    if not scorers and calibration is not None:
        # The scores of a live system, to which the threshold applies.
        scorers = calibration.chain()
    training, notes = _read_lines(run / "metrics.jsonl")
    notes = unfinished([run]) + notes + unscored_notes(raw)
    return RunRecord(
        name=recipe.name,
        folder=run,
        recipe=recipe.as_data(),
        recipe_text=(run / "recipe.yaml").read_text(encoding="utf-8"),
        manifest=read_manifest(run),
        evaluation=evaluation,
        training=training,
        normal=load_normal(run),
        chain=chain_label(scorers),
        chain_causal=all(scorer.causal for scorer in scorers),
        chain_keeps_unit=chain_keeps_unit(scorers),
        raw=raw,
        final=apply(scorers, raw, paces_of(meta.get("rates", {}), recipe.clip.fps)),
        labels=labels,
        overrides=overrides,
        calibration=calibration,
        notes=notes,
    )


def _read_json(path: Path, run: Path, kind: type[BaseModel]) -> dict[str, Any]:
    if not path.is_file():
        raise TrainingError(
            f"run {run} was not evaluated: it has no {path.name}; run: vadkit eval {run}"
        )
    data: dict[str, Any] = read_json(path, kind, f"run: vadkit eval {run}")
    return data


def _read_scores(run: Path, video: str) -> tuple[np.ndarray, np.ndarray]:
    path = video_file(run / "scores" / "test", video, ".npz")
    try:
        scores, labels = read_score_file(path)
        if scores.ndim != 1 or scores.shape != labels.shape:
            raise ValueError(f"it contains {scores.shape} scores and {labels.shape} labels")
        return scores, labels
    except (OSError, ValueError) as error:
        raise DataError(
            f"saved scores {path} cannot be read ({error}); delete {path.parent} and run: "
            f"vadkit eval {run}"
        ) from None


def _read_lines(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the lines of metrics.jsonl, and notes on damaged lines."""
    if not path.is_file():
        return [], ["No training curves: the run has no metrics.jsonl (hook metrics-log)."]
    lines, damaged = [], 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found = parse_json(line)
        except ValueError:
            found = None
        if isinstance(found, dict):
            lines.append(found)
        else:
            damaged += 1
    return lines, [f"{damaged} damaged lines of metrics.jsonl are left out."] if damaged else []
