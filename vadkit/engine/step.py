"""The optimizer steps of one batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.engine.collect import autocast
from vadkit.engine.finite import gradient_norm
from vadkit.methods.method import Method


class StepValues(NamedTuple):
    """What a step measured, as scalars on the device, which nothing waits for.

    ``terms`` are the loss terms by name, and ``loss``, their sum over all updates. ``norms`` are
    the norms of the gradients before clipping, by role, if the optimizers took a step.
    """

    terms: dict[str, Tensor]
    norms: dict[str, Tensor]


class TrainStep:
    """Takes the optimizer steps of a method for one batch.

    ``on_gradients`` is called with each role whose gradients are complete. ``check`` is called
    before each optimizer step with what was measured so far, and may raise.
    """

    def __init__(
        self,
        method: Method,
        optimizers: Mapping[str, torch.optim.Optimizer],
        *,
        device: torch.device,
        dtype: torch.dtype,
        accumulate: int = 1,
        clip_grad_norm: float | None = None,
        on_gradients: Callable[[str], None] = lambda role: None,
        check: Callable[[StepValues], None] = lambda values: None,
    ) -> None:
        self.method = method
        self.optimizers = optimizers
        self.device = device
        self.dtype = dtype
        self.accumulate = accumulate
        self.clip_grad_norm = clip_grad_norm
        self.on_gradients = on_gradients
        self.check = check
        for optimizer in optimizers.values():
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])

    def set_rates(self, factors: Mapping[str, float]) -> None:
        """Set the learning rates of the next step: by role, the factor on the recipe's rate."""
        for role, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                rate = group["initial_lr"] * factors.get(role, 1.0)
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def __call__(self, clips: Clips, *, begins: bool = True, ends: bool = True) -> StepValues:
        """Run the updates of one batch; ``begins`` and ``ends`` are those of its window.

        A window has ``accumulate`` batches, whose gradients are averaged for one optimizer step.
        """
        values = StepValues({}, {})
        total: Tensor | float = 0.0
        updates = iter(self.method.updates(clips))
        while True:
            with autocast(self.device, self.dtype):
                update = next(updates, None)
            if update is None:
                break
            optimizer = self.optimizers[update.role]
            if begins:
                optimizer.zero_grad(set_to_none=True)
            with self._only(update.role):
                with autocast(self.device, self.dtype):
                    terms = update.terms()
                loss = torch.stack([term.float() for term in terms.values()]).sum()
                (loss / self.accumulate).backward()
            for name, term in terms.items():
                _add(values.terms, name, term)
            if ends:
                self._optimize(update.role, optimizer, values)
            total = total + loss.detach()
        if isinstance(total, Tensor):
            _add(values.terms, "loss", total)
        return values

    def _optimize(self, role: str, optimizer: torch.optim.Optimizer, values: StepValues) -> None:
        self.on_gradients(role)
        norm = gradient_norm(self.method.parameters_of(role), self.clip_grad_norm)
        if norm is not None:
            values.norms[role] = norm.detach()
        self.check(values)
        optimizer.step()

    @contextlib.contextmanager
    def _only(self, role: str) -> Iterator[None]:
        """Freeze all parameters except those of ``role``, so that no others get gradients."""
        own = {id(parameter) for parameter in self.method.parameters_of(role)}
        frozen = [p for p in self.method.parameters() if id(p) not in own and p.requires_grad]
        for parameter in frozen:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in frozen:
                parameter.requires_grad_(True)


def _add(values: dict[str, Tensor], name: str, value: Tensor) -> None:
    value = value.detach().float()
    values[name] = values[name] + value if name in values else value
