"""Evaluate a run: score its test split under the protocols of its recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.arguments import as_name, as_path, as_texts
from vadkit.errors import RecipeError, TrainingError
from vadkit.files import check_writable, write_json
from vadkit.recipe import Recipe, Spec
from vadkit.workflows.build import build_list
from vadkit.workflows.evaluate.maps import (
    MapResults,
    default_evaluators,
    evaluate_maps,
    is_of_detections,
    split_evaluators,
)
from vadkit.workflows.evaluate.protocols import (
    Result,
    build_protocols,
    evaluate_scored,
    published_names,
)
from vadkit.workflows.evaluate.run_scores import checkpoint_names, score_run
from vadkit.workflows.evaluate.views import as_frame, as_html, as_text, missing_key
from vadkit.workflows.pseudo import PseudoResults, evaluate_pseudo
from vadkit.workflows.ray_cluster import check_address
from vadkit.workflows.run import checkpoint_file, load_run, require_run
from vadkit.workflows.run_status import RunStatus, run_status
from vadkit.workflows.score_notes import score_notes

if TYPE_CHECKING:
    import pandas

    from vadkit.evaluation.metrics import Metric
    from vadkit.evaluation.protocol import Protocol

BEST_ON_TEST = "best-on-test"
# The names that protocols use for the checkpoints of a run.
_FILES = {"best-training-loss": "best"}


@dataclass(frozen=True, repr=False)
class Evaluation(Mapping[str, Result]):
    """The result of an evaluation: a mapping from protocol names to their metrics.

    ``evaluation["raw"]["micro-auc"]`` is a number. ``frame()`` is a table of all metrics with their
    intervals. In a notebook, an evaluation is shown as a table.

    ``run`` is the folder of a run or of scores. ``checkpoint`` and ``step`` tell which model made
    the scores (None for scores from other code). ``skipped`` lists the videos that were left out,
    ``maps`` has the metrics of score maps, and ``pseudo`` those on pseudo-anomalies, if the recipe
    holds out videos for them. ``notes`` are remarks for the reader, and ``status`` is the training
    progress of the run.
    """

    run: str
    checkpoint: str | None
    step: int | None
    label_source: str
    skipped: list[str]
    results: list[Result]
    maps: MapResults = field(default_factory=MapResults)
    pseudo: PseudoResults = field(default_factory=PseudoResults)
    notes: list[str] = field(default_factory=list)
    status: RunStatus | None = None

    def __getitem__(self, protocol: str) -> Result:
        """Return the result of a protocol; ``KeyError`` with the nearest names otherwise."""
        for result in self.results:
            if result.protocol.name == protocol:
                return result
        raise missing_key(protocol, self, "protocol")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the protocols."""
        return iter(dict.fromkeys(result.protocol.name for result in self.results))

    def __len__(self) -> int:
        """The number of protocols."""
        return len(list(iter(self)))

    def __repr__(self) -> str:
        """Return the main metrics in a few lines."""
        return as_text(self._heading(), self.results, self._of_no_frames())

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        return as_html(self._heading(), self.results, self._of_no_frames(), self.notes)

    def frame(self) -> pandas.DataFrame:
        """Return all metrics as a pandas DataFrame, with one row per metric.

        The columns are ``protocol``, ``metric``, ``value``, ``low``, ``high`` (the bounds of the
        interval, NaN without one), ``measure``, ``category``, ``rate`` and ``strength``. Raises
        ``RecipeError`` if pandas is not installed.
        """
        return as_frame(self.metrics)

    def _heading(self) -> str:
        made_by = "" if self.checkpoint is None else f", checkpoint {self.checkpoint}"
        made_by += "" if self.step is None else f", step {self.step:,}"
        warning = self.status.warning(self.run) if self.status is not None else None
        return f"Evaluation of {self.run}{made_by}" + (f" ({warning})" if warning else "")

    def _of_no_frames(self) -> list[Metric]:
        return [*self.maps.metrics, *self.pseudo.metrics]

    @property
    def metrics(self) -> list[Metric]:
        """All metrics; each has its protocol."""
        of_frames = [metric for result in self.results for metric in result.metrics]
        return [*of_frames, *self._of_no_frames()]

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data; undefined metrics are null, and only some have intervals."""
        return {
            "run": self.run,
            "checkpoint": self.checkpoint,
            "step": self.step,
            "label_source": self.label_source,
            "skipped": self.skipped,
            "protocols": [result.as_data() for result in self.results],
            "metrics": [metric.as_data() for metric in self.metrics],
            "not_measured": self.maps.missing | self.pseudo.missing,
            "notes": self.notes,
            **(self.status.as_data() if self.status is not None else {}),
        }


def evaluate(
    run: Path | str,
    *,
    checkpoint: str | None = None,
    protocols: Sequence[str] = (),
    overrides: Sequence[str] = (),
    maps: bool = False,
    ray: str | None = None,
) -> Evaluation:
    """Evaluate a run on the test split of its dataset and write ``eval.json``.

    ``checkpoint`` is ``last``, ``best`` (lowest training loss), ``best-on-test`` or another name in
    ``checkpoints/``; None uses the checkpoint that the protocols name. ``protocols`` are names that
    replace those of the recipe. ``maps`` evaluates score maps even if the recipe does not. Scores
    are saved in ``scores/test`` and reused for the same checkpoint. ``ray`` is the address of a Ray
    cluster that scores. Raises ``DataError`` if the test split has no labels.
    """
    run = as_path(run, "run")
    overrides, protocols = as_texts(overrides, "overrides"), as_texts(protocols, "protocols")
    if checkpoint is not None:
        checkpoint = as_name(checkpoint, "checkpoint")
    recipe = load_run(run, overrides)
    specs = [Spec(type=name) for name in protocols] or recipe.protocols
    listed = build_protocols(specs)
    wanted = checkpoint or _wanted_checkpoint(listed)
    check_writable(run)
    if ray is not None:
        check_address(ray)
    name = _FILES.get(wanted, wanted)
    if wanted == BEST_ON_TEST:
        name = _best_on_test(run, recipe, overrides, ray)
    called = next((choice for choice, file in _FILES.items() if file == wanted), wanted)
    parts = any(protocol.parts for protocol in listed)
    of_frames, of_maps = split_evaluators(recipe.evaluators)
    boxes = ray is None and (maps or any(is_of_detections(spec) for spec in of_maps))
    scored, meta = score_run(
        run, recipe, name, overrides, called=called, parts=parts, detections=boxes, ray=ray
    )
    if protocols:
        # Only the requested protocols: no row for the recipe's scorers.
        scored = replace(scored, scorers=())
    evaluators = build_list("evaluators", of_frames)
    results = evaluate_scored(scored, listed, evaluators, published=published_names(recipe))
    of_maps = of_maps or (default_evaluators(meta) if maps else [])
    result = Evaluation(
        str(run),
        name,
        meta["step"],
        meta["label_source"],
        meta["skipped"],
        results,
        evaluate_maps(run, recipe, scored, meta, of_maps),
        evaluate_pseudo(run, recipe, checkpoint_file(run, name)),
        score_notes(scored.scores, results[0].metrics if results else []),
        run_status(run),
    )
    require_run(run)
    write_json(run / "eval.json", result.as_data())
    return result


def _wanted_checkpoint(protocols: Sequence[Protocol]) -> str:
    wanted = {protocol.checkpoint: protocol.name for protocol in protocols}
    if len(wanted) > 1:
        each = ", ".join(f"'{name}' the one called {choice}" for choice, name in wanted.items())
        raise RecipeError(
            f"the protocols need different checkpoints ({each}); choose protocols of one "
            "checkpoint with --protocol, or choose the checkpoint with --checkpoint"
        )
    return next(iter(wanted), "last")


def _best_on_test(run: Path, recipe: Recipe, overrides: tuple[str, ...], ray: str | None) -> str:
    """Return the checkpoint with the highest raw micro AUC on test labels, named accordingly."""
    from vadkit.evaluation.frame_auc import FrameAuc

    def micro_auc(name: str) -> float:
        scored, _ = score_run(run, recipe, name, overrides, ray=ray)
        return FrameAuc()(scored.scores, scored.labels)[0].value

    names = checkpoint_names(run)
    if not names:
        raise TrainingError(f"run {run} has no checkpoint; train it first, or use --resume")
    return max(names, key=micro_auc)
