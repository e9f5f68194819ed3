"""Torch's optimizers with checked parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import torch
from pydantic import Field
from torch import nn

Rate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0)]
Beta = Annotated[float, Field(ge=0, lt=1)]


def adagrad(
    params: Iterable[nn.Parameter],
    *,
    lr: Rate = 1e-2,
    eps: Rate = 1e-10,
    weight_decay: Decay = 0.0,
) -> torch.optim.Optimizer:
    """Adagrad (Duchi et al., JMLR 2011)."""
    return torch.optim.Adagrad(params, lr=lr, eps=eps, weight_decay=weight_decay)


def adam(
    params: Iterable[nn.Parameter],
    *,
    lr: Rate = 1e-3,
    betas: tuple[Beta, Beta] = (0.9, 0.999),
    eps: Rate = 1e-8,
    weight_decay: Decay = 0.0,
) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba, ICLR 2015)."""
    return torch.optim.Adam(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def adamax(
    params: Iterable[nn.Parameter],
    *,
    lr: Rate = 2e-3,
    betas: tuple[Beta, Beta] = (0.9, 0.999),
    eps: Rate = 1e-8,
    weight_decay: Decay = 0.0,
) -> torch.optim.Optimizer:
    """Adam with the largest gradients in place of their squares (Kingma and Ba, ICLR 2015)."""
    return torch.optim.Adamax(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def adamw(
    params: Iterable[nn.Parameter],
    *,
    lr: Rate = 1e-3,
    betas: tuple[Beta, Beta] = (0.9, 0.999),
    eps: Rate = 1e-8,
    weight_decay: Decay = 0.01,
) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)."""
    return torch.optim.AdamW(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def sgd(
    params: Iterable[nn.Parameter],
    *,
    lr: Rate = 1e-2,
    momentum: Beta = 0.9,
    nesterov: bool = False,
    weight_decay: Decay = 0.0,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum."""
    return torch.optim.SGD(
        params, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
    )
