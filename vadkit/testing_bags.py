"""Contract checks for methods on features of segments; ``testing.check_method`` runs them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vadkit.data.segments.bags import BagLoader, moments, stacked
from vadkit.data.segments.rows import RowLoader
from vadkit.data.segments.video import SegmentVideo
from vadkit.data.tensors import Bags
from vadkit.engine.collect import collect_passes
from vadkit.engine.trainer import Trainer
from vadkit.methods.segment_rows import RowsMethod
from vadkit.methods.weak.method import WeakMethod
from vadkit.recipe import Recipe
from vadkit.workflows.build import build_method, build_optimizers, build_schedules

_CPU = torch.device("cpu")
# Sums of floats in another order, which padding and the batch change.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-5
_VIDEOS, _DIM, _KINDS = 48, 16, ("fall", "fight")
# The length of a row of the features `tracks` with four people.
_ROW = 33


def check_bags(recipe: Recipe, steps: int) -> None:
    """Run all checks on a method of a recipe with the section ``bags``."""
    assert recipe.bags is not None
    measured = {"dim": _DIM, "classes": list(_KINDS)}
    bags = recipe.bags.model_copy(update=measured)
    recipe = recipe.model_copy(update={"bags": bags})
    method = train_on_bags(recipe, steps)
    _check_scores(method)
    _check_state(method, build_method(recipe, _CPU))
    _check_bfloat16(method)
    _check_learned(method)


def train_on_bags(recipe: Recipe, steps: int) -> WeakMethod:
    """Train the method for ``steps`` steps with vadkit's trainer, on planted videos."""
    assert recipe.bags is not None
    videos = planted_videos(_VIDEOS, _DIM)
    torch.manual_seed(recipe.train.seed)
    method: Any = build_method(recipe, _CPU)
    assert isinstance(method, WeakMethod), "the method has no head for bags"
    if method.clip.scale == "standard":
        middle, spread = moments(videos)
        method.middle.copy_(torch.from_numpy(middle))
        method.spread.copy_(torch.from_numpy(spread))
    loader = BagLoader(
        videos,
        segments=recipe.bags.segments,
        fit=recipe.bags.fit,
        batch_size=min(recipe.train.batch_size, 16),
        seed=0,
        device=_CPU,
        classes=_KINDS,
    )
    epochs = -(-steps // len(loader))
    with tempfile.TemporaryDirectory() as run:
        Trainer(
            method,
            loader,
            name=recipe.name,
            run=Path(run),
            settings=recipe.train.model_copy(update={"epochs": epochs, "max_steps": steps}),
            device=_CPU,
            dtype=torch.float32,
            optimizers=build_optimizers(recipe, method),
            schedules=build_schedules(recipe),
            hooks=[],
        ).fit()
    trained: WeakMethod = method.eval()
    return trained


def planted_videos(count: int, dim: int, seed: int = 0) -> list[SegmentVideo]:
    """Return videos of 20 to 60 segments; every other one has an event of 6 segments.

    The event of a video of kind n raises the features 4 n to 4 n + 3; segment numbers of the event
    are those whose mean is high.
    """
    rng, found = np.random.default_rng(seed), []
    for number in range(count):
        rows = rng.normal(size=(int(rng.integers(20, 61)), dim)).astype(np.float32)
        kind = number // 2 % len(_KINDS)
        if number % 2:
            start = int(rng.integers(0, len(rows) - 6))
            rows[start : start + 6, 4 * kind : 4 * kind + 4] += 3
        shape = (len(rows), 1, dim)
        category = _KINDS[kind] if number % 2 else None
        load = {0: rows}.__getitem__
        name = f"{number:03d}"
        found.append(
            SegmentVideo(name, name, shape, load, 16 * len(rows), 16, bool(number % 2), category)
        )
    return found


def _bags(lengths: list[int], padded: int | None = None) -> Bags:
    rng = np.random.default_rng(1)
    rows = [rng.normal(size=(length, _DIM)).astype(np.float32) for length in lengths]
    features, mask = stacked(rows, padded)
    return Bags(features, mask, torch.zeros(len(lengths)))


def _check_scores(method: WeakMethod) -> None:
    """Scores belong to segments, and neither padding nor other videos change them."""
    before = {name: value.clone() for name, value in method.state_dict().items()}
    alone = _bags([40])
    scores = method.score(alone).frames
    assert scores.shape == (1, 40), f"scores are {tuple(scores.shape)}, not (videos, segments)"
    assert scores.isfinite().all(), "a score is not finite"
    assert ((scores >= 0) & (scores <= 1)).all(), "a score is outside 0..1"
    assert not scores.requires_grad, "scores carry gradients"
    assert torch.equal(method.score(alone).frames, scores), "scoring twice gives other scores"
    changed = [n for n, v in method.state_dict().items() if not torch.equal(v, before[n])]
    assert not changed, f"scoring changed {', '.join(changed)}"
    padded = method.score(_bags([40, 25, 3], padded=64)).frames
    _same(padded[:1, :40], scores, "a score depends on padding or on other videos of the batch")
    assert padded[0, 40:].isnan().all() and padded[2, 3:].isnan().all(), "padding has a score"
    for length in (1, 2, 5, 300):
        found = method.score(_bags([length])).frames
        assert found.shape == (1, length) and found.isfinite().all(), (
            f"a video of {length} segments is not scored"
        )


def _check_state(method: WeakMethod, fresh: Any) -> None:
    fresh.load_state_dict(method.state_dict())
    bags = _bags([30])
    found = fresh.eval().score(bags).frames
    _same(found, method.score(bags).frames, "state_dict lacks something")


def _check_bfloat16(method: WeakMethod) -> None:
    bags = _bags([30])
    exact = method.score(bags).frames
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = method.score(bags).frames
    assert rounded.isfinite().all(), "a score is not finite in bfloat16"
    torch.testing.assert_close(rounded.float(), exact, rtol=0.1, atol=0.05)


def _check_learned(method: WeakMethod) -> None:
    """Events score above the rest of their video, and abnormal videos above normal ones."""
    inside: list[float] = []
    outside: list[float] = []
    peaks: dict[bool, list[float]] = {False: [], True: []}
    for video in planted_videos(24, _DIM, seed=9):
        rows = video.crop(0)
        features, mask = stacked([rows], None)
        scores = method.score(Bags(features, mask, torch.zeros(1))).frames[0].numpy()
        peaks[bool(video.abnormal)].append(scores.max())
        if video.abnormal:
            event = rows[:, :8].reshape(-1, 2, 4).mean(axis=2).max(axis=1) > 1.6
            inside.append(scores[event].mean())
            outside.append(scores[~event].mean())
    event, rest = float(np.mean(inside)), float(np.mean(outside))
    assert event > rest, f"a planted event scores {event:.4g}, the rest of its video {rest:.4g}"
    high, low = float(np.mean(peaks[True])), float(np.mean(peaks[False]))
    assert high > low, f"abnormal videos reach {high:.4g}, normal ones {low:.4g}"


def _same(found: torch.Tensor, expected: torch.Tensor, message: str) -> None:
    try:
        torch.testing.assert_close(found, expected, rtol=_RELATIVE, atol=_ABSOLUTE)
    except AssertionError as error:
        raise AssertionError(f"{message}: {str(error).splitlines()[-2]}") from None


def check_rows(recipe: Recipe) -> None:
    """Fit a ``RowsMethod`` on planted rows and check its scores, its state and what it learned."""
    assert recipe.bags is not None
    bags = recipe.bags.model_copy(update={"dim": _ROW})
    recipe = recipe.model_copy(update={"bags": bags})
    method = _built(recipe)
    videos = [_planted(number) for number in range(8)]
    collect_passes(method, RowLoader(videos, _CPU), _CPU, torch.float32)
    rows = torch.from_numpy(_planted(99).crop(0))
    mask = torch.ones(2, len(rows), dtype=torch.bool)
    mask[1, 10:] = False
    both = torch.stack([rows, rows.clone()])
    both[1, 10:] = 0
    scores = method.score(Bags(both, mask, torch.zeros(2))).frames
    assert scores.shape == mask.shape, f"scores are {tuple(scores.shape)}, not (videos, rows)"
    assert scores[mask].isfinite().all() and scores[~mask].isnan().all(), (
        "a row has no score, or padding has one"
    )
    torch.testing.assert_close(scores[1, :10], scores[0, :10], rtol=1e-4, atol=1e-4)
    fresh = _built(recipe)
    fresh.load_state_dict(method.state_dict())
    again = fresh.score(Bags(both[:1], mask[:1], torch.zeros(1))).frames
    torch.testing.assert_close(again, scores[:1], rtol=1e-4, atol=1e-4)
    odd = method.row_scores(rows * 4).mean()
    assert odd > scores[0].mean(), "rows unlike those of training do not score higher"


def _built(recipe: Recipe) -> RowsMethod:
    method = build_method(recipe, _CPU).eval()
    assert isinstance(method, RowsMethod), "the method does not learn from rows"
    return method


def _planted(seed: int) -> SegmentVideo:
    """Return a video of 40 rows of positive numbers."""
    rows = np.random.default_rng(seed).uniform(0.5, 1.5, size=(40, _ROW)).astype(np.float32)
    name = str(seed)
    return SegmentVideo(name, name, (40, 1, _ROW), lambda crop: rows, 40, 1, False)
