"""The hook contract: events, the slots in which hooks run, and the context that they get."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

from vadkit.errors import RecipeError
from vadkit.registry import did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from vadkit.data.tensors import Clips
    from vadkit.evaluation.metrics import Metric
    from vadkit.methods.method import Method

# What can be evaluated during training: the test split with labels; pseudo-anomalies in held-out
# training videos, without labels; or held-out training videos by their video labels.
On = Literal["test", "pseudo-anomaly", "held-out"]
# Within an event, hooks run slot by slot: measurements first, so that later hooks (update) can use
# them; checkpoints before evaluation, so that a crash there loses nothing; reports last, so that
# they show what all others logged.
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
    "on_collected",
    "on_fit_end",
    "on_error",
)


class Collected(NamedTuple):
    """The progress of collect passes: the pass, from 1, of how many; its clips, of how many."""

    number: int
    passes: int
    clips: int
    of: int


class FitContext(Protocol):
    """The state of training that a hook sees; the trainer implements it.

    ``epoch`` and ``step`` count finished epochs and steps: during the first epoch, ``epoch`` is 0;
    at its ``on_epoch_end``, it is 1. A step is one batch, even if it updates several optimizers.
    ``logs`` has the metrics of the epoch: the means of the loss terms, ``loss`` for their sum over
    all updates, and what hooks add; it is filled at ``on_epoch_end``. ``metrics`` are those of the
    last evaluation, and ``evaluated_on`` says on what. ``scores`` and ``labels`` are the last ones
    on the test split, (N,) by video: raw scores, NaN for frames without a score, and True for
    abnormal frames. ``evaluates`` lists what can be evaluated. ``ending`` says, at
    ``on_epoch_end``, that no epoch follows, because it was the last or a hook has stopped training.
    ``optimized`` says, at ``on_step_end``, that the batch ended with optimizer steps, as all do
    unless batches are accumulated. ``collected`` is the progress of the collect passes, None before
    them.
    """

    run: Path
    name: str
    epoch: int
    epochs: int
    step: int
    step_in_epoch: int
    optimized: bool
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
    collected: Collected | None

    @property
    def expected_steps(self) -> int:
        """The steps of the whole training; an estimate if ``train.minutes`` ends it."""

    @property
    def evaluates(self) -> frozenset[On]: ...

    @property
    def ending(self) -> bool: ...

    def means(self) -> dict[str, float]:
        """Return the means of the loss terms in this epoch; waits for the device."""

    def learning_rates(self) -> dict[str, float]:
        """Return the current learning rate of each optimizer role."""

    def save(self, name: str) -> Path:
        """Write the checkpoint ``checkpoints/<name>.pt``."""

    def evaluate(self, on: On = "test") -> None:
        """Evaluate, set ``metrics``, and call ``on_evaluated`` on every hook."""

    def sample(self, count: int) -> Iterator[tuple[Clips, list[tuple[str, int]]]]:
        """Yield batches of up to ``count`` training clips, with each clip's video and first frame.

        The clips are evenly spread over the training set and the same at every call, without
        augments, in float32, as ``Method.score`` takes them. Raises ``RecipeError`` if the loader
        cannot sample clips.
        """

    def scoring(self) -> AbstractContextManager[None]:
        """Put the method into scoring state: eval mode, no gradients, the run's precision."""

    def stop(self, reason: str) -> None:
        """End training after this epoch."""


class Hook:
    """Base class of hooks: all events do nothing, and there is no state."""

    slot: ClassVar[Slot] = "report"

    def on_fit_start(self, ctx: FitContext) -> None:
        """Before the first step, also of a resumed run."""

    def on_epoch_start(self, ctx: FitContext) -> None:
        """Before the first step of an epoch."""

    def on_gradients(self, ctx: FitContext, role: str) -> None:
        """Before an optimizer step: the gradients of its role are complete, but not clipped."""

    def on_step_end(self, ctx: FitContext) -> None:
        """After a batch and its optimizer steps."""

    def on_epoch_end(self, ctx: FitContext) -> None:
        """After the last step of an epoch; ``ctx.logs`` is complete except for other hooks."""

    def on_evaluate_start(self, ctx: FitContext) -> None:
        """Before the test split or pseudo-anomalies are scored."""

    def on_evaluated(self, ctx: FitContext) -> None:
        """After ``ctx.metrics`` were set; on the test split, also scores and labels."""

    def on_train_end(self, ctx: FitContext) -> None:
        """After the last epoch, before the collect pass."""

    def on_collected(self, ctx: FitContext) -> None:
        """After each batch of the collect passes, for a method that fits without gradients."""

    def on_fit_end(self, ctx: FitContext) -> None:
        """After training and the collect pass."""

    def on_error(self, ctx: FitContext, error: BaseException) -> None:
        """When training ends with an error or an interrupt (``KeyboardInterrupt``)."""

    def close(self) -> None:
        """Called last, however training ended: close files and connections."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state for resuming: only numbers, text and tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from ``state_dict``."""


def metric_named(ctx: FitContext, name: str, place: str) -> float:
    """Return the value of one of ``ctx.metrics``; ``RecipeError`` at ``place`` if missing."""
    for metric in ctx.metrics:
        if metric.name == name:
            return metric.value
    names = ", ".join(dict.fromkeys(metric.name for metric in ctx.metrics))
    raise RecipeError(f"{place}: no metric '{name}'; choose one of {names}")


def in_order(hooks: Sequence[Hook]) -> list[Hook]:
    """Sort hooks into running order; ``RecipeError`` for an unknown event or slot."""
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
                f"hook {kind}: on_error must also accept the error: def on_error(self, ctx, "
                "error); use close(self) to release resources"
            ) from None
    return sorted(hooks, key=lambda hook: SLOTS.index(hook.slot))
