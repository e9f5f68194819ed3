"""``tune``: a recipe's values by what needs no label."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.cli.commands import Json, Plugin, Set

if TYPE_CHECKING:
    from vadkit.workflows.tune import Tuned
    from vadkit.workflows.tune_trials import Trial

# Rows of the table.
_SHOWN = 10


def tune(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or a shipped one's name.")],
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=LOW:HIGH",
            help="What to search: KEY=LOW:HIGH, KEY=LOW:HIGH:log, or KEY=ONE,TWO,...; repeatable. "
            "By default what the recipe's section 'search' says, or the method.",
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Configurations to try; the first is the recipe as it is.")
    ] = 20,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Begin no new configuration after this long.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The best recipe; NAME-tuned.yaml by default. Trials are kept beside it, and a "
            "search that was stopped goes on from them."
        ),
    ] = None,
    overrides: Set = None,
    plugin: Plugin = None,
    as_json: Json = False,
) -> None:
    """Search a recipe's values without labels; the last line on stdout is the best recipe.

    Some training videos are held out; anomalies made of them are what each configuration, trained
    on the rest, has to tell from normal video.
    """
    from vadkit.workflows.progress import say
    from vadkit.workflows.tune import tune as workflow

    def on_trial(trial: Trial, best: Trial) -> None:
        what = _values(trial)
        if trial.failed is not None:
            say(f"trial {trial.number}: failed ({trial.failed}): {what}")
            return
        say(
            f"trial {trial.number}: AUC {trial.score:.4f} (best {best.score:.4f}), "
            f"{trial.seconds:.0f} s: {what}"
        )

    try:
        tuned = workflow(
            recipe,
            search=search or (),
            trials=trials,
            seconds=seconds,
            out=out,
            overrides=overrides or (),
            plugins=plugin or (),
            on_trial=on_trial,
        )
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on from the trials so far", err=True)
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(_data(tuned), indent=2))
    else:
        _print(tuned)


def _values(trial: Trial) -> str:
    shown = [f"{key.rpartition('.')[2]} {_text(value)}" for key, value in trial.values.items()]
    return ", ".join(shown) or "the recipe as it is"


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


def _print(tuned: Tuned) -> None:
    """The best trials and the recipe as it was: values, and AUC by kind of anomaly."""
    from rich.console import Console
    from rich.table import Table

    scored = [trial for trial in tuned.trials if trial.score is not None]
    ranked = sorted(scored, key=lambda trial: -(trial.score or 0.0))
    shown = ranked[:_SHOWN]
    shown += [trial for trial in tuned.trials[:1] if trial in scored and trial not in shown]
    kinds = [
        name[11:-1]
        for name in tuned.best.metrics
        if name.startswith("pseudo-auc[") and "@" not in name
    ]
    table = Table("trial", box=None, pad_edge=False, header_style="bold")
    for name in ("AUC", *kinds, "alarms/h", "s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("values", overflow="fold")
    for trial in shown:
        table.add_row(
            str(trial.number),
            f"{trial.score:.4f}",
            *(_figure(trial, f"pseudo-auc[{kind}]", ".3f") for kind in kinds),
            _figure(trial, "pseudo-false-alarms/h", ".0f"),
            f"{trial.seconds:.0f}",
            _values(trial),
            style="bold" if trial is tuned.best else "",
        )
    console = Console(width=None if Console().is_terminal else 140)
    console.print(table, highlight=False)
    failed = len(tuned.trials) - len(scored)
    console.print(
        f"[dim]{len(tuned.trials)} configurations{f', {failed} failed' if failed else ''}; trial 0 "
        "is the recipe as it was. AUC: mean over kinds of pseudo-anomalies, made of the training "
        f"videos {', '.join(tuned.held_out)}, on which none was trained. alarms/h: false ones, at "
        "the threshold that finds most pseudo-anomalous frames.",
        highlight=False,
        soft_wrap=True,
    )
    typer.echo(str(tuned.recipe))


def _figure(trial: Trial, name: str, form: str) -> str:
    return format(trial.metrics[name], form) if name in trial.metrics else "-"
