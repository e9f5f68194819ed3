"""Build the objects that a checked recipe names."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.data.videos import ClipSpec
from vadkit.device import choose_kernels
from vadkit.errors import DataError, RecipeError, TrainingError
from vadkit.recipe import AlarmSettings, Recipe, Spec
from vadkit.recipe.resolve import cannot_ignore
from vadkit.registry import build, find
from vadkit.text import printable
from vadkit.zones import mask, now_on

if TYPE_CHECKING:
    import torch

    from vadkit.data.videos import Split, Video
    from vadkit.hooks.hook import Hook
    from vadkit.methods.method import Method
    from vadkit.scoring.alarm_time import TimeRules


def seed_everything(seed: int, *, deterministic: bool = True) -> None:
    """Seed every random generator that a component may use, and choose kernels."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    choose_kernels(deterministic=deterministic)


def build_clip(recipe: Recipe) -> ClipSpec:
    """Build the recipe's clip spec, including what its method adds to it.

    A method gets no flow if the recipe has no ``flow``, and no boxes if it has no ``objects``.
    """
    method: Any = find("methods", recipe.method.type).load()
    clip = recipe.clip
    spec = method.clip_spec(clip.frames, clip.size, clip.channels, clip.step)
    spec = method.clip_for(spec, recipe.method.params, tuple(recipe.networks))
    assert isinstance(spec, ClipSpec)
    if recipe.bags is not None:
        spec = replace(spec, **_of_bags(recipe, spec))
    return replace(
        spec,
        fps=clip.fps,
        aspect=clip.aspect,
        flow=() if recipe.flow is None else spec.flow,
        boxes=None if recipe.objects is None else spec.boxes,
    )


def _of_bags(recipe: Recipe, spec: ClipSpec) -> dict[str, Any]:
    """Return what the sections `bags` and `features` add to a clip, which is one segment."""
    from vadkit.features.segments import needs_flow

    bags, features = recipe.bags, recipe.features
    assert bags is not None and features is not None
    flow: tuple[int, ...] = ()
    if needs_flow({"type": features.type, **features.params}):
        flow = tuple(range(spec.frames))[3::4] or (spec.frames - 1,)
    return {
        "dim": bags.dim,
        "classes": tuple(bags.classes or ()),
        "scale": bags.scale,
        "flow": flow,
    }


def build_method(recipe: Recipe, device: torch.device) -> Method:
    """Build the method with its networks and losses, on the device.

    Raises ``RecipeError`` when a network cannot be built from the recipe's numbers.
    """
    import torch

    from vadkit.methods.method import WeightedLoss

    clip = build_clip(recipe)
    kind: Any = find("methods", recipe.method.type).load()
    args = kind.network_args(clip)
    networks = {}
    for role, spec in recipe.networks.items():
        try:
            networks[role] = build("networks", spec.type, spec.params, *args.get(role, ()))
        except (ValueError, TypeError, RuntimeError, MemoryError, OverflowError) as error:
            # PyTorch raises RuntimeError if the network does not fit in memory.
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RecipeError(f"networks.{role} ({spec.type}): {reason}") from error
    losses = {
        role: WeightedLoss(build("losses", spec.type, spec.params), spec.weight)
        for role, spec in recipe.losses.items()
    }
    method: Method = build(
        "methods", recipe.method.type, recipe.method.params, networks, losses, clip
    )
    for loss in losses.values():
        if isinstance(loss.loss, torch.nn.Module):
            loss.loss.to(device)
    for module in method.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            # These layers run up to 1.4 times as fast in this layout, on CPU and GPU.
            module.to(memory_format=torch.channels_last)
        elif device.type == "cpu" and isinstance(
            module, torch.nn.Conv3d | torch.nn.ConvTranspose3d
        ):
            # 1.3 to 1.9 times as fast on the CPU; not measured on a GPU.
            module.to(memory_format=torch.channels_last_3d)
    ignore_zones(method, recipe, device)
    return method.to(device)


def ignore_zones(method: Method, recipe: Recipe, device: torch.device) -> None:
    """Make a method leave out the zones of its recipe that always hold.

    Raises ``RecipeError`` for a method that cannot.
    """
    import torch

    if not recipe.zones:
        return
    if not method.can_ignore(recipe.method.params):
        raise RecipeError(f"zones: {cannot_ignore(recipe.method.type)}")
    places = mask(now_on(recipe.zones), method.clip.size)
    method.ignore(None if places is None else torch.tensor(places, device=device))


