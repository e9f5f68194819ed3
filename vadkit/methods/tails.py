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

    Rarity 3 is that of one normal value in a thousand. Normal video is not the same from hour to
    hour, so the share is the highest of any of its ``pieces``: a new piece that is like these has
    more of such values with a chance of 1 in their number plus 1, whatever the distribution.

    Up to where the highest ``share`` of the values begins it goes by quantiles. Beyond, it goes by
    a generalised Pareto distribution, as alarm thresholds do (``vadkit.scoring.peaks``), but one
    that has no end: of a shape of 0, which is exponential, or more. Values of frames that follow
    each other are alike, so where their ``times`` are told, it is fitted to the peaks of the events
    that they make (Davison and Smith, JRSS B 1990).
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
        """Learn what values (N,) of normal video are like; NaN is left out, N >= 1 others.

        ``pieces`` (N,) int64 number the pieces of video that they are of, all of one by default.
        ``times`` (N,) int64 are frame numbers; values over the tail's start that lie at most
        ``apart`` frames from each other are of one event.
        """
        known = ~values.isnan()
        values = values[known].double().cpu()
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
        every = [values]
        if pieces is not None:
            of_piece = pieces[known].cpu()
            every = [values[of_piece == piece] for piece in of_piece.unique()]
        knots = torch.stack([_quantiles(each, shares) for each in every]).amax(dim=0)
        self.values.copy_(knots)
        self.rarities.copy_(-shares.log10())
        # The tail of all pieces has more to go by, and begins lower.
        start = _quantiles(values, shares[-1:])[0]
        above = values - start
        if times is not None:
            above = _peaks(above, times[known].cpu(), apart)
        shape, scale = _fit(above[above > 0])
        # Of a generalised Pareto distribution what lies above a higher start is another.
        self.tail.copy_(torch.tensor([shape, scale + shape * (knots[-1] - start).item()]))

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


def _quantiles(values: Tensor, shares: Tensor) -> Tensor:
    """The values that these shares of all (N,) reach, between neighbours linearly."""
    values = values.sort().values
    places = ((1 - shares) * (len(values) - 1)).clamp(min=0)
    low, high = values[places.floor().long()], values[places.ceil().long()]
    return low + (high - low) * (places - places.floor())


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
