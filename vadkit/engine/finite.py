"""Detect losses, gradients and weights that are not finite, before they are saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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

    def note_step(
        self, terms: Mapping[str, Tensor], norms: Mapping[str, Tensor], step: int, epoch: int
    ) -> None:
        """Add losses and gradient norms of a step by name; step and epoch count from 1."""
        here = f" at step {step} (epoch {epoch})"
        for name, value in terms.items():
            self.note(f"loss '{name}'{here}", value)
        for role, value in norms.items():
            self.note(f"the gradient of '{role}'{here}", value)

    def check(self, saved_step: int | None) -> None:
        """Raise ``TrainingError`` if a value since the last check is not finite.

        ``saved_step`` is the step of the newest checkpoint, for the message.
        """
        fault = self.first_fault()
        if fault is None:
            return
        kept = "No checkpoint was written yet."
        if saved_step is not None:
            kept = f"The last good checkpoint, of step {saved_step}, is kept."
        raise TrainingError(
            f"{fault} is not finite; lower the learning rate, set train.clip_grad_norm, or use "
            f"train.precision fp32. {kept}"
        )

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
