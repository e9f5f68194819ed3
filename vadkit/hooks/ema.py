"""Averaged weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from vadkit.hooks.hook import FitContext, Hook, Slot

if TYPE_CHECKING:
    from torch import Tensor

    from vadkit.methods.method import Method


class Ema(Hook):
    """Evaluates, and ends training, with an exponential moving average of the weights.

    The average starts with the weights after the first optimizer step. After every ``every_steps``
    optimizer steps, the average of every parameter and float buffer becomes ``decay`` times the
    average plus ``1 - decay`` times the new value. At the n-th update, the decay is at most (1 + n)
    / (10 + n), so that a short run does not stay close to its start. Evaluations during training
    use the average, and so does everything after training: the collect pass, ``last.pt`` and the
    normal range of scores. Training itself continues with the plain weights, which ``best.pt`` and
    kept epochs contain.
    """

    # Last in on_evaluated, so that a checkpoint written there contains the evaluated weights.
    slot: ClassVar[Slot] = "report"

    def __init__(
        self,
        *,
        decay: Annotated[float, Field(ge=0, lt=1)] = 0.999,
        every_steps: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        self.decay = decay
        self.every_steps = every_steps
        self.steps = 0
        # The average while the method has the plain weights; otherwise the plain weights.
        self.other: dict[str, Tensor] = {}
        self.swapped = False
        self.ended = False

    def on_fit_start(self, ctx: FitContext) -> None:
        # A checkpoint from the end of a run has the average in the method.
        if self.swapped:
            self._swap(ctx.method)

    def on_step_end(self, ctx: FitContext) -> None:
        # With accumulated batches, only the last one changes the weights.
        if not ctx.optimized:
            return
        times, rest = divmod(self.steps, self.every_steps)
        self.steps += 1
        if rest == 0:
            self._average(ctx.method, times)

    def _average(self, method: Method, times: int) -> None:
        from torch.optim.swa_utils import get_ema_multi_avg_fn

        averages, values = [], []
        for name, value in _averaged(method):
            # The collect pass may change the shape of buffers; their average starts again.
            if name in self.other and self.other[name].shape == value.shape:
                averages.append(self.other[name])
                values.append(value.detach())
            else:
                self.other[name] = value.detach().clone()
        if averages:
            decay = min(self.decay, (1 + times) / (10 + times))
            get_ema_multi_avg_fn(decay)(averages, values, times)

    def on_evaluate_start(self, ctx: FitContext) -> None:
        if not self.ended:
            self._swap(ctx.method)

    def on_evaluated(self, ctx: FitContext) -> None:
        if not self.ended:
            self._swap(ctx.method)

    def on_train_end(self, ctx: FitContext) -> None:
        self.ended = True
        self._swap(ctx.method)

    def _swap(self, method: Method) -> None:
        for name, value in _averaged(method):
            if name in self.other:
                value.data, self.other[name] = self.other[name], value.data
        self.swapped = not self.swapped

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "other": self.other, "swapped": self.swapped}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps, self.other, self.swapped = state["steps"], state["other"], state["swapped"]


def _averaged(method: Method) -> Iterator[tuple[str, Tensor]]:
    """Return parameters and float buffers; buffers may be other tensors than before."""
    yield from method.named_parameters()
    for name, buffer in method.named_buffers():
        if buffer.is_floating_point():
            yield name, buffer
