"""Networks compiled by ``torch.compile``, in training steps and in scoring."""

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
from vadkit.methods.method import Method

_log = logging.getLogger("vadkit.engine")
# Frames to score that are worth the time to compile, 2 to 4 s on an H200.
_WORTH_FRAMES = 20_000
# Training steps that are worth the time to compile, 15 to 25 s on an H200.
WORTH_STEPS, WORTH_MINUTES = 10_000, 2


def can_compile(device: torch.device) -> bool:
    """Whether ``torch.compile`` has what it needs on a GPU."""
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


class CompiledForwards:
    """The compiled forward passes of networks, for one shape of input each.

    They are used only within ``active``, because other shapes would be compiled anew. With
    ``or_plain``, a pass that cannot be compiled is the network's own.
    """

    def __init__(self, networks: nn.ModuleDict, *, or_plain: bool = False) -> None:
        self._forwards: list[tuple[nn.Module, Callable[..., Any]]] = []
        for network in networks.values():
            forward: Callable[..., Any] = torch.compile(network.forward, dynamic=False)
            if or_plain:
                forward = _or_plain(forward, network.forward)
            self._forwards.append((network, forward))

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        for network, forward in self._forwards:
            network.__dict__["forward"] = forward
        try:
            yield
        finally:
            for network, _ in self._forwards:
                network.__dict__.pop("forward", None)


@contextlib.contextmanager
def compiled_for_scoring(method: Method, device: torch.device, frames: int) -> Iterator[None]:
    """Use compiled networks to score so many frames, if that is worth the time and works."""
    if frames < _WORTH_FRAMES or not can_compile(device) or method.encoded_frames:
        yield
        return
    with CompiledForwards(method.networks, or_plain=True).active():
        yield


def _or_plain(compiled: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls the compiled one until it fails."""
    fails = False

    def forward(*inputs: Any) -> Any:
        nonlocal fails
        if not fails:
            try:
                return compiled(*inputs)
            except Exception as error:
                fails = True
                _say_not_compiled(error)
        return plain(*inputs)

    return forward


def _say_not_compiled(error: Exception) -> None:
    # The compiler's errors have no common class.
    reason = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
    _log.warning("networks are not compiled, which is slower: %s", reason[:200])


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
            _say_not_compiled(error)
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
