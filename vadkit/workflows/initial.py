"""Start training from the weights of another run: the setting ``train.init``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.errors import RecipeError, TrainingError
from vadkit.recipe import Recipe
from vadkit.recipe.model import Clip
from vadkit.recipe.source import parse, read_recipe_text
from vadkit.text import printable
from vadkit.workflows.evaluate.run_scores import checkpoint_digest

if TYPE_CHECKING:
    from vadkit.methods.method import Method

# Tensors that a message names.
_NAMED = 3
# What the weights of a network depend on.
_CLIP = ("frames", "size", "channels", "step")


def start_from(method: Method, recipe: Recipe) -> dict[str, Any]:
    """Load the weights that ``train.init`` names, and return its entry of the manifest.

    They are all parameters and buffers of the method. Nothing in the other run is executed. Raises
    ``TrainingError`` if there is no readable checkpoint, and ``RecipeError`` if it does not fit.
    """
    from vadkit.engine.checkpoint import load_checkpoint
    from vadkit.engine.finite import bad_weights

    if not recipe.optimizers:
        raise RecipeError(
            f"train.init: method '{recipe.method.type}' trains no weights, it fits everything to "
            "the training videos; remove train.init"
        )
    file = _file(Path(str(recipe.train.init)).expanduser())
    state = load_checkpoint(file)
    shown = printable(str(file))
    _check_clip(file, recipe.clip, shown)
    if unlike := _unlike(method.state_dict(), state["method"]):
        raise RecipeError(
            f"train.init: {shown} does not fit the recipe: {unlike}; use the same method, networks "
            "and clip in both"
        )
    try:
        method.load_state_dict(state["method"])
    except (RuntimeError, TypeError, ValueError) as error:
        reason = printable(" ".join(str(error).split()), 400)
        raise RecipeError(f"train.init: {shown} does not fit the recipe: {reason}") from None
    if bad := bad_weights(method.networks):
        raise TrainingError(f"train.init: the weights {bad} in {shown} are not finite")
    return {
        "source": str(file.absolute()),
        "digest": checkpoint_digest(file),
        "step": state["step"],
    }


def _file(source: Path) -> Path:
    """Return the checkpoint file that ``train.init`` means: a file, or the last one of a run."""
    if source.is_file():
        return source
    if source.is_dir():
        if (source / "recipe.yaml").is_file():
            return source / "checkpoints" / "last.pt"
        raise TrainingError(
            f"train.init: {printable(str(source))} is not a run folder: it has no recipe.yaml"
        )
    raise TrainingError(
        f"train.init: there is no {printable(str(source))}; give a run folder or a checkpoint file"
    )


def _check_clip(file: Path, clip: Clip, shown: str) -> None:
    """Raise ``RecipeError`` if the run that a checkpoint lies in has other clips.

    Its recipe is only read: no plugin runs. Weights of convolutions fit every size, so their shapes
    do not tell.
    """
    recipe = file.parent.parent / "recipe.yaml"
    if file.parent.name != "checkpoints" or not recipe.is_file():
        return
    data, _, _ = parse(read_recipe_text(recipe), str(recipe))
    known = data.get("clip")
    if not isinstance(known, dict):
        return
    own = clip.model_dump(mode="json")
    other = {name: known[name] for name in _CLIP if name in known and known[name] != own[name]}
    if other:
        differences = ", ".join(
            f"clip.{name} {printable(str(value), 100)} instead of {own[name]}"
            for name, value in other.items()
        )
        raise RecipeError(f"train.init: {shown} was trained with {differences}")


def _unlike(own: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Name the tensors that do not fit by name or by shape; empty if all fit.

    An empty buffer is filled by the fit of the method, so it has no shape of its own.
    """
    unlike = [f"{name} is missing" for name in own if name not in given]
    unlike += [f"{printable(str(name), 100)} is unknown" for name in given if name not in own]
    for name, value in own.items():
        other = getattr(given.get(name), "shape", value.shape)
        if value.numel() and other != value.shape:
            unlike.append(f"{name} is {_shape(other)} instead of {_shape(value.shape)}")
    more = f" and {len(unlike) - _NAMED} more" if len(unlike) > _NAMED else ""
    return ", ".join(unlike[:_NAMED]) + more


def _shape(shape: Any) -> str:
    return "x".join(map(str, shape)) or "a number"
