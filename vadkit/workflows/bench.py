"""Measure how fast a recipe trains and scores on this machine."""

from __future__ import annotations

import copy
import itertools
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.device import few_threads, pick_precision, scoring_batch
from vadkit.errors import DataError, RecipeError
from vadkit.recipe import Recipe
from vadkit.workflows.build import build_clip
from vadkit.workflows.frames import load_extras, store_videos
from vadkit.workflows.levels import with_levels
from vadkit.workflows.progress import say
from vadkit.workflows.rates import as_measured
from vadkit.workflows.run import environment
from vadkit.workflows.trainer import make_trainer, training_videos

if TYPE_CHECKING:
    import torch

    from vadkit.data.clips.extras import Extras
    from vadkit.data.tensors import Clips
    from vadkit.data.videos import FrameReader, Video
    from vadkit.engine.trainer import Trainer
    from vadkit.methods.method import Method

# Steps before the clock starts: capture, compilation and the choice of kernels.
_WARM_STEPS = 6
# The length of one measurement; the fastest of several counts, because others use the machine too.
_REPEATS = 3


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Bench:
    """Figures of a recipe, and on what they were measured."""

    recipe: str
    method: str
    device: str
    precision: str
    batch_size: int
    versions: dict[str, str]
    figures: list[Figure]

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


def bench(recipe: Recipe, *, seconds: float = 2.0) -> Bench:
    """Measure training and scoring of a recipe on its training videos.

    Each figure is the best of three measurements of ``seconds``. Nothing is kept. Raises the errors
    of ``train``.
    """
    from vadkit.engine.fusing import fuse

    if recipe.features is not None:
        raise RecipeError(
            f"bench measures methods on frames; '{recipe.method.type}' learns from features, whose "
            "training takes as long as `vadkit train` says"
        )
    videos, held_out = training_videos(recipe)
    recipe = with_levels(recipe, videos)
    stored, _ = store_videos(recipe, videos)
    recipe, stored = as_measured(recipe, stored)
    extras = load_extras(recipe, build_clip(recipe), videos, stored)
    with tempfile.TemporaryDirectory() as run:
        trainer = make_trainer(recipe, Path(run), stored, extras, held_out)
        with few_threads(trainer.method, trainer.device):
            measure = _training if trainer.optimizers else _fitting
            figures = measure(trainer, seconds)
            method = copy.deepcopy(trainer.method).eval()
            fuse(method.networks)
            score = _scorer(method, trainer, recipe)
            figures += [_from_store(score, stored, extras, trainer.device, seconds)]
            figures += [_from_file(score, method, recipe, videos[0])]
    figures.append(_memory(trainer.device))
    dtype = pick_precision(recipe.train.precision, trainer.device)
    versions = environment()["versions"]
    return Bench(
        recipe=recipe.name,
        method=recipe.method.type,
        device=_device_name(trainer.device),
        precision=str(dtype).removeprefix("torch."),
        batch_size=recipe.train.batch_size,
        versions={name: versions[name] or "not installed" for name in ("vadkit", "torch")},
        figures=figures,
    )


def _training(trainer: Trainer, seconds: float) -> list[Figure]:
    say("measuring training steps")
    trainer.method.train()
    batches = _endless(trainer)
    started = time.perf_counter()
    clips = next(batches)
    work = _flops(trainer, clips)
    trainer.train_step(clips)
    _wait(trainer.device)
    first = time.perf_counter() - started
    for _ in range(_WARM_STEPS):
        trainer.train_step(clips)
    _wait(trainer.device)
    ready = time.perf_counter() - started

    def from_loader() -> None:
        trainer.train_step(next(batches))

    constant = _rate(lambda: trainer.train_step(clips), trainer.device, seconds)
    loaded = _rate(from_loader, trainer.device, seconds)
    alone = _rate(lambda: next(batches), trainer.device, seconds)
    size, frames = len(clips), trainer.method.clip.frames
    peak = _peak_flops(trainer.device, trainer.dtype)
    return [
        Figure("time to first step", first, "s"),
        Figure("time to full speed", ready, "s"),
        Figure("steps of one batch", constant, "steps/s"),
        Figure("clips of one batch", constant * size, "clips/s"),
        Figure("loader alone", alone * size, "clips/s"),
        Figure("training with loader", loaded * size, "clips/s"),
        Figure("frames in training", loaded * size * frames, "frames/s"),
        Figure("training with loader / steps of one batch", loaded / constant, ""),
        Figure("work of a step", work / 1e9, "GFLOP"),
        Figure("share of the device's peak", work * constant / peak, ""),
        Figure("peak of the device", peak / 1e12, "TFLOP/s"),
    ]


