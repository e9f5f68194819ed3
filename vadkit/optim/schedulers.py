"""Learning-rate schedules: the factor on the base rate at an epoch position such as 2.5.

They keep no state, so a resumed run needs none, and a position within an epoch has its own rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

Factor = Callable[[float], float]
Epochs = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]

# See `brought_down`: the share of the base rate that is low, and the share of training to get to 0.
_LOW, _FALL = 0.1, 0.2


def constant(epochs: int) -> Factor:
    """The base rate for the whole training."""
    return lambda epoch: 1.0


def step(epochs: int, *, every: Annotated[int, Field(ge=1)] = 30, gamma: Share = 0.1) -> Factor:
    """Multiplies the rate by ``gamma`` after every ``every`` epochs."""
    return lambda epoch: gamma ** (math.floor(epoch) // every)


def multistep(epochs: int, *, milestones: list[Epochs], gamma: Share = 0.1) -> Factor:
    """Multiplies the rate by ``gamma`` at each of the ``milestones``, in epochs."""
    return lambda epoch: gamma ** sum(epoch >= milestone for milestone in milestones)


def cosine(epochs: int, *, end: Share = 0.0) -> Factor:
    """Decreases along half a cosine to ``end`` times the base rate at the end of training.

    Loshchilov and Hutter, ICLR 2017, without restarts.
    """
    return lambda epoch: _cosine(epoch / epochs, end)


def warmup_cosine(
    epochs: int, *, warmup: Epochs = 5.0, start: Share = 0.0, end: Share = 0.0
) -> Factor:
    """Increases linearly from ``start`` over ``warmup`` epochs, then decreases like ``cosine``."""

    def factor(epoch: float) -> float:
        if epoch < warmup:
            return start + (1 - start) * epoch / warmup
        return _cosine((epoch - warmup) / max(epochs - warmup, 1e-9), end)

    return factor


def warmup_multistep(
    epochs: int,
    *,
    milestones: list[Epochs],
    gamma: Share = 0.1,
    warmup: Epochs = 5.0,
    start: Share = 0.0,
) -> Factor:
    """Increases linearly from ``start`` over ``warmup`` epochs, then is like ``multistep``."""
    after = multistep(epochs, milestones=milestones, gamma=gamma)

    def factor(epoch: float) -> float:
        rise = start + (1 - start) * epoch / warmup if epoch < warmup else 1.0
        return rise * after(epoch)

    return factor


def brought_down(factor: Factor, epochs: int) -> Factor:
    """Return a schedule that ends near 0, for training that ends at a given time.

    A schedule that itself ends at a tenth of the base rate or less stays as it is. Any other, such
    as a constant one, falls linearly to 0 over the last fifth of training.
    """
    if factor(float(epochs)) <= _LOW:
        return factor
    return lambda epoch: factor(epoch) * min(1.0, max(0.0, 1 - epoch / epochs) / _FALL)


def _cosine(progress: float, end: float) -> float:
    """1 at progress 0, ``end`` from progress 1 on."""
    return end + (1 - end) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2
