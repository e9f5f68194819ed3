"""Your own components. The recipe lists this file under `plugins`, so it can use them by name.

Networks, losses, methods, augments, sinks and others are added in the same way. See
`vadkit list-components` for all families, and the page "Add a component" for their interfaces.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

import vadkit


@vadkit.register("scorers", "hold")
class Hold:
    """The highest score of the last ``frames`` frames, so that a short peak is not missed.

    Use it in the recipe: ``scorers: [{type: hold, frames: 5}]``. Keyword-only parameters such as
    ``frames`` are the parameters in the recipe.
    """

    # It uses only past frames, so it works for cameras, and it keeps the unit of the threshold.
    causal: ClassVar[bool] = True
    keeps_unit: ClassVar[bool] = True

    def __init__(self, *, frames: Annotated[int, Field(ge=1)] = 5) -> None:
        self.frames = frames

    @property
    def label(self) -> str:
        return f"hold(frames={self.frames})"

    def stream(self) -> Callable[[float], float]:
        """Return a function for the scores of one video, one by one; NaN (no score) stays NaN."""
        last: deque[float] = deque(maxlen=self.frames)

        def step(score: float) -> float:
            last.append(score)
            if math.isnan(score):
                return score
            return max(one for one in last if not math.isnan(one))

        return step

    def __call__(self, scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = {}
        for video, values in scores.items():
            step = self.stream()
            found[video] = np.array([step(score) for score in values.tolist()], dtype=np.float64)
        return found
