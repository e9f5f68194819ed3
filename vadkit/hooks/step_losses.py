"""Losses by step, for hooks that show them."""

from __future__ import annotations

from vadkit.hooks.hook import FitContext


class StepLosses:
    """The mean of each loss term over the steps since the last value, every ``every`` steps.

    The first step of a training has a value too, so that something is seen at once. Reading losses
    waits for the device, so it is done at these steps only.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._sums: dict[str, float] = {}
        self._steps = self._epoch = 0

    def start(self, ctx: FitContext) -> None:
        """Begin at the current step, also in the middle of an epoch of a resumed run."""
        self._note(ctx.means() if ctx.step_in_epoch else {}, ctx.step_in_epoch)
        self._epoch = ctx.epoch

    def at_step(self, ctx: FitContext) -> dict[str, float]:
        """Return the losses after a step if they are due, else nothing."""
        if ctx.step != 1 and ctx.step % self.every:
            return {}
        if ctx.epoch != self._epoch:
            # Means begin anew with each epoch; the rest of the last one has no value of its own.
            self._note({}, 0)
        means, steps = ctx.means(), ctx.step_in_epoch - self._steps
        found = {
            name: (mean * ctx.step_in_epoch - self._sums.get(name, 0.0)) / steps
            for name, mean in means.items()
        }
        self._note(means, ctx.step_in_epoch)
        self._epoch = ctx.epoch
        return found

    def _note(self, means: dict[str, float], steps: int) -> None:
        self._sums = {name: mean * steps for name, mean in means.items()}
        self._steps = steps
