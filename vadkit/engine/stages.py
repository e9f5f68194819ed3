"""Stages of training: which roles train at a position of the training."""

from __future__ import annotations

from collections.abc import Sequence

from vadkit.recipe.model import Stage


def stage_at(stages: Sequence[Stage], position: float, epochs: int) -> int:
    """Return the number of the stage, from 0, at a position from 0 to ``epochs``.

    Each stage has its share of the epochs; a stage ends where the next one starts.
    """
    total = sum(stage.share for stage in stages)
    end = 0.0
    for number, stage in enumerate(stages):
        end += stage.share
        # Slightly less: a rounding error must not move a border by a step.
        if position < end / total * epochs - 1e-9:
            return number
    return len(stages) - 1
