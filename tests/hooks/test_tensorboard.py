"""Losses by step: what a value is the mean of, and what TensorBoard gets."""

import sys
from types import SimpleNamespace

import pytest

from vadkit.errors import RecipeError
from vadkit.hooks.step_losses import StepLosses
from vadkit.hooks.tensorboard import TensorBoard


def steps(losses, values, per_epoch, *, ctx=None):
    """Give one loss value a step, and return what came out by step."""
    ctx = ctx or SimpleNamespace(step=0, epoch=0, step_in_epoch=0, seen=[])
    ctx.means = lambda: {"loss": sum(ctx.seen) / max(ctx.step_in_epoch, 1)}
    losses.start(ctx)
    found = {}
    for value in values:
        ctx.seen.append(value)
        ctx.step += 1
        ctx.step_in_epoch += 1
        if given := losses.at_step(ctx):
            found[ctx.step] = given["loss"]
        if ctx.step_in_epoch == per_epoch:
            ctx.epoch += 1
            ctx.step_in_epoch, ctx.seen = 0, []
    return found


def test_a_value_is_the_mean_since_the_last_value_of_the_epoch():
    found = steps(StepLosses(3), [9.0, 1.0, 2.0, 3.0, 4.0, 8.0, 5.0, 7.0, 6.0], per_epoch=5)
    # Step 6 is the first of the second epoch, and 7 to 9 are its next.
    assert found == {1: 9.0, 3: pytest.approx(1.5), 6: 8.0, 9: pytest.approx(6.0)}


def test_an_epoch_longer_than_its_predecessor_has_is_not_mistaken_for_it():
    found = steps(StepLosses(7), [float(n) for n in range(1, 15)], per_epoch=5)
    assert found == {1: 1.0, 7: pytest.approx(6.5), 14: pytest.approx(12.5)}


def test_a_run_resumed_within_an_epoch_has_the_losses_of_its_own_steps():
    ctx = SimpleNamespace(step=4, epoch=0, step_in_epoch=4, seen=[10.0] * 4)
    assert steps(StepLosses(3), [1.0, 3.0], 9, ctx=ctx) == {6: pytest.approx(2.0)}


def scalars(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = accumulator.EventAccumulator(str(folder))
    board.Reload()
    return {
        tag: {event.step: event.value for event in board.Scalars(tag)}
        for tag in board.Tags()["scalars"]
    }


def test_tensorboard_has_losses_from_the_first_step_on(make_trainer):
    trainer = make_trainer(TensorBoard(every=3), epochs=2)
    trainer.fit()
    found = scalars(trainer.run / "tensorboard")
    assert sorted(found) == ["step/error", "step/loss", "train/error", "train/loss"]
    assert list(found["step/loss"]) == [1, 3, 6]
    assert list(found["train/loss"]) == [4, 8]
    # Of four steps, the first one and the next two have a value.
    whole, first, next_two = found["train/loss"][4], found["step/loss"][1], found["step/loss"][3]
    assert 0 < 4 * whole - first - 2 * next_two < 4 * whole


def test_without_tensorboard_training_does_not_begin(make_trainer, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    trainer = make_trainer(TensorBoard())
    with pytest.raises(RecipeError, match=r"install it with: pip install 'vadkit\[tensorboard\]'"):
        trainer.fit()
    assert trainer.step == 0
