"""Contract checks for methods on poses of people; ``testing.check_method`` runs them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vadkit.data.objects.pose_tracks import PoseRows
from vadkit.data.objects.skeleton import with_neck
from vadkit.data.segments.poses import PERSON, pose_rows
from vadkit.data.segments.video import SegmentVideo
from vadkit.data.synthetic.walkers import walker
from vadkit.data.tensors import Bags
from vadkit.engine.trainer import Trainer
from vadkit.methods.poses.method import PoseMethod
from vadkit.recipe import Recipe
from vadkit.workflows.build import build_method, build_optimizers, build_schedules

_CPU = torch.device("cpu")
_PEOPLE, _FRAMES, _FALL = 2, 80, 40


def check_poses(recipe: Recipe, steps: int) -> None:
    """Train a ``PoseMethod`` on walkers; check its scores, its state and what it learned.

    A fall must score above the walk before it.
    """
    assert recipe.bags is not None
    bags = recipe.bags.model_copy(update={"dim": 1 + _PEOPLE * PERSON})
    recipe = recipe.model_copy(update={"bags": bags})
    method = _trained(recipe, steps)
    rows = torch.from_numpy(drawn_video(99, falls=_FALL).crop(0))
    before = {name: value.clone() for name, value in method.state_dict().items()}
    scores = method.score(_bag(rows)).frames
    assert scores.shape == (1, len(rows)), f"scores are {tuple(scores.shape)}, not (1, frames)"
    assert scores.isfinite().all() and not scores.requires_grad, "a score is not finite or has grad"
    assert torch.equal(method.score(_bag(rows)).frames, scores), "scoring twice differs"
    changed = [n for n, v in method.state_dict().items() if not torch.equal(v, before[n])]
    assert not changed, f"scoring changed {', '.join(changed)}"
    fresh = _built(recipe)
    fresh.load_state_dict(method.state_dict())
    again = fresh.score(_bag(rows)).frames
    torch.testing.assert_close(again, scores, rtol=1e-4, atol=1e-4)
    empty = rows.clone()
    empty[:, 1:] = 0
    least = method.score(_bag(empty)).frames
    assert (least == least[0, 0]).all() and (least <= scores).all(), (
        "frames without people do not have the lowest score"
    )
    fall, walk = scores[0, _FALL : _FALL + 20].max(), scores[0, : _FALL - method.length].max()
    assert fall > walk, f"a planted fall scores {fall:.4g}, the walk before it {walk:.4g}"


def _trained(recipe: Recipe, steps: int) -> PoseMethod:
    torch.manual_seed(recipe.train.seed)
    method = _built(recipe).train()
    size = min(recipe.train.batch_size, 64)
    videos = [drawn_video(number) for number in range(12)]
    loader = method.loader(videos, batch_size=size, seed=0, device=_CPU)
    settings = {"epochs": -(-steps // len(loader)), "max_steps": steps}
    with tempfile.TemporaryDirectory() as run:
        Trainer(
            method,
            loader,
            name=recipe.name,
            run=Path(run),
            settings=recipe.train.model_copy(update=settings),
            device=_CPU,
            dtype=torch.float32,
            optimizers=build_optimizers(recipe, method),
            schedules=build_schedules(recipe),
            hooks=[],
        ).fit()
    return method.eval()


def _built(recipe: Recipe) -> PoseMethod:
    method: Any = build_method(recipe, _CPU).eval()
    assert isinstance(method, PoseMethod), "the method does not learn from poses"
    return method


def _bag(rows: torch.Tensor) -> Bags:
    return Bags(rows[None], torch.ones(1, len(rows), dtype=torch.bool), torch.zeros(1))


def drawn_video(seed: int, falls: int | None = None) -> SegmentVideo:
    """Return a video of 80 frames with a walker, who may fall, and in its second half another."""
    random = np.random.default_rng(seed)
    one, other = (
        walker(_FRAMES, random, falls=falls),
        walker(_FRAMES // 2, random, left=random.uniform(100, 300)),
    )
    frame = np.concatenate([np.arange(_FRAMES), np.arange(_FRAMES // 2, _FRAMES)])
    track = np.repeat([1, 2], [_FRAMES, _FRAMES // 2])
    order = np.argsort(frame, kind="stable")
    points = with_neck(np.concatenate([one, other]))[order].astype(np.float32)
    rows = pose_rows(PoseRows(frame[order], track[order], points), _FRAMES, _PEOPLE)
    name, shape = str(seed), (_FRAMES, 1, rows.shape[1])
    return SegmentVideo(name, name, shape, lambda crop: rows, _FRAMES, 1, False)
