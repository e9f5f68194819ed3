"""Averaged weights: by hand, in evaluations, at the end of a run, and after resuming."""

import os
import signal
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from vadkit.engine.checkpoint import load_checkpoint
from vadkit.engine.trainer import EvaluationScores
from vadkit.hooks.checkpoint import Checkpoint
from vadkit.hooks.ema import Ema
from vadkit.hooks.evaluate import Evaluate
from vadkit.hooks.hook import Hook


class Scalars(nn.Module):
    """A weight, a float buffer and a counter."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("mean", torch.zeros(1))
        self.register_buffer("count", torch.zeros(1, dtype=torch.long))

    def set(self, value):
        with torch.no_grad():
            self.weight.fill_(value)
        # Another tensor each time, as methods may do.
        self.mean = torch.full((1,), -value)
        self.count += 1

    def values(self):
        return self.weight.item(), self.mean.item(), self.count.item()


def steps(hook, ctx, values):
    for value in values:
        ctx.method.set(value)
        ctx.optimized = True
        hook.on_step_end(ctx)


@pytest.mark.parametrize(
    ("decay", "expected"),
    # Steps two and three allow decays of 2/11 and 3/12 at most.
    [(0.1, 0.1 * (0.1 + 0.9 * 3) + 0.9 * 5), (0.9, 0.25 * (2 / 11 + 9 / 11 * 3) + 0.75 * 5)],
)
def test_the_average_by_hand(decay, expected):
    hook, ctx = Ema(decay=decay), SimpleNamespace(method=Scalars())
    steps(hook, ctx, [1.0, 3.0, 5.0])
    assert ctx.method.values() == (5, -5, 3)
    hook.on_evaluate_start(ctx)
    assert ctx.method.values() == (pytest.approx(expected), pytest.approx(-expected), 3)
    hook.on_evaluated(ctx)
    assert ctx.method.values() == (5, -5, 3)
    for tell in (hook.on_train_end, hook.on_evaluate_start, hook.on_evaluated):
        tell(ctx)
        assert ctx.method.values()[0] == pytest.approx(expected)


def test_only_every_so_many_steps_are_averaged():
    hook, ctx = Ema(decay=0.1, every_steps=2), SimpleNamespace(method=Scalars())
    steps(hook, ctx, [1.0, 90.0])
    # Between the steps that count, what was counted is part of the state.
    again = Ema(decay=0.1, every_steps=2)
    again.load_state_dict(hook.state_dict())
    steps(again, ctx, [3.0, 90.0, 5.0, 90.0])
    again.on_train_end(ctx)
    assert ctx.method.values()[0] == pytest.approx(0.1 * (0.1 + 0.9 * 3) + 0.9 * 5)


def test_a_batch_without_an_optimizer_step_does_not_count():
    hook, ctx = Ema(decay=0.1), SimpleNamespace(method=Scalars())
    steps(hook, ctx, [1.0])
    ctx.method.set(9.0)
    ctx.optimized = False
    hook.on_step_end(ctx)
    hook.on_train_end(ctx)
    assert ctx.method.values()[0] == 1.0


class Interrupt(Hook):
    """Presses Ctrl-C after the third step."""

    def on_step_end(self, ctx):
        if ctx.step == 3:
            os.kill(os.getpid(), signal.SIGINT)


def same(one, other):
    a, b = one.method.state_dict(), other.method.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def test_a_resumed_run_equals_the_uninterrupted_one(make_trainer):
    whole = make_trainer(Ema(decay=0.9))
    whole.fit()
    plain = make_trainer()
    plain.fit()
    assert plain.logs == whole.logs, "training itself goes on with the plain weights"
    assert not same(whole, plain)
    first = make_trainer(Ema(decay=0.9), Interrupt())
    with pytest.raises(KeyboardInterrupt):
        first.fit()
    resumed = make_trainer(Ema(decay=0.9))
    resumed.load_state_dict(load_checkpoint(first.run / "checkpoints" / "last.pt"))
    resumed.fit()
    assert resumed.step == 8
    assert same(resumed, whole)


def test_a_finished_run_continues_from_its_plain_weights(make_trainer):
    long = make_trainer(Ema(decay=0.9), Checkpoint(), run="long", epochs=3)
    long.fit()
    short = make_trainer(Ema(decay=0.9), Checkpoint(), run="short")
    short.fit()
    last = load_checkpoint(short.run / "checkpoints" / "last.pt")
    assert all(torch.equal(last["method"][n], v) for n, v in short.method.state_dict().items())
    longer = make_trainer(Ema(decay=0.9), Checkpoint(), run="short", epochs=3)
    longer.load_state_dict(last)
    longer.fit()
    assert longer.logs == long.logs
    assert same(longer, long)


def test_evaluations_and_their_checkpoints_have_the_average(make_trainer):
    seen = []

    def evaluate(method):
        seen.append(method.networks["net"][0].bias.item())
        return EvaluationScores([], {}, {})

    class Saves(Hook):
        slot = "checkpoint"

        def on_evaluated(self, ctx):
            seen.append(ctx.method.networks["net"][0].bias.item())

    hook = Ema(decay=0.5)
    trainer = make_trainer(hook, Evaluate(), Saves(), evaluate=evaluate)
    averages = []

    class Notes(Hook):
        slot = "measure"

        def on_epoch_end(self, ctx):
            averages.append(hook.other["networks.net.0.bias"].item())

    trainer.hooks.insert(0, Notes())
    trainer.fit()
    assert seen == [averages[0]] * 2 + [averages[1]] * 2
    assert averages[0] != averages[1]
