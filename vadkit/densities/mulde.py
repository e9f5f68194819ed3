"""Log-densities at several noise scales, learned by a small network."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.densities.density import Density
from vadkit.densities.gmm import Gmm
from vadkit.errors import TrainingError


class Mulde(Density):
    """MULDE: multiscale log-density estimation (Micorek et al., CVPR 2024).

    A network of two hidden layers takes a standardised row and the standard deviation of noise, and
    returns the logarithm of the density of rows with such noise, up to a constant. It is trained by
    denoising score matching: its gradient at a noisy row must point back to the row. Losses are
    weighted by the variance; the standard deviation is drawn log-uniformly from ``noise``.
    ``regularisation`` keeps the logarithms at rows without noise near 0, so that scales are
    comparable. A row's log-densities at ``scales`` standard deviations, evenly spaced over
    ``noise``, go into a mixture of ``components`` Gaussians, whose negative log-density is the
    score.

    The paper uses layers of 4096, batches of 2048 and a learning rate of 4e-5. These defaults are
    for two CPU cores: 256, batches of 512 and 1e-3, for ``steps`` steps. Adam's betas are 0.5 and
    0.9.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        *,
        width: Annotated[int, Field(ge=1)] = 256,
        steps: Annotated[int, Field(ge=1)] = 1000,
        batch_size: Annotated[int, Field(ge=1)] = 512,
        lr: Annotated[float, Field(gt=0)] = 1e-3,
        noise: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (1e-3, 1.0),
        scales: Annotated[int, Field(ge=1)] = 16,
        regularisation: Annotated[float, Field(ge=0)] = 0.1,
        components: Annotated[int, Field(ge=1)] = 5,
    ) -> None:
        super().__init__()
        self.width, self.steps, self.batch_size, self.lr = width, steps, batch_size, lr
        self.noise, self.scales, self.regularisation = noise, scales, regularisation
        self.mixture = Gmm(components=components)
        self.network: nn.Sequential | None = None
        for name in ("mean", "deviation"):
            self.register_buffer(name, torch.zeros(0))

    def _build(self, numbers: int) -> nn.Sequential:
        self.network = nn.Sequential(
            nn.Linear(numbers + 1, self.width),
            nn.GELU(),
            nn.Linear(self.width, self.width),
            nn.GELU(),
            nn.Linear(self.width, 1),
        ).to(self.mean.device)
        # Trained only by `fit`.
        self.network.requires_grad_(False)
        return self.network

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        if prefix + "mean" in state_dict and len(state_dict[prefix + "mean"]):
            self._build(len(state_dict[prefix + "mean"]))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def fit(self, rows_NF: Tensor) -> None:
        """Raises ``TrainingError`` for too few rows, or a loss that is not finite."""
        if len(rows_NF) < 2 * self.mixture.components:
            raise TrainingError(
                f"mulde: {len(rows_NF)} rows are too few for {self.mixture.components} components"
            )
        rows = rows_NF.to(self.mean.device)
        self.keep(mean=rows.mean(dim=0), deviation=rows.std(dim=0).clamp(min=1e-6))
        rows = (rows - self.mean) / self.deviation
        # Its own seed, so that weights and noise do not depend on earlier random numbers.
        with torch.random.fork_rng(), torch.enable_grad(), torch.inference_mode(False):
            torch.manual_seed(0)
            self._train(self._build(rows.shape[1]), rows)
        with torch.no_grad():
            self.mixture.fit(self._log_densities(rows).cpu())

    def _train(self, network: nn.Sequential, rows_NF: Tensor) -> None:
        network.requires_grad_(True)
        optimizer = torch.optim.Adam(network.parameters(), self.lr, betas=(0.5, 0.9))
        low, high = (math.log(each) for each in self.noise)
        for _ in range(self.steps):
            batch = rows_NF[torch.randint(len(rows_NF), (self.batch_size,))]
            sigma = torch.empty(len(batch), 1).uniform_(low, high).exp().to(batch.device)
            noise = torch.randn(batch.shape).to(batch.device)
            noisy = (batch + sigma * noise).requires_grad_()
            (gradient,) = torch.autograd.grad(
                network(torch.cat([noisy, sigma], dim=1)).sum(), noisy, create_graph=True
            )
            loss = 0.5 * (sigma * gradient + noise).square().sum(dim=1).mean()
            clean = network(torch.cat([batch, sigma], dim=1))
            loss = loss + self.regularisation * 0.5 * clean.square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.requires_grad_(False)
        if not math.isfinite(loss.item()):
            raise TrainingError("mulde: the loss is not finite; lower lr")

    def _log_densities(self, rows_NF: Tensor) -> Tensor:
        """Return log-densities of standardised rows at each scale, (N, scales)."""
        assert self.network is not None, "mulde is not fitted"
        low, high = self.noise
        found = [
            self.network(torch.cat([rows_NF, rows_NF.new_full((len(rows_NF), 1), sigma)], dim=1))
            for sigma in torch.linspace(low, high, self.scales).tolist()
        ]
        return torch.cat(found, dim=1)

    def forward(self, rows_NF: Tensor) -> Tensor:
        found: Tensor = self.mixture(self._log_densities((rows_NF - self.mean) / self.deviation))
        return found
