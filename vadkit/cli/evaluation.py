"""The command ``eval``: evaluate a run, or scores of other code, and print the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.cli.commands import (
    Json,
    Ray,
    RunPlugin,
    Set,
    TrustPlugins,
    allow_plugins,
    label_unit,
    say_unfinished,
)
from vadkit.cli.evaluation_output import print_evaluation
from vadkit.errors import RecipeError

if TYPE_CHECKING:
    from vadkit.workflows.evaluate.evaluation import Evaluation

Run = Annotated[
    Path | None,
    typer.Argument(help="A run folder, as printed by `vadkit train`.", show_default=False),
]
Protocols = Annotated[
    list[str] | None,
    typer.Option(
        "--protocol",
        metavar="NAME",
        help="A protocol name, see `vadkit list-components protocols`; repeatable. Default: the "
        "protocols of the recipe.",
    ),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        help="last, best (lowest training loss), best-on-test, or the name of another "
        "checkpoint. Default: the checkpoint that the protocols name, usually last."
    ),
]
Scores = Annotated[
    Path | None,
    typer.Option(help="Instead of a run: a folder or file with frame scores from other code."),
]
Detections = Annotated[
    Path | None,
    typer.Option(
        help="Instead of a run: a file or folder of scored boxes from other code, for RBDC and "
        "TBDC."
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="With --scores: a label file or folder in any known format, or a recipe; then "
        "the labels of its dataset are used. With --detections: a recipe, or a folder of tracks."
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(help="With --scores: frames per second, for metrics per hour."),
]
Videos = Annotated[
    Path | None,
    typer.Option(
        help="With --scores and a label file: the folder of the videos. Their lengths cut scores "
        "or labels that are one row for all videos. With --detections: for tracks."
    ),
]
Offset = Annotated[
    int,
    typer.Option(
        metavar="N", help="With --scores: the first N frames of every video have no score."
    ),
]
Lengths = Annotated[
    Path | None,
    typer.Option(
        help="With --scores: a file with the number of frames of each video, one per line, in "
        "their order. It cuts scores or labels that are one row for all videos."
    ),
]
Segment = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="With --scores: each score is of N frames, such as 16 for most features."
    ),
]
KindScores = Annotated[
    Path | None,
    typer.Option(
        help="With --scores and --kinds: scores by kind of anomaly, an array (frames, kinds) for "
        "each video in a .npz or a folder."
    ),
]
Kinds = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...", help="With --kind-scores: the kinds of its columns, in their order."
    ),
]
LabelUnit = Annotated[
    str | None,
    typer.Option(
        "--unit",
        metavar="frames|seconds",
        help="With --scores: what start and end in a table of labels count, if unclear.",
    ),
]
Maps = Annotated[
    bool,
    typer.Option(
        "--maps", help="Also evaluate score maps: pixel AUC, RBDC and TBDC. Saves the maps."
    ),
]


Answers = Annotated[
    bool,
    typer.Option(
        "--answers",
        help="Measure the model on answered alarms and on normal video, without a test split.",
    ),
]

_ONLY_OF_SCORES = (
    "--videos, --lengths, --offset, --segment, --kind-scores, --kinds and --unit need --scores"
)


def evaluate(
    run: Run = None,
    protocol: Protocols = None,
    checkpoint: Checkpoint = None,
    scores: Scores = None,
    detections: Detections = None,
    labels: Labels = None,
    fps: Fps = None,
    videos: Videos = None,
    offset: Offset = 0,
    lengths: Lengths = None,
    segment: Segment = None,
    kind_scores: KindScores = None,
    kinds: Kinds = None,
    unit: LabelUnit = None,
    maps: Maps = False,
    ray: Ray = None,
    answers: Answers = False,
    overrides: Set = None,
    plugin: RunPlugin = None,
    trust_plugins: TrustPlugins = False,
    as_json: Json = False,
) -> None:
    """Evaluate a run, or frame scores from other code, under one or more protocols."""
    if trust_plugins:
        allow_plugins([path for path in (run, labels) if path])
    if answers:
        others = [protocol, checkpoint, scores, detections, labels, fps, maps, ray]
        _measure(run, as_json, others)
        return
    if detections is not None:
        layout = [lengths, segment, kind_scores, kinds, offset, unit]
        others = [run, protocol, checkpoint, scores, fps, maps, ray, *layout]
        _print(_of_detections(detections, labels, videos, overrides, others), as_json)
        return
    _check_options(run, scores, labels, fps, checkpoint, maps)
    layout = [videos, lengths, segment, kind_scores, kinds, unit, offset or None]
    _check_of_scores(scores, ray, layout)
    if scores is not None and labels is not None:
        from vadkit.workflows.outside.scores import evaluate_scores

        result = evaluate_scores(
            scores,
            labels,
            videos=videos,
            lengths=lengths,
            offset=offset,
            segment=segment,
            kind_scores=kind_scores,
            kinds=_names(kinds),
            unit=label_unit(unit),
            protocols=protocol or (),
            fps=fps,
            overrides=overrides or (),
        )
    else:
        say_unfinished([run] if run else [], table=not as_json)
        result = _of_run(run, checkpoint, protocol, overrides, maps, ray)
    _print(result, as_json)


def _of_run(
    run: Path | None,
    checkpoint: str | None,
    protocols: list[str] | None,
    overrides: list[str] | None,
    maps: bool,
    ray: str | None,
) -> Evaluation:
    from vadkit.workflows.evaluate.evaluation import evaluate as workflow

    return workflow(
        run or "",
        checkpoint=checkpoint,
        protocols=protocols or (),
        overrides=overrides or (),
        maps=maps,
        ray=ray,
    )


def _print(result: Evaluation, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result.as_data(), indent=2))
    else:
        print_evaluation(result)


def _of_detections(
    detections: Path,
    labels: Path | None,
    videos: Path | None,
    overrides: list[str] | None,
    others: list[Any],
) -> Evaluation:
    from vadkit.workflows.outside.detections import evaluate_detections

    if labels is None or any(others):
        raise RecipeError(
            "--detections needs --labels, a recipe or a folder of tracks; only --videos, --set and "
            "--json go with them"
        )
    return evaluate_detections(detections, labels, videos=videos, overrides=overrides or ())


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in text.split(",")] if text else []


def _measure(run: Path | None, as_json: bool, others: list[Any]) -> None:
    """Print what answered alarms say about a model, with the limits of that on stderr."""
    from vadkit.workflows.answered.measure import measure

    if run is None or any(others):
        raise RecipeError("--answers needs a run, and takes no other option than --json")
    say_unfinished([run], table=not as_json)
    found = measure(run)
    if as_json:
        typer.echo(json.dumps(found.as_data(), indent=2))
        return
    for one in found.measures:
        bounds = "" if one.low != one.low else f" [{one.low:.3f}, {one.high:.3f}]"
        typer.echo(f"{one.name:<15} {one.value:.3f}{bounds}  {one.words}")
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)


def _check_of_scores(scores: Path | None, ray: str | None, options: list[Any]) -> None:
    """Raise ``RecipeError`` for options of scores without any, and for a cluster with them."""
    if scores is not None and ray is not None:
        raise RecipeError("--ray needs a run; scores of other code are only read")
    if scores is None and any(one is not None for one in options):
        raise RecipeError(_ONLY_OF_SCORES)


def _check_options(
    run: Path | None,
    scores: Path | None,
    labels: Path | None,
    fps: float | None,
    checkpoint: str | None,
    maps: bool,
) -> None:
    """Raise ``RecipeError`` for options that do not belong together."""
    if (run is None) == (scores is None):
        raise RecipeError("give either a run folder or --scores")
    if scores is None:
        if labels is not None or fps is not None:
            raise RecipeError("--labels and --fps need --scores; a run already has them")
        return
    if labels is None:
        raise RecipeError("--scores needs --labels: a label file or folder, or a recipe")
    if checkpoint is not None:
        raise RecipeError("--checkpoint needs a run; it cannot be used with --scores")
    if maps:
        raise RecipeError("--maps needs a run, because its method computes the maps")
