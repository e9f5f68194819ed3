"""The trainer: resuming, accumulation, freezing, collecting, order of hooks."""

import itertools
import json
import os
import signal

import numpy as np
import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.engine.checkpoint import load_checkpoint
from vadkit.engine.trainer import Trainer
from vadkit.errors import RecipeError, TrainingError
from vadkit.hooks.hook import Hook, in_order
from vadkit.methods.method import Method, Scores, Update
from vadkit.recipe.model import Train

SPEC = ClipSpec(2, (8, 8), "gray", (1,))


class Batches:
    """Batches of random clips: a function of the epoch, as the real loader's are."""

    def __init__(self, count=6, size=2):
        self.count, self.size = count, size

    def __len__(self):
        return self.count

    def batches(self, epoch, start=0):
        rng = np.random.default_rng(epoch)
        clips = rng.random((self.count, self.size, 1, 2, 8, 8), np.float32)
        for batch in torch.from_numpy(clips[start:]):
            yield Clips(batch)


class TwoRoles(Method):
    """A predictor with dropout, and a critic that looks at its output."""

    def __init__(self):
        networks = {
            "net": nn.Sequential(
                nn.Conv2d(1, 4, 3, padding=1), nn.Dropout(0.3), nn.Conv2d(4, 1, 1)
            ),
            "critic": nn.Conv2d(1, 1, 3),
        }
        super().__init__(networks, {}, SPEC)
        self.seen = []

    def updates(self, clips):
        def predict():
            output = self.networks["net"](clips.frames[:, :, 0])
            self.seen.append([p.requires_grad for p in self.networks["critic"].parameters()])
            return {
                "error": (output - clips.frames[:, :, 1]).square().mean(),
                "fooling": self.networks["critic"](output).square().mean(),
            }

        yield Update("net", predict)
        yield Update(
            "critic",
            lambda: {"critic": (self.networks["critic"](clips.frames[:, :, 1]) - 1).abs().mean()},
        )

    def score(self, clips):
        return Scores(clips.frames.mean(dim=(1, 2, 3, 4))[:, None])


def make(tmp_path, method=None, hooks=(), loader=None, **settings):
    torch.manual_seed(0)
    method = method or TwoRoles()
    optimizers = {
        role: torch.optim.Adam(network.parameters(), 1e-2)
        for role, network in method.networks.items()
    }
    return Trainer(
        method,
        loader or Batches(),
        name="test",
        run=tmp_path,
        settings=Train(epochs=3, batch_size=2, **settings),
        device=torch.device("cpu"),
        dtype=torch.float32,
        optimizers=optimizers,
        schedules={"net": lambda epoch: 1 / (1 + epoch)},
        hooks=[(type(hook).__name__, hook) for hook in hooks],
    )


