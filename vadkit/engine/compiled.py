"""Networks compiled by ``torch.compile``, in training steps."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.engine.step import StepValues, TrainStep, load_optimizer, optimizer_state
from vadkit.errors import VadkitError

_log = logging.getLogger("vadkit.engine")
# A training that is worth the time to compile: on an H200, 30 s, and then 2 ms less for each step.
WORTH_STEPS, WORTH_MINUTES = 20_000, 3


def can_compile(device: torch.device) -> bool:
    """Whether ``torch.compile`` has what it needs on a GPU."""
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


class CompiledForwards:
    """The compiled forward passes of networks, for one shape of input each.

    They are used only within ``active``, because other shapes would be compiled anew.
    """

    def __init__(self, networks: nn.ModuleDict) -> None:
        self._forwards: list[tuple[nn.Module, Callable[..., Any]]] = [
            (network, torch.compile(network.forward, dynamic=False))
            for network in networks.values()
        ]

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        for network, forward in self._forwards:
            network.__dict__["forward"] = forward
        try:
            yield
        finally:
            for network, _ in self._forwards:
                network.__dict__.pop("forward", None)


class CompiledStep:
    """Calls a train step with compiled networks, or with plain ones if they cannot be compiled."""

    def __init__(self, step: TrainStep) -> None:
        self.plain = step
        self.method, self.optimizers, self.device = step.method, step.optimizers, step.device
        self._forwards: CompiledForwards | None = CompiledForwards(step.method.networks)
        self._works = False

    def set_rates(self, factors: Mapping[str, float]) -> None:
        """Set the learning rates of the next step; see ``TrainStep``."""
        self.plain.set_rates(factors)

    def __call__(self, clips: Clips, *, begins: bool = True, ends: bool = True) -> StepValues:
        """Run the updates of one batch; see ``TrainStep``."""
        if self._forwards is None:
            return self.plain(clips, begins=begins, ends=ends)
        if self._works:
            with self._forwards.active():
                return self.plain(clips, begins=begins, ends=ends)
        before = self._state()
        try:
            with self._forwards.active():
                values = self.plain(clips, begins=begins, ends=ends)
            self._works = True
            return values
        except VadkitError:
            raise
        except Exception as error:
            # The compiler's errors have no common class.
            reason = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
            _log.warning("networks are not compiled, which is slower: %s", reason[:200])
            self._forwards = None
            self._restore(before)
            return self.plain(clips, begins=begins, ends=ends)

    def _state(self) -> tuple[Any, ...]:
        weights = {name: value.clone() for name, value in self.method.state_dict().items()}
        states = {role: optimizer_state(one) for role, one in self.optimizers.items()}
        cuda = torch.cuda.get_rng_state() if self.device.type == "cuda" else None
        return weights, copy.deepcopy(states), torch.get_rng_state(), cuda

    def _restore(self, state: tuple[Any, ...]) -> None:
        weights, states, random, cuda = state
        self.method.load_state_dict(weights)
        for role, optimizer in self.optimizers.items():
            load_optimizer(optimizer, states[role])
        torch.set_rng_state(random)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda)
