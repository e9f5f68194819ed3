"""Protocols: how raw frame scores become a published number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.evaluation.metrics import ProtocolSummary

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
_UNSCORED = {"drop": "dropped", "back-fill": "back-filled", "lowest": "lowest"}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """All choices between a method's raw scores and a number in a table.

    - ``averaging``: the AUC that is the main metric. ``micro`` pools all frames; ``macro`` is the
      mean over videos with two classes; ``padded-macro`` is the mean over all videos, after adding
      to each a normal frame with the lowest score of the set and an abnormal frame with the
      highest.
    - ``smoothing``: ``causal`` is an exponential average with a half-life of ``window`` frames;
      ``offline`` is a Gaussian with a sigma of ``window`` frames, which uses future frames.
    - ``normalisation``, after smoothing: ``per-video`` scales each video to 0..1; ``training``
      subtracts the median of training scores and divides by their 99% quantile above it.
    - ``parts``, weights by name: instead of the method's score, the weighted sum of these parts of
      it counts, each smoothed and normalised by itself.
    - ``unscored`` frames are dropped, or get the next score of their video (the last frames get the
      last score), or its lowest score.
    - ``checkpoint``: ``last``, ``best-training-loss``, ``best-on-test`` (by micro AUC of raw
      scores), or the name of a checkpoint.
    - ``labels``: the source of the labels; filled in during evaluation.
    - ``steps``: the recipe's scorers, which replace ``smoothing`` and ``normalisation``; both then
      only describe the kind of these scorers.
    - ``note``: steps of the authors that no field here can express.
    """

    name: str = "custom"
    averaging: Averaging = "micro"
    normalisation: Normalisation = "none"
    smoothing: Smoothing = "none"
    window: Annotated[float, Field(gt=0)] | None = None
    parts: tuple[tuple[str, float], ...] = ()
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
        """The name of the main metric, chosen by ``averaging``."""
        return f"{self.averaging}-auc"

    @property
    def keeps_unit(self) -> bool:
        """Whether scores stay in the method's unit, so that a calibrated threshold is valid."""
        return self.normalisation == "none"

    @property
    def summary(self) -> ProtocolSummary:
        """The name and a description of all choices, stored with every metric."""
        unscored = f"unscored frames {self.unscored_words}"
        parts = [self.scoring_words, unscored, f"checkpoint {self.checkpoint}"]
        if self.labels:
            parts.append(f"labels {self.labels}")
        return ProtocolSummary(self.name, ", ".join(parts))

    @property
    def words(self) -> str:
        """The summary as one line."""
        return str(self.summary)

    @property
    def smoothing_words(self) -> str:
        """What happens to the scores first, such as "Gaussian, sigma 4 frames"."""
        if self.smoothing == "none":
            return "not smoothed"
        kind = "exponential average, half-life" if self.smoothing == "causal" else "Gaussian, sigma"
        return f"{kind} {self.window:g} frames"

    @property
    def normalisation_words(self) -> str:
        """How smoothed scores are scaled, such as "per-video min-max", and the mix of parts."""
        words = _NORMALISED[self.normalisation]
        mix = " + ".join(f"{weight:g} {name}" for name, weight in self.parts)
        return f"{words} of each part, {mix}" if mix else words

    @property
    def scoring_words(self) -> str:
        """Smoothing and normalisation, or the recipe's scorers that replace them."""
        return self.steps or f"{self.smoothing_words}, {self.normalisation_words}"

    @property
    def unscored_words(self) -> str:
        """What happens to frames without a score: "dropped", "back-filled" or "lowest"."""
        return _UNSCORED[self.unscored]

    @property
    def foresight(self) -> list[str]:
        """What the protocol uses that a live system does not have; empty if valid online."""
        found = []
        if self.normalisation == "per-video":
            found.append("needs each whole test video for its minimum and maximum")
        if self.smoothing == "offline":
            found.append("smooths with later frames")
        if self.unscored == "back-fill":
            found.append("gives frames the scores of later frames")
        if self.averaging != "micro":
            found.append("uses a separate threshold for each video")
        if self.averaging == "padded-macro":
            found.append("adds two trivially correct frames to each video")
        if self.checkpoint == "best-on-test":
            found.append("chooses the checkpoint with test labels")
        return found

    def scorers(self) -> list[tuple[str, dict[str, Any]]]:
        """Names and parameters of the scorers that smooth and normalise, in order."""
        chain: list[tuple[str, dict[str, Any]]] = []
        if self.smoothing == "causal":
            chain.append(("ema", {"halflife": self.window}))
        if self.smoothing == "offline":
            chain.append(("gaussian", {"sigma": self.window}))
        if self.normalisation == "per-video":
            chain.append(("minmax-per-video", {}))
        return chain


def fill_unscored(scores: dict[str, np.ndarray], unscored: Unscored) -> dict[str, np.ndarray]:
    """Fill NaN in scores (N,) as the protocol says; a video without any score stays NaN."""
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
    """A protocol of your own; see the presets for the usual ones."""
    return Protocol(
        name=name,
        averaging=averaging,
        normalisation=normalisation,
        smoothing=smoothing,
        window=window,
        unscored=unscored,
        checkpoint=checkpoint,
    )
