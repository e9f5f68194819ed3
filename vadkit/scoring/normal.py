"""Statistics of a method's scores on normal video: the reference for levels and heat maps."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, RootModel

from vadkit.errors import DataError, TrainingError
from vadkit.reading import checked, read_json


class _Numbers(RootModel[dict[str, Annotated[float, Field(allow_inf_nan=False)]]]):
    """Fields that have a value."""


@dataclass(frozen=True)
class NormalScores:
    """Quantiles of raw scores on the training frames, which contain only normal events.

    ``frame_q*`` are quantiles of frame scores, ``map_q*`` of the values of score maps (NaN for a
    method without maps): the median, the 99% and the 99.9% quantile, in the method's unit.
    ``frames`` is the number of scored frames.
    """

    frame_q50: float
    frame_q99: float
    frame_q999: float
    map_q50: float
    map_q99: float
    map_q999: float
    frames: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Return plain JSON values; NaN becomes None."""
        return {k: None if math.isnan(v) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> NormalScores:
        """The inverse of ``to_dict``; ``DataError`` for fields missing or of another type."""
        missing = [field.name for field in fields(cls) if field.name not in data]
        if missing:
            raise DataError(
                f"normal scores lack {', '.join(missing)}; measure them again on the training "
                "videos"
            )
        known = {field.name: data[field.name] for field in fields(cls)}
        numbers = {name: value for name, value in known.items() if value is not None}
        try:
            checked(_Numbers, numbers)
        except ValueError as error:
            raise DataError(f"normal scores are damaged: {error}") from None
        if not isinstance(known["frames"], int):
            raise DataError("normal scores are damaged: frames is not a whole number")
        values: dict[str, Any] = {name: numbers.get(name, math.nan) for name in known}
        return cls(**values)


def measure_normal(frame_scores: np.ndarray, map_values: np.ndarray | None = None) -> NormalScores:
    """Return quantiles of raw scores of normal frames and, if there are any, of their map values.

    Both are arrays of any shape; NaN is left out. Raises ``DataError`` if no frame has a score.
    """
    scored = frame_scores[~np.isnan(frame_scores)]
    if not scored.size:
        raise DataError("no training frame has a score, so there is no normal level to measure")
    q50, q99, q999 = _quantiles(scored)
    m50, m99, m999 = _quantiles(np.empty(0) if map_values is None else map_values)
    return NormalScores(q50, q99, q999, m50, m99, m999, int(scored.size))


def _quantiles(values: np.ndarray) -> tuple[float, float, float]:
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not values.size:
        return math.nan, math.nan, math.nan
    q50, q99, q999 = np.quantile(values, [0.5, 0.99, 0.999]).tolist()
    return q50, q99, q999


def load_normal(run: Path) -> NormalScores | None:
    """Read ``normal.json`` of a run; None if training has not written it."""
    path = run / "normal.json"
    advice = "train again, or delete it to continue without it"
    try:
        data = read_json(path, dict[str, float | int | None], advice)
    except FileNotFoundError:
        return None
    try:
        return NormalScores.from_dict(data)
    except DataError as error:
        raise TrainingError(f"{path}: {error}") from None
