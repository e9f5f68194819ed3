"""The rarity of a value among normal values, also beyond the largest observed one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vadkit.scoring.peaks import fit_tail

# The quantiles that represent a distribution, from the lowest value to the start of its tail.
_KNOTS = 128
# The fewest values to fit a tail to, and the largest share of all values in it.
_FEWEST, _MOST = 10, 0.5


class Tail(nn.Module):
    """Converts a value to its rarity, -log10 of the share of normal values at least as high.

    Rarity 3 is one normal value in a thousand. Normal video differs from hour to hour, so the share
    is the highest of any of its ``pieces``: a new piece of the same kind exceeds it with a
    probability of 1 in their number plus 1, for any distribution.

    Below the highest ``share`` of the values, rarity comes from quantiles. Above, it comes from a
    generalised Pareto distribution, as for alarm thresholds (``vadkit.scoring.peaks``), but an
    unbounded one: its shape is 0 (exponential) or more. Values of consecutive frames are similar,
    so if their ``times`` are given, it is fitted to the peaks of events (Davison and Smith, JRSS B
    1990).
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
        self,
        values: Tensor,
        share: float,
        *,
        pieces: Tensor | None = None,
        times: Tensor | None = None,
        apart: int = 1,
    ) -> None:
        """Fit to values (N,) of normal video; NaN is left out, and at least one other is needed.

        ``pieces`` (N,) int64 are the numbers of their pieces of video, by default all the same.
        ``times`` (N,) int64 are frame numbers; values above the start of the tail that are at most
        ``apart`` frames apart belong to one event.
        """
        known = ~values.isnan()
        values = values[known].double().cpu()
        share = min(max(share, _FEWEST / len(values)), _MOST)
        # Evenly spaced in rarity and in share, to resolve both frequent and rare values.
        halves = _KNOTS // 2
        shares = torch.cat(
            [
                torch.linspace(1, share, _KNOTS - halves + 1, dtype=torch.float64)[:-1],
                torch.logspace(0, math.log10(share), halves, dtype=torch.float64),
            ]
        )
        shares = shares.sort(descending=True).values
        pieces_of_values = [values]
        if pieces is not None:
            of_piece = pieces[known].cpu()
            pieces_of_values = [values[of_piece == piece] for piece in of_piece.unique()]
        knots = torch.stack([_quantiles(each, shares) for each in pieces_of_values]).amax(dim=0)
        self.values.copy_(knots)
        self.rarities.copy_(-shares.log10())
        # The tail of all pieces together has more values, and starts lower.
        start = _quantiles(values, shares[-1:])[0]
        above = values - start
        if times is not None:
            above = _peaks(above, times[known].cpu(), apart)
        shape, scale = _fit(above[above > 0])
        # The excesses of a generalised Pareto distribution above a higher start are also of that
        # kind.
        self.tail.copy_(torch.tensor([shape, scale + shape * (knots[-1] - start).item()]))

    def rarity(self, values: Tensor) -> Tensor:
        """Return -log10 of the share of normal values at least as high, in the same shape."""
        after = torch.searchsorted(self.values, values.contiguous()).clamp(1, _KNOTS - 1)
        low, high = self.values[after - 1], self.values[after]
        part = ((values - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        below, above = self.rarities[after - 1], self.rarities[after]
        shape, scale = self.tail
        beyond = (values - self.values[-1]).clamp(min=0) / scale
        tail = torch.where(shape > 0, (shape * beyond).log1p() / shape.clamp(min=1e-6), beyond)
        return below + (above - below) * part + tail / math.log(10)


def _quantiles(values: Tensor, shares: Tensor) -> Tensor:
    """Return the quantiles of (N,) values for these shares, interpolated linearly."""
    values = values.sort().values
    places = ((1 - shares) * (len(values) - 1)).clamp(min=0)
    low, high = values[places.floor().long()], values[places.ceil().long()]
    return low + (high - low) * (places - places.floor())


def _peaks(above: Tensor, times: Tensor, apart: int) -> Tensor:
    """Return the highest value of each event above 0."""
    chosen = above > 0
    times, order = times[chosen].sort()
    above = above[chosen][order]
    starts = torch.ones(len(above), dtype=torch.bool)
    starts[1:] = times.diff() > apart
    event = starts.long().cumsum(dim=0) - 1
    peaks = torch.zeros(int(starts.sum()), dtype=above.dtype)
    return peaks.scatter_reduce(0, event, above, "amax")


def _fit(excesses: Tensor) -> tuple[float, float]:
    """Return shape and scale of the tail of excesses (n,) above its start."""
    if len(excesses) < 2:
        return 0.0, float(excesses.sum().clamp(min=1e-6))
    shape, scale = fit_tail(excesses.numpy())
    # A bounded tail would make all values beyond its end equally rare.
    return max(shape, 0.0), max(scale if shape > 0 else float(excesses.mean()), 1e-6)
