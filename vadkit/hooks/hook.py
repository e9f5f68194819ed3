"""The contract of hooks: the events they hear, the slots they run in, what they may see."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from vadkit.errors import RecipeError
from vadkit.registry import did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from vadkit.data.tensors import Clips
    from vadkit.evaluation.metrics import Metric
    from vadkit.methods.method import Method

# What can be evaluated while training: the test split by its labels, or pseudo-anomalies made of
# videos held out of training, without any.
On = Literal["test", "pseudo-anomaly"]
# Within an event hooks run slot by slot: what measures first, so that what decides (update) has
# the figures; checkpoints before evaluation, so that a crash there costs nothing; reports last,
# so that they show what all others wrote.
Slot = Literal["measure", "update", "checkpoint", "evaluate", "report"]
SLOTS: tuple[Slot, ...] = ("measure", "update", "checkpoint", "evaluate", "report")

EVENTS = (
    "on_fit_start",
    "on_epoch_start",
    "on_gradients",
    "on_step_end",
    "on_epoch_end",
    "on_evaluate_start",
    "on_evaluated",
    "on_train_end",
    "on_fit_end",
    "on_error",
)


class FitContext(Protocol):
    """What a hook sees of the training; the trainer fulfils it.

    ``epoch`` and ``step`` count what is finished: within the first epoch ``epoch`` is 0, at its
    ``on_epoch_end`` 1. A step is one batch, however many optimizers it served. ``logs`` holds the
    epoch's figures: the means of the loss terms, ``loss`` for their sum over all updates, and
    what hooks add; it is filled at ``on_epoch_end``. ``metrics`` are the last evaluation's, and
    ``evaluated_on`` says what that was. ``scores`` and ``labels`` are the last ones of the test
    split, (N,) by video: raw scores, NaN where a frame has none, and True where a frame is
    abnormal. ``evaluates`` says what can be evaluated, ``ending`` at ``on_epoch_end`` whether no
    epoch follows: it was the last, or something asked to stop.
    """

    run: Path
    name: str
    epoch: int
    epochs: int
    step: int
    step_in_epoch: int
    steps_per_epoch: int
    batch_size: int
    data_wait_s: float
    logs: dict[str, float]
    metrics: Sequence[Metric]
    evaluated_on: On
    scores: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    method: Method
    resumed: bool

    @property
    def evaluates(self) -> frozenset[On]: ...

    @property
    def ending(self) -> bool: ...

    def means(self) -> dict[str, float]:
        """Means of the loss terms since the epoch began; waits for the device."""

    def learning_rates(self) -> dict[str, float]:
        """The current learning rate of each optimizer role."""

    def save(self, name: str) -> Path:
        """Write the checkpoint ``checkpoints/<name>.pt``."""

    def evaluate(self, on: On = "test") -> None:
        """Score what is named, set ``metrics``, and tell every hook by ``on_evaluated``."""

    def sample(self, count: int) -> Iterator[tuple[Clips, list[tuple[str, int]]]]:
        """Batches of up to ``count`` training clips, and each clip's video and first frame.

        The clips are spread evenly over the training set, the same at every call, without
        augments, in float32, as ``Method.score`` takes them. Raises ``RecipeError`` where clips
        come from a loader that gives no samples.
        """

    def scoring(self) -> AbstractContextManager[None]:
        """The method as it scores: eval mode, no gradients, the run's precision."""

    def stop(self, reason: str) -> None:
        """End training after this epoch."""


class Hook:
    """Base of all hooks: every event does nothing, there is no state to keep."""

    slot: ClassVar[Slot] = "report"

    def on_fit_start(self, ctx: FitContext) -> None:
        """Before the first step, also of a resumed run."""

    def on_epoch_start(self, ctx: FitContext) -> None:
        """Before the first step of an epoch."""

    def on_gradients(self, ctx: FitContext, role: str) -> None:
        """Before an optimizer's step: the gradients of its role are complete, and not clipped."""

    def on_step_end(self, ctx: FitContext) -> None:
        """After a batch and its optimizer steps."""

    def on_epoch_end(self, ctx: FitContext) -> None:
        """After the last step of an epoch; ``ctx.logs`` is complete but for other hooks' parts."""

    def on_evaluate_start(self, ctx: FitContext) -> None:
        """Before the test split or pseudo-anomalies are scored."""

    def on_evaluated(self, ctx: FitContext) -> None:
        """After ``ctx.metrics`` were set, and on the test split scores and labels."""

    def on_train_end(self, ctx: FitContext) -> None:
        """After the last epoch, before the collect pass."""

    def on_fit_end(self, ctx: FitContext) -> None:
        """After training and the collect pass."""

    def on_error(self, ctx: FitContext, error: BaseException) -> None:
        """When training ends by an error or an interrupt (``KeyboardInterrupt``)."""

    def close(self) -> None:
        """Last of all, however training ended: close what is open."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: numbers, text and tensors only."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""


def metric_named(ctx: FitContext, name: str, place: str) -> float:
    """The value of one of ``ctx.metrics``; ``RecipeError`` at ``place`` where there is none."""
    for metric in ctx.metrics:
        if metric.name == name:
            return metric.value
    names = ", ".join(dict.fromkeys(metric.name for metric in ctx.metrics))
    raise RecipeError(f"{place}: no metric '{name}'; there are {names}")


def in_order(hooks: Sequence[Hook]) -> list[Hook]:
    """Hooks in running order; ``RecipeError`` for an event no one calls or an unknown slot."""
    for hook in hooks:
        kind = type(hook).__name__
        if hook.slot not in SLOTS:
            raise RecipeError(f"hook {kind}: no slot '{hook.slot}'; slots are {', '.join(SLOTS)}")
        for name in dir(hook):
            if name.startswith("on_") and name not in EVENTS:
                raise RecipeError(
                    f"hook {kind}: no event '{name}'{did_you_mean(name, EVENTS)}; "
                    f"events are {', '.join(EVENTS)}"
                )
        try:
            inspect.signature(hook.on_error).bind(None, None)
        except TypeError:
            raise RecipeError(
                f"hook {kind}: on_error takes the error too: def on_error(self, ctx, error); what "
                "is to be closed in the end goes into close(self)"
            ) from None
    return sorted(hooks, key=lambda hook: SLOTS.index(hook.slot))