def _fitting(trainer: Trainer, seconds: float) -> list[Figure]:
    """Measure a method that fits without gradients: its passes over all clips."""
    say("measuring the passes over the training clips")
    clips = len(trainer.loader.clips) * trainer.method.passes  # type: ignore[attr-defined]
    started = time.perf_counter()
    trainer.fit()
    _wait(trainer.device)
    taken = time.perf_counter() - started
    return [
        Figure("fitting", taken, "s"),
        Figure("clips in fitting", clips / taken, "clips/s"),
    ]


def _scorer(
    method: Method, trainer: Trainer, recipe: Recipe
) -> Callable[[Sequence[FrameReader], Sequence[Extras]], int]:
    """Return a function that scores videos and returns their number of frames."""
    from vadkit.engine.score_videos import score_videos

    batch_size = scoring_batch(recipe.train.batch_size, trainer.device)

    def score(videos: Sequence[FrameReader], extras: Sequence[Extras]) -> int:
        found = score_videos(
            method,
            videos,
            extras,
            device=trainer.device,
            dtype=trainer.dtype,
            batch_size=batch_size,
        )
        return sum(len(scores) for scores, _ in found)

    return score


def _from_store(
    score: Callable[[Sequence[FrameReader], Sequence[Extras]], int],
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
    device: torch.device,
    seconds: float,
) -> Figure:
    say("measuring scoring")
    # A GPU scores two videos at a time, which pays from several videos on.
    count = min(len(stored), 8 if device.type == "cuda" else 1)
    places = itertools.cycle(range(0, len(stored) - count + 1, count))

    def some() -> int:
        place = next(places)
        return score(stored[place : place + count], extras[place : place + count])

    return Figure("scoring", _rate(some, device, seconds), "frames/s")


def _from_file(
    score: Callable[[Sequence[FrameReader], Sequence[Extras]], int],
    method: Method,
    recipe: Recipe,
    video: Video,
) -> Figure:
    """Score the first video from its file, with decoding and everything else, once."""
    data = recipe.data.model_copy(update={"store": "none"})
    recipe = recipe.model_copy(update={"data": data})
    opened, _ = store_videos(recipe, [video])
    extras = load_extras(recipe, method.clip.scoring, [video], opened)
    started = time.perf_counter()
    frames = score(opened, extras)
    rate = frames / (time.perf_counter() - started)
    return Figure("scoring, end to end from the file", rate, "frames/s")


def _endless(trainer: Trainer) -> Iterator[Clips]:
    for epoch in itertools.count():
        yield from trainer.loader.batches(epoch)


def _rate(work: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Return how often a second ``work`` is done; a number that it returns counts so many times.

    The clock includes the wait for the device at the end, so many calls share one wait.
    """

    def run(times: int) -> float:
        _wait(device)
        done, started = 0, time.perf_counter()
        for _ in range(times):
            count = work()
            done += count if isinstance(count, int) else 1
        _wait(device)
        return done / (time.perf_counter() - started)

    run(1)
    started = time.perf_counter()
    run(2)
    each = (time.perf_counter() - started) / 2
    times = max(1, round(seconds / _REPEATS / each))
    return max(run(times) for _ in range(_REPEATS))


def _wait(device: torch.device) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _flops(trainer: Trainer, clips: Clips) -> float:
    """Return the floating-point operations of convolutions and products in one training step."""
    from torch.utils.flop_counter import FlopCounterMode

    from vadkit.engine.step import TrainStep

    step = TrainStep(trainer.method, trainer.optimizers, device=trainer.device, dtype=trainer.dtype)
    with FlopCounterMode(display=False) as counter:
        step(clips)
    return float(counter.get_total_flops())


def _peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Return the floating-point operations a second of a large matrix product."""
    import torch

    size = 8192 if device.type == "cuda" else 1024
    matrix = torch.randn(size, size, device=device).to(dtype)
    return _rate(lambda: matrix @ matrix, device, 0.5) * 2 * size**3


def _memory(device: torch.device) -> Figure:
    import torch

    if device.type == "cuda":
        used = torch.cuda.max_memory_allocated(device)
        return Figure("GPU memory", used / 2**30, "GiB")
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Figure("memory", used / 2**30, "GiB")


def _device_name(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads ({platform.machine()})"


def read_figures(path: Path) -> dict[str, float]:
    """Return the figures of a file of ``bench --json`` by name.

    Raises ``DataError`` if it is another file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {str(one["name"]): float(one["value"]) for one in data["figures"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is not a file of `vadkit bench --json` ({type(error).__name__})"
        ) from None
