"""What can be captured as a CUDA graph; with a GPU, that captured steps equal plain ones."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.engine import compiled
from vadkit.engine.captured import CapturedStep, fastest_step, why_not_captured
from vadkit.engine.compiled import CompiledStep
from vadkit.engine.step import TrainStep, load_optimizer, optimizer_state
from vadkit.hooks.ema import Ema
from vadkit.hooks.gradients import Gradients
from vadkit.methods.method import Method, Scores, Update
from vadkit.recipe import find_recipe, load_recipe
from vadkit.recipe.model import Train
from vadkit.workflows.build import build_method, build_optimizers

CPU = torch.device("cpu")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Own(Method):
    """A method of a plugin: a layer with batch normalisation, and a buffer that is replaced."""

    def __init__(self):
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2))
        super().__init__({"net": layers}, {}, ClipSpec(2, (8, 8), "gray", (1,)))
        self.register_buffer("mean", torch.zeros(()))

    def updates(self, clips):
        def terms():
            output = self.networks["net"](clips.frames[:, :, 0])
            self.mean = 0.9 * self.mean + 0.1 * output.detach().mean()
            return {"error": (output - self.mean.detach()).square().mean()}

        yield Update("net", terms)

    def score(self, clips):
        return Scores(clips.frames.mean(dim=(1, 2, 3, 4))[:, None])


class Capturable(Own):
    capturable = True


def made(method, device=CPU, kind=torch.optim.Adam):
    method.to(device)
    optimizers = {"net": kind(method.networks["net"].parameters(), lr=1e-2)}
    return TrainStep(method, optimizers, device=device, dtype=torch.float32)


def clips(seed, device=CPU):
    generator = torch.Generator().manual_seed(seed)
    return Clips(torch.randn(4, 1, 2, 8, 8, generator=generator).to(device))


def reason(method, *hooks, kind=torch.optim.Adam):
    optimizers = [kind(method.networks["net"].parameters(), lr=1e-2)]
    return why_not_captured(method, optimizers, hooks)


def test_code_of_plugins_must_say_that_it_can_be_captured():
    assert reason(Own()) == "Own does not declare `capturable = True`"
    assert reason(Capturable()) is None


def test_a_layer_of_a_plugin_counts():
    class Layer(nn.Identity):
        pass

    method = Capturable()
    method.networks["net"].append(Layer())
    assert reason(method) == "Layer does not declare `capturable = True`"


def test_clips_with_objects_have_no_fixed_shape():
    method = Capturable()
    method.clip = replace(method.clip, boxes=1)
    assert reason(method) == "the number of objects differs from batch to batch"


def test_hooks_between_kernels_and_other_optimizers_prevent_it():
    assert reason(Capturable(), Ema()) is None
    assert "hook Gradients looks at gradients" in reason(Capturable(), Ema(), Gradients())
    assert "optimizer Rprop" in reason(Capturable(), kind=torch.optim.Rprop)


@pytest.mark.parametrize(
    "recipe", ["mnad-small", "future-frame-small", "memae-small", "stae-small"]
)
def test_methods_of_vadkit_can_be_captured(recipe):
    found = load_recipe(find_recipe(f"ped2/{recipe}"), ["dataset.root=nowhere"])
    method = build_method(found, CPU)
    assert why_not_captured(method, build_optimizers(found, method).values(), []) is None


def test_on_a_cpu_steps_are_plain_unless_the_recipe_compiles_them():
    step = made(Capturable())
    auto = Train(epochs=1, batch_size=4)
    assert fastest_step(step, auto, [], 10**9) is step
    assert isinstance(
        fastest_step(step, auto.model_copy(update={"compile": True}), [], 1), CompiledStep
    )


def test_networks_that_cannot_be_compiled_train_plainly(monkeypatch, caplog):
    """The failed attempt leaves no trace: neither in weights nor in statistics."""

    def broken(forward, **settings):
        def compiled_forward(*inputs):
            forward(*inputs)
            raise AssertionError("expected size 96==96, stride 262144==1")

        return compiled_forward

    plain, method = made(Capturable()), Capturable()
    monkeypatch.setattr(compiled.torch, "compile", broken)
    step = CompiledStep(made(method))
    for seed in range(3):
        expected, found = plain(clips(seed)), step(clips(seed))
        assert found.terms["error"] == expected.terms["error"]
    assert "not compiled, which is slower: AssertionError: expected size" in caplog.text
    assert_equal(plain.method, method)


def test_compiled_forwards_are_used_in_steps_only(monkeypatch):
    called = []

    def counting(forward, **settings):
        return lambda *inputs: (called.append(1), forward(*inputs))[1]

    monkeypatch.setattr(compiled.torch, "compile", counting)
    method = Capturable()
    step = CompiledStep(made(method))
    step(clips(0))
    step(clips(1))
    method.networks["net"](clips(2).frames[:, :, 0])
    assert len(called) == 2


def test_the_state_of_an_optimizer_fits_another_device():
    """A checkpoint has plain rates; each run keeps the kernels that it uses."""
    one, other = made(Capturable()), made(Capturable())
    one(clips(0))
    (optimizer,) = one.optimizers.values()
    optimizer.param_groups[0]["lr"] = torch.tensor(0.25)
    optimizer.param_groups[0]["capturable"] = True
    state = optimizer_state(optimizer)
    assert state["param_groups"][0]["lr"] == 0.25
    assert "capturable" not in state["param_groups"][0]
    (fresh,) = other.optimizers.values()
    fresh.param_groups[0]["lr"] = torch.tensor(1.0)
    load_optimizer(fresh, state)
    assert isinstance(fresh.param_groups[0]["lr"], torch.Tensor)
    assert float(fresh.param_groups[0]["lr"]) == 0.25
    assert fresh.param_groups[0]["capturable"] is False
    assert fresh.state_dict()["state"][0]["step"] == 1


def assert_equal(one, other):
    expected, found = one.state_dict(), other.state_dict()
    for name, value in expected.items():
        assert torch.equal(value.cpu(), found[name].cpu()), name


@needs_gpu
def test_captured_steps_equal_plain_ones():
    cuda = torch.device("cuda")
    torch.backends.cudnn.deterministic = True
    plain, captured = made(Capturable(), cuda), made(Capturable(), cuda)
    for optimizer in plain.optimizers.values():
        optimizer.param_groups[0]["fused"] = True
    step = CapturedStep(captured)
    for seed in range(8):
        for one in (plain, step):
            one.set_rates({"net": 1 - seed / 10})
        expected, found = plain(clips(seed, cuda)), step(clips(seed, cuda))
        assert found.terms["error"] == expected.terms["error"]
        assert found.norms["net"] == expected.norms["net"]
    assert step.reason is None
    assert_equal(plain.method, captured.method)


@needs_gpu
def test_a_step_that_waits_for_the_device_is_not_captured(caplog):
    class Waits(Capturable):
        def updates(self, clips):
            float(clips.frames.mean())
            yield from super().updates(clips)

    step = CapturedStep(made(Waits(), torch.device("cuda")))
    for seed in range(6):
        step(clips(seed, torch.device("cuda")))
    assert step.reason is not None and "not captured as a CUDA graph" in caplog.text
