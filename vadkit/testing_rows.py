"""Contract checks for methods that learn without gradients from rows of features."""

from __future__ import annotations

import numpy as np
import torch

from vadkit.data.segments.rows import RowLoader
from vadkit.data.segments.video import SegmentVideo
from vadkit.data.tensors import Bags
from vadkit.engine.collect import collect_passes
from vadkit.methods.segment_rows import RowsMethod
from vadkit.recipe import Recipe
from vadkit.workflows.build import build_method

_CPU = torch.device("cpu")
# The length of a row of the features `tracks` with four people.
_DIM = 33


def check_rows(recipe: Recipe) -> None:
    """Fit a ``RowsMethod`` on planted rows and check its scores, its state and what it learned."""
    assert recipe.bags is not None
    bags = recipe.bags.model_copy(update={"dim": _DIM})
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
    rows = np.random.default_rng(seed).uniform(0.5, 1.5, size=(40, _DIM)).astype(np.float32)
    name = str(seed)
    return SegmentVideo(name, name, (40, 1, _DIM), lambda crop: rows, 40, 1, False)
