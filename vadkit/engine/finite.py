"""Detect losses, gradients and weights that are not finite, before they are saved."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vadkit.errors import TrainingError


class FiniteCheck:
    """Collects scalars on their device and checks all of them at once.

    A check waits for the device, so it is not done in every step; but every value is checked.
    """

    def __init__(self) -> None:
        self._noted: list[tuple[str, Tensor]] = []

    def note(self, what: str, value: Tensor) -> None:
        """Add a scalar; ``what`` describes it for error messages."""
        self._noted.append((what, value.detach()))

    def first_fault(self) -> str | None:
        """Return the description of the first value that is not finite, and clear all values."""
        noted, self._noted = self._noted, []
        if not noted:
            return None
        finite = torch.stack([value.float() for _, value in noted]).isfinite().tolist()
        return next((what for (what, _), good in zip(noted, finite, strict=True) if not good), None)


def gradient_norm(parameters: Iterable[nn.Parameter], limit: float | None) -> Tensor | None:
    """Return the norm of all gradients, then clip them to ``limit``; None without gradients.

    The norm stays on the device; it is not finite if any gradient is not.
    """
    with_gradient = [one for one in parameters if one.grad is not None]
    if not with_gradient:
        return None
    if limit is not None:
        return nn.utils.clip_grad_norm_(with_gradient, limit)
    return nn.utils.get_total_norm([one.grad for one in with_gradient if one.grad is not None])


def check_weights(networks: nn.Module, name: str) -> None:
    """Raise ``TrainingError`` if a weight or a running statistic is not finite.

    ``name`` is the file that was to be written with them.
    """
    if bad := bad_weights(networks):
        raise TrainingError(f"{name} is not written: weights {bad} are not finite")


def bad_weights(networks: nn.Module) -> str:
    """Return which weights and running statistics are not finite; empty if all are."""
    tensors = {
        place: value.detach()
        for place, value in [*networks.named_parameters(), *networks.named_buffers()]
        if value.is_floating_point()
    }
    if not tensors:
        return ""
    finite = torch.stack([value.isfinite().all() for value in tensors.values()]).tolist()
    bad = [place for place, good in zip(tensors, finite, strict=True) if not good]
    others = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
    return f"{bad[0]}{others}" if bad else ""
