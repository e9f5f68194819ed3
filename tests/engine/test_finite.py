"""Losses, gradients and weights that are not finite never reach a checkpoint."""

import numpy as np
import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.engine.checkpoint import load_checkpoint
from vadkit.engine.finite import FiniteCheck, check_weights, gradient_norm
from vadkit.engine.trainer import Trainer
from vadkit.errors import TrainingError
from vadkit.hooks.checkpoint import Checkpoint
from vadkit.hooks.hook import Hook
from vadkit.methods.method import Method, Scores, Update
from vadkit.recipe.model import Train

SPEC = ClipSpec(2, (8, 8), "gray", (1,))


class Batches:
    """Six batches of two random clips, a function of the epoch."""

    def __len__(self):
        return 6

    def batches(self, epoch, start=0):
        clips = np.random.default_rng(epoch).random((6, 2, 1, 2, 8, 8), np.float32)
        for batch in torch.from_numpy(clips[start:]):
            yield Clips(batch)


class OneNet(Method):
    """A convolution; what it trains on is for subclasses to say."""

    def __init__(self):
        super().__init__({"net": nn.Conv2d(1, 1, 3, padding=1)}, {}, SPEC)
        self.step = 0

    def score(self, clips):
        return Scores(clips.frames.mean(dim=(1, 2, 3, 4))[:, None])


@pytest.fixture
def trainer(tmp_path):
    """A function from a method and hooks to a trainer that writes to ``tmp_path``."""

    def make(method, *hooks, **settings):
        torch.manual_seed(0)
        return Trainer(
            method,
            Batches(),
            name="test",
            run=tmp_path / "run",
            settings=Train(**{"epochs": 3, "batch_size": 2, **settings}),
            device=torch.device("cpu"),
            dtype=torch.float32,
            optimizers={"net": torch.optim.Adam(method.networks["net"].parameters(), 1e-2)},
            schedules={},
            hooks=[(type(hook).__name__, hook) for hook in hooks],
        )

    return make


class InfiniteGradient(OneNet):
    """Its loss stays finite; its gradient is infinite at step ``at`` (from 1 on)."""

    def __init__(self, at, value=float("inf")):
        super().__init__()
        self.at, self.value = at, value

    def updates(self, clips):
        def terms():
            self.step += 1
            output = self.networks["net"](clips.frames[:, :, 0])
            if self.step == self.at:
                output.register_hook(lambda gradient: gradient * self.value)
            return {"error": output.square().mean()}

        yield Update("net", terms)


def finite(path):
    weights = load_checkpoint(path)["method"]
    return all(value.isfinite().all() for value in weights.values())


