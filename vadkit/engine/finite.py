"""Losses, gradients and weights that are no numbers any more: found before they are kept."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vadkit.errors import TrainingError


class FiniteCheck:
    """Collects scalars on their device and looks at all of them at once.

    Looking waits for the device, so it is done now and then; every value is looked at.
    """

    def __init__(self) -> None:
        self._noted: list[tuple[str, Tensor]] = []

    def note(self, what: str, value: Tensor) -> None:
        """Remember a scalar; ``what`` says whose it is and when."""
        self._noted.append((what, value.detach()))

    def first_fault(self) -> str | None:
        """What the first noted value that is NaN or infinite was; forgets all of them."""
        noted, self._noted = self._noted, []
        if not noted:
            return None
        finite = torch.stack([value.float() for _, value in noted]).isfinite().tolist()
        return next((what for (what, _), good in zip(noted, finite, strict=True) if not good), None)


def gradient_norm(parameters: Iterable[nn.Parameter], limit: float | None) -> Tensor | None:
    """Norm over all gradients, clipped to ``limit`` afterwards; None where there is no gradient.

    Stays on the device; NaN or infinite where any gradient is.
    """
    with_gradient = [one for one in parameters if one.grad is not None]
    if not with_gradient:
        return None
    if limit is not None:
        return nn.utils.clip_grad_norm_(with_gradient, limit)
    return nn.utils.get_total_norm([one.grad for one in with_gradient if one.grad is not None])


def check_weights(networks: nn.Module, name: str) -> None:
    """Raise ``TrainingError`` where a weight or a running statistic is NaN or infinite.

    ``name`` is what was to be written with them.
    """
    if bad := bad_weights(networks):
        raise TrainingError(f"{name} is not written: weights {bad} are not finite")


def bad_weights(networks: nn.Module) -> str:
    """Which weights and running statistics are NaN or infinite; empty where none are."""
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
