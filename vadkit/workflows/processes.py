"""What a recipe needs to be trained in several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vadkit.errors import RecipeError
from vadkit.recipe import Recipe
from vadkit.workflows.build import build_clip
from vadkit.workflows.progress import say

if TYPE_CHECKING:
    from vadkit.engine.distributed import Processes
    from vadkit.methods.method import Method


def check_processes(recipe: Recipe, processes: Processes) -> None:
    """Raise ``RecipeError`` if the processes cannot train the recipe; use the GPU of this one."""
    if recipe.optimizers:
        check_parts(recipe.train.batch_size, processes.part.of)
        what = _not_split(recipe)
        if what and processes.several:
            say(f"batches of {what} are not split, so every process does the whole work")
    elif processes.several:
        say(f"{recipe.method.type} fits without gradients, so one process does the work")
    processes.take_device(recipe.train.device)


def _not_split(recipe: Recipe) -> str:
    """Return what the batches of a recipe have, if each process takes them whole."""
    if recipe.bags is not None:
        return "bags"
    if recipe.features is not None:
        return "sequences"
    return "cubes" if build_clip(recipe).cube is not None else ""


def check_parts(clips: int, processes: int) -> None:
    """Raise ``RecipeError`` unless a batch of clips can be split evenly over processes."""
    if clips % processes:
        fewer = max(processes, clips // processes * processes)
        raise RecipeError(
            f"a batch of {clips} clips cannot be split evenly over {processes} processes; use "
            f"--set train.batch_size={fewer}, or --scale-lr to give each process a whole batch"
        )


def scaled(recipe: Recipe, times: int) -> Recipe:
    """Return the recipe with its batch size and learning rates multiplied.

    Raises ``RecipeError`` for an optimizer without a learning rate.
    """
    for role, spec in recipe.optimizers.items():
        if "lr" not in spec.params:
            raise RecipeError(f"--scale-lr: optimizers.{role} has no parameter lr to multiply")
    train = recipe.train.model_copy(update={"batch_size": recipe.train.batch_size * times})
    optimizers = {
        role: spec.model_copy(update={"lr": spec.params["lr"] * times})
        for role, spec in recipe.optimizers.items()
    }
    return recipe.model_copy(update={"train": train, "optimizers": optimizers})


def share_networks(method: Method) -> None:
    """Let the networks of a method work on a part of a batch as on the whole.

    Raises ``RecipeError`` if they cannot.
    """
    from vadkit.engine.shared_layers import has_batch_norm, share_layers

    if method.clip.boxes is not None and has_batch_norm(method.networks):
        # A process without objects would not take part in the exchange of statistics.
        raise RecipeError(
            "networks with batch normalisation over objects cannot be trained in several "
            "processes; train in one, or use networks without it"
        )
    share_layers(method.networks)