class Interrupt(Hook):
    """Presses Ctrl-C after a step."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, ctx):
        if ctx.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("step", [3, 6, 8])
def test_a_resumed_run_equals_the_uninterrupted_one(step, tmp_path):
    whole = make(tmp_path / "whole")
    whole.fit()
    first = make(tmp_path / "first", hooks=[Interrupt(step)])
    with pytest.raises(KeyboardInterrupt):
        first.fit()
    assert first.step == step
    resumed = make(tmp_path / "second")
    resumed.load_state_dict(load_checkpoint(tmp_path / "first" / "checkpoints" / "last.pt"))
    resumed.fit()
    assert resumed.step == whole.step == 18
    assert resumed.logs == whole.logs
    for name, value in whole.method.state_dict().items():
        assert torch.equal(resumed.method.state_dict()[name], value), name
    untouched = make(tmp_path / "third")
    start = untouched.method.state_dict()
    assert not any(
        torch.equal(start[name], value) for name, value in whole.method.state_dict().items()
    )


class Linear(Method):
    """One weight map, no randomness, one role."""

    def __init__(self):
        super().__init__({"net": nn.Conv2d(1, 1, 3)}, {}, SPEC)

    def updates(self, clips):
        yield Update(
            "net", lambda: {"error": self.networks["net"](clips.frames[:, :, 0]).square().mean()}
        )


class Halves(Batches):
    """The same clips in batches of half the size."""

    def batches(self, epoch, start=0):
        for batch in Batches(3, 4).batches(epoch):
            yield batch.pick([0, 1])
            yield batch.pick([2, 3])


def test_accumulating_two_halves_equals_one_batch(tmp_path):
    whole = make(tmp_path, Linear(), loader=Batches(3, 4))
    torch.manual_seed(0)
    halves = make(tmp_path, Linear(), loader=Halves(6, 2), accumulate=2)
    halves.method.load_state_dict(whole.method.state_dict())
    whole.fit()
    halves.fit()
    assert (whole.step, halves.step) == (9, 18)
    for a, b in zip(whole.method.parameters(), halves.method.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_other_roles_are_frozen_and_get_no_gradient(tmp_path):
    trainer = make(tmp_path)
    trainer.fit()
    assert not any(itertools.chain(*trainer.method.seen))
    assert all(p.requires_grad for p in trainer.method.parameters())


def test_the_schedule_sets_the_rate(tmp_path):
    trainer = make(tmp_path)
    trainer.fit()
    # The last step starts at epoch position 2 + 5/6.
    assert trainer.learning_rates() == pytest.approx(
        {"net": 1e-2 / (1 + 2 + 5 / 6), "critic": 1e-2}
    )


def test_gradients_are_clipped(tmp_path):
    method = Linear()
    before = method.networks["net"].weight.detach().clone()
    trainer = make(tmp_path, method, clip_grad_norm=1e-3, max_steps=1)
    trainer.optimizers["net"] = torch.optim.SGD(method.parameters(), lr=1.0)
    trainer.optimizers["net"].param_groups[0]["initial_lr"] = 1.0
    trainer.fit()
    moved = (method.networks["net"].weight - before).norm().item()
    assert 0 < moved <= 1e-3 * 1.01


def test_a_loss_that_is_not_finite_ends_training(tmp_path):
    class Diverges(Linear):
        def updates(self, clips):
            yield Update(
                "net", lambda: {"error": self.networks["net"](clips.frames[:, :, 0]).sum() / 0.0}
            )

    with pytest.raises(TrainingError, match=r"loss .error. at step 1 \(epoch 1\) is not finite"):
        make(tmp_path, Diverges()).fit()
    assert not (tmp_path / "checkpoints" / "last.pt").exists()


class Collects(Method):
    """Keeps the mean of what it saw; takes no gradient."""

    def __init__(self):
        super().__init__({}, {}, SPEC)
        self.register_buffer("mean", torch.zeros(()))
        self.values = []

    def collect(self, clips):
        self.values.append(clips.frames.mean())

    def finalize(self):
        self.mean.fill_(torch.stack(self.values).mean())


def test_a_method_without_optimizers_goes_straight_to_collecting(tmp_path):
    events = []

    class Listens(Hook):
        def on_step_end(self, ctx):
            events.append("step")

        def on_fit_end(self, ctx):
            events.append(float(ctx.method.mean))

    trainer = make(tmp_path, Collects(), hooks=[Listens()])
    trainer.fit()
    expected = np.mean([batch.frames.mean() for batch in Batches().batches(0)])
    assert events == [pytest.approx(expected, rel=1e-5)]
    assert trainer.step == 0


def test_hooks_get_each_roles_gradients_and_the_end_of_training(tmp_path):
    events = []

    class Listens(Hook):
        def on_gradients(self, ctx, role):
            own = {id(parameter) for parameter in ctx.method.networks[role].parameters()}
            with_gradient = [p for p in ctx.method.parameters() if p.grad is not None]
            events.append((role, own <= {id(parameter) for parameter in with_gradient}))

        def on_train_end(self, ctx):
            events.append("train end")

        def on_fit_end(self, ctx):
            events.append("fit end")

    trainer = make(tmp_path, hooks=[Listens()], max_steps=2, accumulate=2)
    trainer.fit()
    assert events == [("net", True), ("critic", True), "train end", "fit end"]


def test_a_loader_without_samples_works_until_a_hook_needs_them(tmp_path):
    class Asks(Hook):
        def on_epoch_end(self, ctx):
            next(ctx.sample(3))

    make(tmp_path, max_steps=1).fit()
    with pytest.raises(RecipeError, match="Batches has none"):
        make(tmp_path, hooks=[Asks()], max_steps=1).fit()


def test_inspecting_a_method_keeps_its_mode(tmp_path):
    trainer = make(tmp_path)
    for training in (True, False):
        trainer.method.train(training)
        with trainer.scoring():
            assert not trainer.method.training
            assert torch.is_inference_mode_enabled()
        assert trainer.method.training == training
    assert not torch.is_inference_mode_enabled()


def test_hooks_run_by_slot_then_in_recipe_order():
    class Named(Hook):
        def __init__(self, slot, name):
            self.slot, self.name = slot, name

    hooks = [
        Named("report", 1),
        Named("checkpoint", 2),
        Named("measure", 3),
        Named("report", 4),
        Named("evaluate", 5),
        Named("update", 6),
    ]
    assert [hook.name for hook in in_order(hooks)] == [3, 6, 2, 5, 1, 4]


def test_an_unknown_event_is_refused():
    class Misspelt(Hook):
        def on_epoch_ends(self, ctx): ...

    with pytest.raises(RecipeError, match="no event 'on_epoch_ends'; did you mean 'on_epoch_end'"):
        in_order([Misspelt()])


def test_a_damaged_checkpoint_is_an_error_of_one_line(tmp_path):
    path = tmp_path / "last.pt"
    with pytest.raises(TrainingError, match="no checkpoint"):
        load_checkpoint(path)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(TrainingError, match="cannot be read"):
        load_checkpoint(path)
    torch.save({"weights": 1}, path)
    with pytest.raises(TrainingError, match="not a vadkit checkpoint"):
        load_checkpoint(path)


def test_ctrl_c_on_the_command_line_leaves_a_resumable_run(vadkit, tmp_path):
    (tmp_path / "stop.py").write_text(
        "import os, signal\nimport vadkit\nfrom vadkit.hooks.hook import Hook\n\n\n"
        "@vadkit.register('hooks', 'stop-once')\nclass StopOnce(Hook):\n"
        "    '''Presses Ctrl-C at step 3 of a fresh run.'''\n\n"
        "    def on_step_end(self, ctx):\n"
        "        if ctx.step == 3 and not ctx.resumed:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
    )
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(
        f"plugins: [stop.py]\n"
        f"dataset: {{type: synthetic, root: {tmp_path}/scene, size: [48, 64], frames: 16}}\n"
        "clip: {frames: 5, size: [48, 64], channels: gray}\nmethod: {type: future-frame}\n"
        "networks: {generator: {width: 2}, discriminator: null}\n"
        "train: {epochs: 1, batch_size: 8}\nhooks: [{type: checkpoint}, {type: stop-once}]\n"
    )
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 130
    assert out == ""
    run = next((tmp_path / "runs" / "tiny").iterdir())
    assert f"continue with: vadkit train --resume {run}" in err
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["status"], manifest["step"]) == ("interrupted", 3)
    code, out, err = vadkit("train", "--resume", run)
    assert code == 0, err
    assert out.strip() == str(run)
    assert json.loads((run / "manifest.json").read_text())["status"] == "done"
