"""Read the data of a report from run folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from vadkit.errors import DataError, RecipeError, TrainingError
from vadkit.reading import parse_json, read_json
from vadkit.recipe import Spec
from vadkit.reports.record import RunRecord
from vadkit.text import video_file
from vadkit.workflows.build import build_list
from vadkit.workflows.evaluate.evaluation import Evaluation
from vadkit.workflows.evaluate.protocols import LabelledScores, build_protocols, evaluate_scored
from vadkit.workflows.evaluate.run_scores import read_score_file
from vadkit.workflows.outside.scores import are_scores, labelled_scores
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
    rates: dict[str, float] = {}


def load_records(
    runs: Sequence[Path], *, offset: int = 0, segment: int | None = None
) -> list[RunRecord]:
    """Return the records of evaluated runs, with unique names, in the given order.

    After the first run, scores of other code may stand (see ``_outside_record``). Raises
    ``TrainingError`` for a folder that is not a run or was not evaluated, ``DataError`` for
    unreadable scores, and ``RecipeError`` if scores of other code come first.
    """
    folders = list(dict.fromkeys(run.absolute() for run in runs))
    others = [are_scores(folder) for folder in folders]
    if others[0]:
        raise RecipeError(
            f"{runs[0]} has scores of other code; give a run first, whose labels and videos the "
            "report shows (`vadkit eval --scores` measures scores alone)"
        )
    if not any(others) and (offset or segment is not None):
        raise RecipeError("--offset and --segment need scores of other code")
    records: list[RunRecord] = []
    for folder, other in zip(folders, others, strict=True):
        found = (
            _outside_record(folder, records[0], offset, segment) if other else _load_record(folder)
        )
        records.append(found)
    for record in _of_one_name(records):
        if record.recipe:
            record.name += f", seed {record.recipe['train']['seed']}"
    for record in _of_one_name(records):
        # The name of a run folder contains its time and the hash of its recipe.
        record.name += f" {record.folder.name if record.recipe else record.folder.parent.name}"
    return records


def _outside_record(
    path: Path, first: RunRecord, offset: int = 0, segment: int | None = None
) -> RunRecord:
    """Return the record of frame scores of other code, with the test videos and labels of a run.

    It has no recipe, and its metrics are those of the protocols of the run's recipe.
    """
    recipe = load_run(first.folder, first.overrides)
    truth = LabelledScores(
        first.raw, first.labels, first.evaluation.get("label_source", "unknown"), rates=first.rates
    )
    scored = labelled_scores(path, truth, offset=offset, segment=segment)
    results = evaluate_scored(
        scored,
        build_protocols(recipe.protocols),
        build_list("evaluators", [Spec(type="frame-auc")]),
    )
    evaluation = Evaluation(str(path), None, None, scored.label_source, [], results)
    return RunRecord(
        name=path.name,
        folder=path,
        recipe={},
        recipe_text="",
        manifest={},
        evaluation=evaluation.as_data(),
        training=[],
        normal=None,
        chain="raw",
        chain_causal=True,
        chain_keeps_unit=True,
        raw=scored.scores,
        final=scored.scores,
        labels=scored.labels,
        rates=first.rates,
        notes=unscored_notes(scored.scores),
    )


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
        rates=meta.get("rates", {}),
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
