"""A density from a normalising flow of affine couplings."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.densities.density import Density
from vadkit.errors import TrainingError


class RealNvp(Density):
    """Normalising flow of affine couplings (Dinh et al., "Real NVP", ICLR 2017).

    Each of ``layers`` couplings scales and shifts one half of a standardised row, by what a network
    with a hidden layer of ``width`` makes of the other half; halves are taken in turn, every second
    number. So a row becomes one of a standard normal distribution, with a known change of volume.
    The score is the negative log-density. Training maximises the density for ``steps`` steps of
    Adam, with batches of ``batch_size`` rows. ``noise`` is the standard deviation of noise on
    standardised rows in training, which keeps whole numbers from infinite densities.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        *,
        layers: Annotated[int, Field(ge=1, le=100)] = 6,
        width: Annotated[int, Field(ge=1)] = 32,
        steps: Annotated[int, Field(ge=1)] = 1000,
        batch_size: Annotated[int, Field(ge=1)] = 512,
        lr: Annotated[float, Field(gt=0)] = 2e-3,
        noise: Annotated[float, Field(ge=0)] = 0.05,
    ) -> None:
        super().__init__()
        self.layers, self.width, self.steps = layers, width, steps
        self.batch_size, self.lr, self.noise = batch_size, lr, noise
        self.couplings = nn.ModuleList()
        for name in ("mean", "deviation"):
            self.register_buffer(name, torch.zeros(0))

    def _build(self, numbers: int) -> None:
        self.couplings = nn.ModuleList(
            _Coupling(numbers, self.width, number % 2) for number in range(self.layers)
        ).to(self.mean.device)
        # Trained only by `fit`.
        self.couplings.requires_grad_(False)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        if prefix + "mean" in state_dict and len(state_dict[prefix + "mean"]):
            self._build(len(state_dict[prefix + "mean"]))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def fit(self, rows_NF: Tensor) -> None:
        """Raises ``TrainingError`` for too few rows, or a loss that is not finite."""
        if len(rows_NF) < 2:
            raise TrainingError(f"real-nvp: {len(rows_NF)} rows are too few")
        rows = rows_NF.to(self.mean.device)
        self.keep(mean=rows.mean(dim=0), deviation=rows.std(dim=0).clamp(min=1e-6))
        rows = (rows - self.mean) / self.deviation
        # Its own seed, so that weights and noise do not depend on earlier random numbers.
        with torch.random.fork_rng(), torch.enable_grad(), torch.inference_mode(False):
            torch.manual_seed(0)
            self._build(rows.shape[1])
            self._train(rows)

    def _train(self, rows_NF: Tensor) -> None:
        self.couplings.requires_grad_(True)
        optimizer = torch.optim.Adam(self.couplings.parameters(), self.lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        for _ in range(self.steps):
            batch = rows_NF[torch.randint(len(rows_NF), (self.batch_size,))]
            noise = torch.randn(batch.shape).to(batch)
            loss = self._rarity(batch + self.noise * noise).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        self.couplings.requires_grad_(False)
        if not math.isfinite(loss.item()):
            raise TrainingError("real-nvp: the loss is not finite; lower lr")

    def _rarity(self, rows_NF: Tensor) -> Tensor:
        """Return the negative log-density (N,) of standardised rows."""
        x, volume = rows_NF, rows_NF.new_zeros(len(rows_NF))
        for coupling in self.couplings:
            x, growth = coupling(x)
            volume = volume + growth
        return (x.square() + math.log(2 * math.pi)).sum(dim=1) / 2 - volume

    def forward(self, rows_NF: Tensor) -> Tensor:
        """Return negative log-densities in the unit of the rows."""
        rows = (rows_NF.float() - self.mean) / self.deviation
        return self._rarity(rows) + self.deviation.log().sum()


class _Coupling(nn.Module):
    """Scales and shifts the numbers of a row that ``kept`` leaves out, by the ones it keeps."""

    kept: Tensor

    def __init__(self, numbers: int, width: int, parity: int) -> None:
        super().__init__()
        kept = torch.arange(numbers) % 2 == parity
        self.register_buffer("kept", kept.float(), persistent=False)
        self.network = nn.Sequential(
            nn.Linear(numbers, width), nn.ReLU(), nn.Linear(width, 2 * numbers)
        )
        last = self.network[-1]
        assert isinstance(last, nn.Linear)
        # It starts as the identity.
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, rows_NF: Tensor) -> tuple[Tensor, Tensor]:
        """Return the new rows, and the logarithm (N,) of the change of volume."""
        scale, shift = self.network(rows_NF * self.kept).chunk(2, dim=1)
        # Bounded, so that a rare row cannot overflow.
        scale = 2 * (scale / 2).tanh() * (1 - self.kept)
        return rows_NF * scale.exp() + shift * (1 - self.kept), scale.sum(dim=1)
