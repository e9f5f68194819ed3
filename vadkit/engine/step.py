"""The optimizer steps of one batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.engine.distributed import ALONE, Processes
from vadkit.engine.finite import gradient_norm
from vadkit.methods.method import Method, Update
from vadkit.ranks import part_of_batch


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
    before each optimizer step with what was measured so far, and may raise. With several
    ``processes``, each gets its part of the batch; values, gradients and steps are those of the
    whole batch.
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
        processes: Processes = ALONE,
    ) -> None:
        self.method = method
        self.optimizers = optimizers
        self.device = device
        self.dtype = dtype
        self.accumulate = accumulate
        self.clip_grad_norm = clip_grad_norm
        self.on_gradients = on_gradients
        self.check = check
        self.processes = processes
        # The roles that train now; None trains all.
        self.roles: frozenset[str] | None = None
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
        updates = self._updates(clips)
        while True:
            with self._computing():
                update = next(updates, None)
            role, terms = self._backward(update, clips, begins)
            if role is None:
                break
            for name, term in terms.items():
                _add(values.terms, name, term)
            if ends:
                self._optimize(role, self.optimizers[role], values)
            total = total + torch.stack([term.detach().float() for term in terms.values()]).sum()
        if isinstance(total, Tensor):
            _add(values.terms, "loss", total)
        return values

    def _updates(self, clips: Clips) -> Iterator[Update]:
        for update in self.method.updates(clips):
            if self.roles is None or update.role in self.roles:
                yield update

    def _backward(
        self, update: Update | None, clips: Clips, begins: bool
    ) -> tuple[str | None, dict[str, Tensor]]:
        """Add to the gradients of the next update; return its role and terms, of all processes."""
        if update is None:
            # Other processes may have objects in their part of the batch.
            agreed = self.processes.agree(None, (), 0)
            if agreed is None:
                return None, {}
            self._begin(agreed.role, begins)
            zero = torch.zeros((), device=self.device)
            return agreed.role, self.processes.summed(dict.fromkeys(agreed.terms, zero))
        self._begin(update.role, begins)
        with self._only(update.role):
            with self._computing():
                terms = update.terms()
            agreed = self.processes.agree(update.role, terms, self.method.items(clips))
            assert agreed is not None
            if agreed.share == 0:
                # Means over nothing are not numbers.
                terms = {name: torch.zeros_like(term) for name, term in terms.items()}
            else:
                with part_of_batch(self.processes.part):
                    loss = torch.stack([term.float() for term in terms.values()]).sum()
                    (loss / (self.accumulate / agreed.share)).backward()
        if self.processes.several:
            terms = {name: term.detach() * agreed.share for name, term in terms.items()}
        return update.role, self.processes.summed(terms)

    def _begin(self, role: str, begins: bool) -> None:
        if begins:
            self.optimizers[role].zero_grad(set_to_none=True)

    def _optimize(self, role: str, optimizer: torch.optim.Optimizer, values: StepValues) -> None:
        self.processes.sum_gradients(self.method.parameters_of(role))
        self.on_gradients(role)
        norm = gradient_norm(self.method.parameters_of(role), self.clip_grad_norm)
        if norm is not None:
            values.norms[role] = norm.detach()
        self.check(values)
        optimizer.step()

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        with self._autocast(), part_of_batch(self.processes.part):
            yield

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        # Cached casts of weights would outlive a step that is captured as a CUDA graph.
        low, cached = self.dtype == torch.bfloat16, self.device.type == "cpu"
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=low, cache_enabled=cached
        )

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


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the state of an optimizer, without what depends on the device."""
    state = optimizer.state_dict()
    groups = [
        {name: value for name, value in group.items() if name not in _OF_THE_DEVICE}
        | {"lr": float(group["lr"])}
        for group in state["param_groups"]
    ]
    return {**state, "param_groups": groups}


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load the state of an optimizer, perhaps of another device."""
    own = [
        {name: value for name, value in group.items() if name in _OF_THE_DEVICE}
        for group in optimizer.param_groups
    ]
    rates = [group["lr"] for group in optimizer.param_groups]
    groups = [saved | kept for saved, kept in zip(state["param_groups"], own, strict=True)]
    optimizer.load_state_dict({**state, "param_groups": groups})
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        if isinstance(rate, Tensor):
            group["lr"] = rate.fill_(group["lr"])


# How an optimizer computes, which the next run may do in another way.
_OF_THE_DEVICE = ("fused", "foreach", "capturable")


def _add(values: dict[str, Tensor], name: str, value: Tensor) -> None:
    value = value.detach().float()
    values[name] = values[name] + value if name in values else value
