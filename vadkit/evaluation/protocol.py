"""How raw frame scores become a published number, as data, with the field's usual protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from vadkit.errors import RecipeError

Averaging = Literal["micro", "macro", "padded-macro"]
Normalisation = Literal["none", "per-video", "training"]
Smoothing = Literal["none", "causal", "offline"]
Unscored = Literal["drop", "back-fill", "lowest"]
Checkpoint = Literal["last", "best-training-loss", "best-on-test"]

_NORMALISED = {
    "none": "not normalised",
    "per-video": "per-video min-max",
    "training": "scaled by training scores",
}
_UNSCORED = {
    "drop": "unscored frames dropped",
    "back-fill": "unscored frames back-filled",
    "lowest": "unscored frames lowest",
}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything between a method's raw scores and a number in a table.

    - ``averaging``: which AUC is the headline. ``micro`` is over all frames together, ``macro``
      the mean over videos of two classes, ``padded-macro`` the mean over all videos, each given
      one normal frame with the lowest score of the set and one abnormal frame with the highest.
    - ``smoothing``: ``causal`` is an exponential average with a half-life of ``window`` frames,
      ``offline`` a Gaussian of sigma ``window`` frames, which looks ahead.
    - ``normalisation``, after smoothing: ``per-video`` stretches each video to 0..1, ``training``
      takes off the median of training scores and divides by their 99% quantile above it.
    - ``unscored`` frames are dropped, take the next score of their video (the last ones the last
      score), or its lowest.
    - ``checkpoint``: ``last``, ``best-training-loss``, ``best-on-test`` (by micro AUC of the raw
      scores), or the name of one.
    - ``labels``: where the labels are from; filled in when scores are evaluated.
    - ``steps``: the recipe's own scorers, in place of what ``smoothing`` and ``normalisation``
      would do; both then only say of what kind those are.
    - ``note``: what else the authors did that no field here can say.
    """

    name: str = "custom"
    averaging: Averaging = "micro"
    normalisation: Normalisation = "none"
    smoothing: Smoothing = "none"
    window: Annotated[float, Field(gt=0)] | None = None
    unscored: Unscored = "drop"
    checkpoint: str = "last"
    labels: str = ""
    steps: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if (self.smoothing == "none") != (self.window is None) and not self.steps:
            raise RecipeError(
                f"protocol '{self.name}': smoothing '{self.smoothing}' "
                + ("needs a window (frames)" if self.window is None else "takes no window")
            )

    @property
    def headline(self) -> str:
        """The name of the metric that ``averaging`` makes the headline."""
        return f"{self.averaging}-auc"

    @property
    def keeps_unit(self) -> bool:
        """Whether scores stay in the method's own unit, so that a calibrated threshold holds."""
        return self.normalisation == "none"

    @property
    def words(self) -> str:
        """The protocol in a line: every number carries it."""
        parts = [self.steps] if self.steps else [self._smoothed(), _NORMALISED[self.normalisation]]
        parts += [_UNSCORED[self.unscored], f"checkpoint {self.checkpoint}"]
        if self.labels:
            parts.append(f"labels {self.labels}")
        return f"{self.name}: {', '.join(parts)}"

    def _smoothed(self) -> str:
        if self.smoothing == "none":
            return "not smoothed"
        kind = "exponential average, half-life" if self.smoothing == "causal" else "Gaussian, sigma"
        return f"{kind} {self.window:g} frames"

    @property
    def foresight(self) -> list[str]:
        """What it uses that a live system does not have, a clause each; empty when online-valid."""
        found = []
        if self.normalisation == "per-video":
            found.append("needs each test video's own extremes, so its end")
        if self.smoothing == "offline":
            found.append("smooths with frames that come later")
        if self.unscored == "back-fill":
            found.append("gives frames the score of later ones")
        if self.averaging != "micro":
            found.append("grants each video a threshold of its own")
        if self.averaging == "padded-macro":
            found.append("adds two frames to each video that any method gets right")
        if self.checkpoint == "best-on-test":
            found.append("picks the checkpoint by test labels")
        return found

    def scorers(self) -> list[tuple[str, dict[str, Any]]]:
        """Names and parameters of the scorers that smooth and stretch, in order."""
        chain: list[tuple[str, dict[str, Any]]] = []
        if self.smoothing == "causal":
            chain.append(("ema", {"halflife": self.window}))
        if self.smoothing == "offline":
            chain.append(("gaussian", {"sigma": self.window}))
        if self.normalisation == "per-video":
            chain.append(("minmax-per-video", {}))
        return chain


def fill_unscored(scores: dict[str, np.ndarray], unscored: Unscored) -> dict[str, np.ndarray]:
    """Scores (N,) by video with NaN filled as the protocol says; a wholly NaN video stays NaN."""
    if unscored == "drop":
        return scores
    filled = {}
    for video, values in scores.items():
        known = np.flatnonzero(~np.isnan(values))
        if not len(known):
            filled[video] = values
        elif unscored == "lowest":
            filled[video] = np.where(np.isnan(values), values[known].min(), values)
        else:
            following = np.searchsorted(known, np.arange(len(values)))
            filled[video] = values[known[np.minimum(following, len(known) - 1)]]
    return filled


def custom(
    *,
    name: str = "custom",
    averaging: Averaging = "micro",
    normalisation: Normalisation = "none",
    smoothing: Smoothing = "none",
    window: Annotated[float, Field(gt=0)] | None = None,
    unscored: Unscored = "drop",
    checkpoint: Checkpoint = "last",
) -> Protocol:
    """A protocol of your own, choice by choice; see the other names for the usual ones."""
    return Protocol(
        name=name,
        averaging=averaging,
        normalisation=normalisation,
        smoothing=smoothing,
        window=window,
        unscored=unscored,
        checkpoint=checkpoint,
    )
