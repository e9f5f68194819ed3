"""Training steps that a CUDA graph can capture: no value goes from one device to another.

A graph records kernels with fixed shapes. It cannot record a copy of a Python list to the device,
a read of a value by Python, or a result whose shape depends on values.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from vadkit.data.tensors import Clips
from vadkit.recipe.resolve import resolve
from vadkit.workflows.build import build_method

_REFUSED = {
    "aten::lift_fresh": "makes a tensor from Python numbers",
    "aten::_local_scalar_dense": "reads a value",
    "aten::nonzero": "has a shape that depends on values",
    "aten::masked_select": "has a shape that depends on values",
    "aten::unique": "has a shape that depends on values",
}
RECIPES = {
    "aed-mae": {},
    "future-frame": {"losses": {"flow": {"weight": 2.0}}},
    "anopcn": {"losses": {"flow": {"weight": 2.0}}},
    "mnad": {},
    "memae": {},
    "stae": {"networks": {"autoencoder": {"mean_image": True}}},
    "conv-ae": {},
    "conv-lstm-ae": {},
    "ganomaly": {},
    "amc": {},
}


class Recordable(TorchDispatchMode):
    """Refuses operations that a CUDA graph cannot record."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        reason = _REFUSED.get(func.name().split(".")[0])
        assert reason is None, f"{func.name()} {reason}"
        if func.name().startswith("aten::index"):
            indices = args[1] if isinstance(args[1], list | tuple) else [args[1]]
            assert not any(one is not None and one.dtype == torch.bool for one in indices)
        return func(*args, **(kwargs or {}))


def build(name, **sections):
    frames = {"stae": 16, "memae": 8, "ganomaly": 8, "amc": 2}.get(name, 3)
    channels = "rgb" if name == "amc" else "gray"
    networks = {
        role: {"width": 12 if name == "memae" else 8} | sections.get("networks", {}).get(role, {})
        for role in {
            "future-frame": ["generator", "discriminator"],
            "anopcn": ["predictor", "refiner", "discriminator"],
            "mnad": ["generator"],
            "ganomaly": ["generator", "discriminator"],
            "amc": ["generator", "discriminator"],
        }.get(name, ["autoencoder"])
    }
    recipe = resolve(
        {
            "name": name,
            "dataset": {"type": "synthetic"},
            "clip": {"size": [32, 32], "frames": frames, "channels": channels},
            "method": {"type": name},
            **sections,
            "networks": networks,
        }
    )
    method = build_method(recipe, torch.device("cpu")).train()
    planes = 3 if name == "amc" else 1
    flow = torch.rand(2, 2, 1, 32, 32) if name == "amc" else None
    return method, Clips(torch.rand(2, planes, frames, 32, 32), flow)


@pytest.mark.parametrize("name", RECIPES)
def test_a_training_step_can_be_captured(name):
    torch.manual_seed(0)
    method, clips = build(name, **RECIPES[name])
    seen = set()
    with Recordable():
        for update in method.updates(clips):
            terms = update.terms()
            seen |= terms.keys()
            torch.stack([*terms.values()]).sum().backward(retain_graph=True)
    assert ("flow" in seen) == (name in ("future-frame", "anopcn", "amc"))


@pytest.mark.parametrize("make", [lambda x: x.new_tensor([1.0]), lambda x: x.sum().item()])
def test_what_breaks_a_capture_is_refused(make):
    with pytest.raises(AssertionError, match=r"makes a tensor|reads a value"), Recordable():
        make(torch.ones(3))


def test_the_memory_of_mnad_changes_in_place():
    """A graph writes to the same memory at each replay, so the items must keep theirs."""
    method, clips = build("mnad")
    items = method.networks["generator"].items
    place, before = items.data_ptr(), items.clone()
    (update,) = method.updates(clips)
    sum(update.terms().values()).backward()
    assert method.networks["generator"].items is items
    assert items.data_ptr() == place and not torch.equal(items, before)
