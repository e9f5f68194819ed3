"""The command ``tune``: search recipe values without labels."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.cli.commands import Json, Plugin, Set
from vadkit.cli.table import Cell, open_console, print_table

if TYPE_CHECKING:
    from vadkit.workflows.tune.search import Tuned
    from vadkit.workflows.tune.trials import Trial

# Rows of the table.
_SHOWN = 10


Search = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=LOW:HIGH",
        help="A value to search: KEY=LOW:HIGH, KEY=LOW:HIGH:log, or KEY=ONE,TWO,...; "
        "repeatable. Default: the section 'search' of the recipe, or the search space of the "
        "method.",
    ),
]
Trials = Annotated[
    int, typer.Option(min=1, help="Configurations to try; the first is the unchanged recipe.")
]
Seconds = Annotated[
    float | None, typer.Option(min=0, help="Start no new trial after this many seconds.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="The file for the best recipe. Default: NAME-tuned.yaml. Trials are saved next to "
        "it, so that an interrupted search can continue."
    ),
]


def tune(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a built-in recipe.")],
    search: Search = None,
    trials: Trials = 20,
    seconds: Seconds = None,
    out: Out = None,
    overrides: Set = None,
    plugin: Plugin = None,
    as_json: Json = False,
) -> None:
    """Search recipe values without labels. The last line on stdout is the best recipe.

    Some training videos are held out and edited into synthetic anomalies. Each configuration is
    trained on the other videos and scored by how well it detects these anomalies.
    """
    from vadkit.workflows.tune.search import tune as workflow

    try:
        tuned = workflow(
            recipe,
            search=search or (),
            trials=trials,
            seconds=seconds,
            out=out,
            overrides=overrides or (),
            plugins=plugin or (),
            on_trial=_say_trial,
        )
    except KeyboardInterrupt:
        typer.echo("interrupted; to continue, run the same command again", err=True)
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(_data(tuned), indent=2))
    else:
        print_tuned(tuned)


def _say_trial(trial: Trial, best: Trial) -> None:
    """Print the progress of a search on stderr."""
    from vadkit.workflows.progress import say

    what = _values(trial)
    if trial.failed is not None:
        say(f"trial {trial.number}: failed ({trial.failed}): {what}")
        return
    say(
        f"trial {trial.number}: AUC {trial.score:.4f} (best {best.score:.4f}), "
        f"{trial.seconds:.0f} s: {what}"
    )


def _values(trial: Trial) -> str:
    shown = [f"{key.rpartition('.')[2]} {_text(value)}" for key, value in trial.values.items()]
    return ", ".join(shown) or "unchanged recipe"


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _data(tuned: Tuned) -> dict[str, Any]:
    return {
        "recipe": str(tuned.recipe),
        "log": str(tuned.log),
        "held_out": tuned.held_out,
        "best": tuned.best.number,
        "trials": [asdict(trial) for trial in tuned.trials],
    }


def print_tuned(tuned: Tuned) -> None:
    """Print the best trials and the unchanged recipe: values, and AUC by kind of anomaly."""
    from vadkit.evaluation.metrics import metric_name

    scored = [trial for trial in tuned.trials if trial.score is not None]
    ranked = sorted(scored, key=lambda trial: -(trial.score or 0.0))
    shown = ranked[:_SHOWN]
    shown += [trial for trial in tuned.trials[:1] if trial in scored and trial not in shown]
    areas = {kind: metric_name("pseudo-auc", category=kind) for kind in tuned.kinds}
    areas = {kind: name for kind, name in areas.items() if name in tuned.best.metrics}
    rows: list[list[Cell | str]] = []
    for trial in shown:
        style = "bold" if trial is tuned.best else ""
        figures = [
            str(trial.number),
            f"{trial.score:.4f}",
            *(_figure(trial, name, ".3f") for name in areas.values()),
            _figure(trial, "pseudo-false-alarms/h", ".0f"),
            f"{trial.seconds:.0f}",
        ]
        rows.append([*(Cell(figure, style=style) for figure in figures), _values(trial)])
    console = open_console()
    print_table(console, ["trial", "AUC", *areas, "alarms/h", "s", "values"], rows, text=True)
    failed = len(tuned.trials) - len(scored)
    console.print(
        f"[dim]{len(tuned.trials)} configurations{f', {failed} failed' if failed else ''}; trial 0 "
        "is the unchanged recipe. AUC: mean over kinds of pseudo-anomalies, made from the held-out "
        f"training videos {', '.join(tuned.held_out)}. alarms/h: false alarms per hour, at the "
        "threshold that finds most pseudo-anomalous frames.",
        highlight=False,
        soft_wrap=True,
    )
    typer.echo(str(tuned.recipe))


def _figure(trial: Trial, name: str, form: str) -> str:
    return format(trial.metrics[name], form) if name in trial.metrics else "-"
