"""How rare a value is among normal ones, beyond the largest that was seen as well."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vadkit.scoring.peaks import fit_tail

# Quantiles that a distribution is kept as, from the lowest value to where its tail begins.
_KNOTS = 128
# The fewest values that a tail is fitted to, and the most of all values that it may take.
_FEWEST, _MOST = 10, 0.5


class Tail(nn.Module):
    """From a value to its rarity, -log10 of the share of normal values that are as high.

    Rarity 3 is that of one normal value in a thousand. Up to the highest ``share`` of the values it
    goes by their quantiles. Of these highest it goes by a generalised Pareto distribution, as alarm
    thresholds do (``vadkit.scoring.peaks``), but one that has no end: of a shape of 0, which is
    exponential, or more.
    Values of frames that follow each other are alike, so where their ``times`` are told, it is
    fitted to the peaks of the events that they make (Davison and Smith, JRSS B 1990).
    """

    values: Tensor
    rarities: Tensor
    tail: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(_KNOTS))
        self.register_buffer("rarities", torch.zeros(_KNOTS))
        # Shape and scale.
        self.register_buffer("tail", torch.tensor([0.0, 1.0]))

    def fit(
        self, values: Tensor, share: float, times: Tensor | None = None, apart: int = 1
    ) -> None:
        """Learn what values (N,) of normal video are like; NaN is left out, N >= 1 others.

        ``times`` (N,) int64 are frame numbers; values over the tail's start that lie at most
        ``apart`` frames from each other are of one event.
        """
        known = ~values.isnan()
        unsorted = values[known].double().cpu()
        values = unsorted.sort().values
        share = min(max(share, _FEWEST / len(values)), _MOST)
        # Evenly spread in rarity and in share, to tell the many from each other and the few.
        halves = _KNOTS // 2
        shares = torch.cat(
            [
                torch.linspace(1, share, _KNOTS - halves + 1, dtype=torch.float64)[:-1],
                torch.logspace(0, math.log10(share), halves, dtype=torch.float64),
            ]
        )
        shares = shares.sort(descending=True).values
        places = ((1 - shares) * (len(values) - 1)).clamp(min=0)
        low, high = values[places.floor().long()], values[places.ceil().long()]
        self.values.copy_(low + (high - low) * (places - places.floor()))
        self.rarities.copy_(-shares.log10())
        above = unsorted - self.values[-1].double()
        if times is not None:
            above = _peaks(above, times[known].cpu(), apart)
        self.tail.copy_(torch.tensor(_fit(above[above > 0])))

    def rarity(self, values: Tensor) -> Tensor:
        """-log10 of the share of normal values that are as high as each, of the same shape."""
        after = torch.searchsorted(self.values, values.contiguous()).clamp(1, _KNOTS - 1)
        low, high = self.values[after - 1], self.values[after]
        part = ((values - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        below, above = self.rarities[after - 1], self.rarities[after]
        shape, scale = self.tail
        beyond = (values - self.values[-1]).clamp(min=0) / scale
        tail = torch.where(shape > 0, (shape * beyond).log1p() / shape.clamp(min=1e-6), beyond)
        return below + (above - below) * part + tail / math.log(10)


def _peaks(above: Tensor, times: Tensor, apart: int) -> Tensor:
    """The highest of each event of values over 0."""
    chosen = above > 0
    times, order = times[chosen].sort()
    above = above[chosen][order]
    starts = torch.ones(len(above), dtype=torch.bool)
    starts[1:] = times.diff() > apart
    event = starts.long().cumsum(dim=0) - 1
    peaks = torch.zeros(int(starts.sum()), dtype=above.dtype)
    return peaks.scatter_reduce(0, event, above, "amax")


def _fit(excesses: Tensor) -> tuple[float, float]:
    """Shape and scale of the tail of excesses (n,) over its beginning."""
    if len(excesses) < 2:
        return 0.0, float(excesses.sum().clamp(min=1e-6))
    shape, scale = fit_tail(excesses.numpy())
    # A tail that ends somewhere would make all beyond its end equally rare.
    return max(shape, 0.0), max(scale if shape > 0 else float(excesses.mean()), 1e-6)
