"""Gradient norms by hand, and parameters that do not learn."""

import logging
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from vadkit.hooks.gradients import Gradients


class Three(nn.Module):
    """Three parameters of one role."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Parameter(torch.zeros(2)) for _ in "abc")

    def parameters_of(self, role):
        return self.parameters()

    def grads(self, *values):
        for parameter, value in zip(self.parameters(), values, strict=True):
            parameter.grad = None if value is None else torch.tensor(value)


def test_norms_by_hand_over_an_epoch(caplog):
    ctx, hook = SimpleNamespace(method=Three(), logs={}, epoch=1), Gradients()
    ctx.method.grads([3.0, 0.0], [0.0, 4.0], None)
    hook.on_gradients(ctx, "net")
    again = Gradients()
    again.load_state_dict(hook.state_dict())
    ctx.method.grads([0.0, 5.0], [12.0, 0.0], [0.0, 0.0])
    again.on_gradients(ctx, "net")
    with caplog.at_level(logging.WARNING):
        again.on_epoch_end(ctx)
    assert ctx.logs == {"gradients/net": pytest.approx(9), "gradients/net-max": pytest.approx(13)}
    assert caplog.messages == ["no gradient in all of epoch 1: c"]
    caplog.clear()
    ctx.method.grads([0.0, 1.0], None, None)
    again.on_gradients(ctx, "net")
    again.on_epoch_end(ctx)
    assert ctx.logs == {"gradients/net": 1, "gradients/net-max": 1}
    assert caplog.messages == ["no gradient in all of epoch 1: b"]


def test_the_norm_is_that_before_clipping(make_trainer):
    hook = Gradients()
    trainer = make_trainer(hook, clip_grad_norm=1e-6, epochs=1)
    trainer.fit()
    assert trainer.logs["gradients/net-max"] > 1e-2
    left = [parameter.grad.norm() for parameter in trainer.method.parameters()]
    assert torch.stack(left).norm() <= 1.01e-6


def test_accumulated_batches_are_one_step(make_trainer):
    norms = []

    class Counts(Gradients):
        def on_gradients(self, ctx, role):
            super().on_gradients(ctx, role)
            grads = [parameter.grad.flatten() for parameter in ctx.method.parameters_of(role)]
            norms.append(torch.cat(grads).norm().item())

    trainer = make_trainer(Counts(), accumulate=2, epochs=1)
    trainer.fit()
    assert len(norms) == 2
    assert trainer.logs["gradients/net"] == pytest.approx(sum(norms) / 2)
    assert trainer.logs["gradients/net-max"] == pytest.approx(max(norms))
