"""Search recipe values with pseudo-anomalies, without labels and without test videos."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.device import pick_device
from vadkit.errors import RecipeError, TrainingError, VadkitError
from vadkit.files import check_writable, write_text
from vadkit.recipe import Recipe, RecipeFaults, find_recipe, load_recipe
from vadkit.recipe.load import set_value
from vadkit.recipe.search import Choices, Range, Space, parse_search, read_space
from vadkit.recipe.source import parse, parse_override, read_recipe_text, to_yaml
from vadkit.registry import find
from vadkit.workflows.held_out import HeldOut
from vadkit.workflows.tune.trials import Trial, append_trial, read_trials, write_trials

if TYPE_CHECKING:
    import optuna


# The search ends after this many repeated draws in a row: little is left to try.
_MOST_KNOWN = 50


@dataclass(frozen=True)
class Tuned:
    """A finished search with its trials; the first trial is the unchanged recipe.

    ``recipe`` is the file of the best recipe, ``log`` the file of the trials. ``kinds`` are the
    kinds of pseudo-anomalies.
    """

    recipe: Path
    log: Path
    trials: list[Trial]
    held_out: list[str]
    kinds: list[str]

    @property
    def best(self) -> Trial:
        """The trial that detects pseudo-anomalies best; the earliest one if several are equal."""
        return _best(self.trials)


def tune(
    recipe: str | Path,
    *,
    search: Sequence[str] = (),
    trials: int = 20,
    seconds: float | None = None,
    out: Path | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    on_trial: Callable[[Trial, Trial], None] | None = None,
) -> Tuned:
    """Search recipe values; write the best recipe to ``out``, and the trials next to it.

    The search space comes from ``search`` (such as ``method.memory=0.2:0.9``), else from the
    recipe's section ``search``, else from the method. The first of ``trials`` configurations is the
    unchanged recipe. No configuration starts after ``seconds``. Earlier trials of ``out`` count and
    are not run again. ``on_trial`` is called with each new trial and the best one so far.

    Raises ``RecipeError`` for a key or a range that does not fit the recipe, ``DataError`` if there
    are too few videos to hold one out, and ``TrainingError`` if no configuration works.
    """
    begun = time.monotonic()
    path = find_recipe(recipe)
    load = _Loader(path, tuple(overrides), tuple(plugins))
    as_is = load({})
    space = _space(as_is, search, load)
    study = _study(as_is.train.seed)
    pick_device(as_is.train.device)
    out = out or Path(f"{as_is.name}-tuned.yaml")
    check_writable(out.parent)
    tuner = HeldOut(as_is)
    log = out.with_suffix(".trials.jsonl")
    held_out = [video.id for video in tuner.held]
    done = _earlier(log, space, as_is, held_out)
    for trial in done:
        _remember(study, space, as_is, trial)
    known = 0
    while len(done) < trials and known < _MOST_KNOWN:
        if done and seconds is not None and time.monotonic() - begun >= seconds:
            break
        asked, values = _draw(study, space) if done else (None, {})
        before = next((trial for trial in done if trial.values == values), None)
        known = 0 if before is None else known + 1
        trial = before or _try(tuner, load, len(done), values)
        if asked is not None:
            _tell(study, asked, trial)
        if before is not None:
            continue
        done.append(trial)
        append_trial(log, trial)
        if asked is None:
            _remember(study, space, as_is, trial)
        if on_trial is not None:
            on_trial(trial, _best(done))
    best = _best(done)
    if best.score is None:
        raise TrainingError(f"none of {len(done)} configurations works; {done[0].failed}")
    _write_best(out, load, best, done[0], held_out)
    kinds = dict.fromkeys(str(kind["type"]) for kind in tuner.evaluator.kinds)
    return Tuned(out, log, done, held_out, list(kinds))


def _earlier(log: Path, space: Space, as_is: Recipe, held_out: list[str]) -> list[Trial]:
    """Return the trials of an earlier search for the same thing, and rewrite their file."""
    about = {"search": _space_data(space), "recipe": _digest(as_is), "held_out": held_out}
    done = read_trials(log, about)
    write_trials(log, about, done)
    return done


@dataclass(frozen=True)
class _Loader:
    """Loads the recipe with some values replaced."""

    path: Path
    overrides: tuple[str, ...]
    plugins: tuple[Path, ...]

    def __call__(self, values: dict[str, Any]) -> Recipe:
        return load_recipe(self.path, (*self.overrides, *_as_overrides(values)), self.plugins)


def _as_overrides(values: dict[str, Any]) -> list[str]:
    return [f"{key}={json.dumps(value)}" for key, value in values.items()]


def _space(recipe: Recipe, search: Sequence[str], load: _Loader) -> Space:
    """Return the search space, after testing each of its limits in the recipe."""
    method: Any = find("methods", recipe.method.type).load()
    if search:
        space, prefix = dict(parse_search(text) for text in search), "--search "
    elif recipe.search:
        space, prefix = read_space(recipe.search, "search"), "search."
    else:
        space, prefix = read_space(method.search, f"{recipe.method.type}.search"), "search."
    if not space:
        raise RecipeError(
            f"method '{recipe.method.type}' defines no search space; give --search KEY=LOW:HIGH, "
            "or a section 'search' in the recipe"
        )
    for key, each in space.items():
        for value in each.ends:
            try:
                load({key: value})
            except RecipeFaults as error:
                faults = "; ".join(fault.message for fault in error.faults)
                raise RecipeError(f"{prefix}{key}: {faults}") from None
    return space


def _space_data(space: Space) -> dict[str, Any]:
    return {key: each.model_dump(mode="json") for key, each in space.items()}


def _digest(recipe: Recipe) -> str:
    text = json.dumps(recipe.as_data(), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _study(seed: int) -> optuna.Study:
    try:
        import optuna
    except ImportError:
        raise RecipeError("vadkit tune needs Optuna: pip install 'vadkit[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed % 2**32)
    )


def _distribution(each: Any) -> optuna.distributions.BaseDistribution:
    from optuna import distributions

    if isinstance(each, Choices):
        return distributions.CategoricalDistribution(each.values)
    kind = distributions.IntDistribution if each.whole else distributions.FloatDistribution
    return kind(each.low, each.high, log=each.log)


def _draw(study: optuna.Study, space: Space) -> tuple[optuna.trial.Trial, dict[str, Any]]:
    """Draw the next values, rounded to three digits, which is precise enough and readable."""
    asked = study.ask({key: _distribution(each) for key, each in space.items()})
    values = dict(asked.params)
    for key, each in space.items():
        if isinstance(each, Range) and not each.whole:
            values[key] = min(max(float(f"{values[key]:.3g}"), each.low), each.high)
    return asked, values


def _try(tuner: HeldOut, load: _Loader, number: int, values: dict[str, Any]) -> Trial:
    """Fit and test one configuration; record the reason if it fails."""
    begun = time.monotonic()
    try:
        recipe = load(values)
        metrics = tuner.test(recipe, tuner.fit(recipe))
    except VadkitError as error:
        if not number:
            # The unchanged recipe must work; its author wants to see the error immediately.
            raise
        return Trial(number, values, {}, _since(begun), str(error))
    return Trial(number, values, metrics, _since(begun))


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 1)


def _tell(study: optuna.Study, asked: optuna.trial.Trial, trial: Trial) -> None:
    from optuna.trial import TrialState

    if trial.score is None:
        study.tell(asked, state=TrialState.FAIL)
    else:
        study.tell(asked, trial.score)


def _remember(study: optuna.Study, space: Space, as_is: Recipe, trial: Trial) -> None:
    """Add a trial that the study did not propose, if it is inside the search space."""
    from optuna.trial import create_trial

    distributions = {key: _distribution(each) for key, each in space.items()}
    values = trial.values or {key: _value_at(as_is, key) for key in space}
    try:
        study.add_trial(create_trial(params=values, distributions=distributions, value=trial.score))
    except (ValueError, TypeError):
        # Failed, or outside of the search space, as the unchanged recipe may be.
        return


def _value_at(recipe: Recipe, key: str) -> Any:
    value: Any = recipe.as_data()
    for part in key.split("."):
        if isinstance(value, list) and part.isdigit():
            value = value[int(part)]
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value


def _best(trials: Sequence[Trial]) -> Trial:
    scored = [trial for trial in trials if trial.score is not None]
    return max(scored, key=lambda trial: trial.score or 0.0) if scored else trials[0]


def _write_best(
    out: Path, load: _Loader, best: Trial, as_is: Trial, held_out: Sequence[str]
) -> None:
    """Write the original recipe with the best values."""
    data, _, _ = parse(read_recipe_text(load.path), str(load.path))
    for text in (*load.overrides, *_as_overrides(best.values)):
        set_value(data, *parse_override(text))
    data.setdefault("name", load.path.stem)
    if plugins := load({}).plugins:
        data["plugins"] = [str(plugin) for plugin in plugins]
    was = "" if as_is.score is None else f", {as_is.score:.4f} before"
    heading = (
        f"# {load.path.name} after `vadkit tune`: AUC {best.score:.4f} on pseudo-anomalies{was}.\n"
        f"# They were made from training videos {', '.join(held_out)}; no labels were used.\n"
    )
    text = to_yaml(data, default_flow_style=None)
    write_text(out, heading + text)