def load_method(recipe: Recipe, checkpoint: Path, device: torch.device) -> tuple[Method, int]:
    """Load the method with a checkpoint's weights, ready to score, and the step of the checkpoint.

    Raises ``TrainingError`` if the checkpoint is missing, damaged, or from another recipe.
    """
    from vadkit.engine.checkpoint import load_checkpoint, restoring
    from vadkit.engine.finite import bad_weights
    from vadkit.engine.fusing import fuse

    choose_kernels(deterministic=recipe.train.deterministic)
    method = build_method(recipe, device).eval()
    state = load_checkpoint(checkpoint, device)
    with restoring(checkpoint):
        method.load_state_dict(state["method"])
    if bad := bad_weights(method.networks):
        raise TrainingError(
            f"checkpoint {checkpoint} cannot be used: its weights {bad} are not finite; train "
            "again, or use another checkpoint of the run"
        )
    fuse(method.networks)
    return method, state["step"]


def build_optimizers(recipe: Recipe, method: Method) -> dict[str, torch.optim.Optimizer]:
    """Build one optimizer per role."""
    return {
        role: build("optimizers", spec.type, spec.params, list(method.parameters_of(role)))
        for role, spec in recipe.optimizers.items()
    }


def build_schedules(recipe: Recipe) -> dict[str, Callable[[float], float]]:
    """Build one learning-rate schedule for each role that has a scheduler.

    With ``train.minutes``, every role gets a schedule whose rate is low at the end.
    """
    from vadkit.optim.schedulers import brought_down, constant

    epochs = recipe.train.epochs
    schedules = {
        role: build("schedulers", spec.type, spec.params, epochs)
        for role, spec in recipe.schedulers.items()
    }
    if recipe.train.minutes is None:
        return schedules
    return {
        role: brought_down(schedules.get(role, constant(epochs)), epochs)
        for role in recipe.optimizers
    }


def build_list(family: str, specs: Sequence[Spec]) -> list[Any]:
    """Build the components of a list section that need no arguments."""
    return [build(family, spec.type, spec.params) for spec in specs]


def live_scorers(scorers: Sequence[Spec]) -> list[Spec]:
    """Return the scorers of a live system: the recipe's scorers if all of them are causal.

    If one of them is not causal, or if there are none, return those of the protocol ``online``.
    """
    if scorers and all(one.causal for one in build_list("scorers", scorers)):
        return list(scorers)
    steps = build("protocols", "online", {}).scorers()
    return [Spec(type=name, **params) for name, params in steps]


def build_hooks(recipe: Recipe) -> list[tuple[str, Hook]]:
    """Build the hooks, with their names, in recipe order."""
    return [(spec.type, build("hooks", spec.type, spec.params)) for spec in recipe.hooks]


def load_videos(recipe: Recipe, split: Split) -> list[Video]:
    """Return the videos of a recipe's dataset in one split, ``train`` or ``test``.

    ``video.path`` is the file or the folder of images; ``video.labels(frames)`` has one bool per
    frame, True for abnormal frames, or ``video.labels`` is None. Raises ``DataError`` if there are
    no videos.
    """
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    videos: list[Video] = dataset.videos(split)
    if not videos:
        hint = ""
        if split == "test" and recipe.dataset.type == "folder":
            hint = "; set dataset.test, or score videos with `vadkit infer`"
        raise DataError(f"dataset '{recipe.dataset.type}' has no {split} videos{hint}")
    for name, count in Counter(video.id for video in videos).items():
        if count > 1:
            # Scores and labels are kept by id, so the second video would replace the first.
            raise DataError(
                f"dataset '{recipe.dataset.type}' has {count} {split} videos with the id "
                f"'{printable(name, 100)}'; videos() must give each video its own id"
            )
    return videos


def time_rules(settings: AlarmSettings) -> TimeRules:
    """Return the alarm rules of a recipe that decide how long an alarm is on."""
    from vadkit.scoring.alarm_time import TimeRules

    return TimeRules(
        settings.hysteresis,
        settings.min_duration_s,
        settings.merge_s,
        settings.cooldown_s,
        settings.longest_s,
    )