@pytest.mark.parametrize("each_step", [True, False], ids=["looks each step", "as on a GPU"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_an_infinite_gradient_under_a_finite_loss_ends_training(trainer, each_step, value):
    one = trainer(InfiniteGradient(at=9, value=value), Checkpoint())
    one.checks_each_step = each_step
    with pytest.raises(TrainingError) as caught:
        one.fit()
    assert str(caught.value).startswith(
        "the gradient of 'net' at step 9 (epoch 2) is not finite; lower the learning rate"
    )
    assert str(caught.value).endswith("The last good checkpoint, of step 6, is kept.")
    kept = one.run / "checkpoints"
    assert sorted(path.name for path in kept.iterdir()) == ["best.pt", "last.pt"]
    assert finite(kept / "best.pt") and finite(kept / "last.pt")
    assert load_checkpoint(kept / "last.pt")["step"] == 6


def test_the_weights_before_the_bad_step_are_unchanged_if_each_step_is_checked(trainer):
    one = trainer(InfiniteGradient(at=1))
    before = [value.clone() for value in one.method.parameters()]
    with pytest.raises(TrainingError, match=r"No checkpoint was written yet"):
        one.fit()
    for then, now in zip(before, one.method.parameters(), strict=True):
        assert torch.equal(then, now)


def test_clipping_does_not_hide_an_infinite_gradient(trainer):
    with pytest.raises(TrainingError, match=r"gradient of 'net' at step 2 "):
        trainer(InfiniteGradient(at=2), clip_grad_norm=1.0).fit()


def test_weights_that_are_not_finite_are_not_saved(trainer):
    class Breaks(InfiniteGradient):
        """A hook, a plugin or a bug writes NaN into a weight while losses stay finite."""

        def finalize(self):
            with torch.no_grad():
                self.networks["net"].bias.fill_(float("nan"))

        def collect(self, clips):
            """Nothing is kept."""

    one = trainer(Breaks(at=0), Checkpoint())
    with pytest.raises(TrainingError, match=r"last\.pt is not written: weights net\.bias are not"):
        one.fit()
    assert finite(one.run / "checkpoints" / "last.pt")


def test_running_statistics_count_as_weights():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    check_weights(network, "last.pt")
    network[1].running_var.fill_(float("inf"))
    with pytest.raises(TrainingError, match=r"weights 1\.running_var are not finite"):
        check_weights(network, "last.pt")


def test_the_first_fault_is_named_and_then_forgotten():
    check = FiniteCheck()
    assert check.first_fault() is None
    for step, value in enumerate([1.0, float("nan"), float("inf"), 2.0]):
        check.note(f"loss at step {step}", torch.tensor(value))
    assert check.first_fault() == "loss at step 1"
    assert check.first_fault() is None


def test_the_norm_is_over_all_gradients_and_before_clipping():
    first, second = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
    without = nn.Parameter(torch.zeros(1))
    assert gradient_norm([without], None) is None
    first.grad, second.grad = torch.tensor([2.0, 3.0]), torch.tensor([6.0])
    assert gradient_norm([first, second, without], None) == pytest.approx(7.0)
    assert gradient_norm([first, second, without], 1.0) == pytest.approx(7.0)
    assert gradient_norm([first, second, without], None) == pytest.approx(1.0)


class NanLoss(OneNet):
    """A loss without a gradient is NaN at step ``at`` (from 1 on); weights stay finite."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def updates(self, clips):
        def terms():
            self.step += 1
            output = self.networks["net"](clips.frames[:, :, 0])
            got = torch.tensor(float("nan") if self.step == self.at else 0.0)
            return {"error": output.square().mean(), "got": got}

        yield Update("net", terms)


class Follows(Hook):
    """Counts steps and epochs that ended; saves after each step where it is told to."""

    def __init__(self, saves=False):
        self.saves, self.steps, self.epochs = saves, 0, 0

    def on_step_end(self, ctx):
        if self.saves:
            ctx.save("each")
        self.steps += 1

    def on_epoch_end(self, ctx):
        self.epochs += 1


def test_a_loss_that_is_nan_for_one_step_ends_training_before_the_epoch_is_logged(trainer):
    """As on a GPU, where losses are looked at now and then; none is forgotten."""
    follows = Follows()
    one = trainer(NanLoss(at=8), follows)
    one.checks_each_step = False
    with pytest.raises(TrainingError, match=r"^loss 'got' at step 8 \(epoch 2\) is not finite"):
        one.fit()
    assert (follows.steps, follows.epochs) == (12, 1)


def test_no_checkpoint_is_written_after_an_unchecked_loss(trainer):
    follows = Follows(saves=True)
    one = trainer(NanLoss(at=3), follows)
    one.checks_each_step = False
    with pytest.raises(TrainingError, match=r"^loss 'got' at step 3 .* of step 2, is kept"):
        one.fit()
    assert follows.steps == 2
    assert load_checkpoint(one.run / "checkpoints" / "each.pt")["step"] == 2


def test_a_long_epoch_is_checked_several_times(trainer, monkeypatch):
    monkeypatch.setattr(Batches, "__len__", lambda self: 200)
    clip = torch.zeros(2, 1, 2, 8, 8)
    monkeypatch.setattr(
        Batches, "batches", lambda self, epoch, start=0: (Clips(clip) for _ in range(200 - start))
    )
    follows = Follows()
    one = trainer(NanLoss(at=2), follows)
    one.checks_each_step = False
    with pytest.raises(TrainingError, match="at step 2 "):
        one.fit()
    assert 2 <= follows.steps < 120


def test_a_nan_loss_of_an_accumulated_batch_is_not_forgotten(trainer):
    with pytest.raises(TrainingError, match=r"loss 'got' at step 1 "):
        trainer(NanLoss(at=1), accumulate=2).fit()
