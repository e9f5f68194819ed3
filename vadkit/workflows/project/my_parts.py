"""Parts of your own. The recipe names this file under `plugins`, so that it can name them.

Networks, losses, methods, augments, sinks and others are added in the same way; see
`vadkit list-components` for all families, and the page "Add a component" for what each must be.
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
    """The highest score of the last ``frames`` frames, so that a short rise is not overlooked.

    Name it in the recipe: ``scorers: [{type: hold, frames: 5}]``. Keyword-only parameters such as
    ``frames`` are those of the recipe.
    """

    # It looks at the past alone, so cameras can use it; and a threshold still means the same.
    causal: ClassVar[bool] = True
    keeps_unit: ClassVar[bool] = True

    def __init__(self, *, frames: Annotated[int, Field(ge=1)] = 5) -> None:
        self.frames = frames

    @property
    def label(self) -> str:
        return f"hold(frames={self.frames})"

    def stream(self) -> Callable[[float], float]:
        """A function for the scores of one video, one by one; NaN, a frame without one, stays."""
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
