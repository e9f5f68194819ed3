"""Adversarial losses within the trainer, with its frozen roles and its precision."""

import pytest
import torch

from vadkit.data.tensors import Clips
from vadkit.engine.trainer import Trainer
from vadkit.hooks.hook import Hook
from vadkit.recipe.resolve import resolve
from vadkit.workflows.build import build_method, build_optimizers


class SameClips:
    """Loads the same two clips, eight times."""

    def __init__(self, dtype):
        self.clips = torch.linspace(-1, 1, 5 * 24 * 32).view(1, 1, 5, 24, 32).repeat(2, 1, 1, 1, 1)
        self.clips = self.clips.to(dtype)

    def __len__(self):
        return 8

    def batches(self, epoch, start=0):
        for _ in range(8):
            yield Clips(self.clips)


class Means(Hook):
    """Keeps the means of the terms after each step."""

    def __init__(self):
        self.seen = []

    def on_step_end(self, ctx):
        self.seen.append(ctx.means())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["vanilla", "wgan-gp"])
def test_future_frame_trains_with_other_adversarial_losses(kind, dtype, tmp_path):
    recipe = resolve(
        {
            "name": "other",
            "dataset": {"type": "synthetic"},
            "clip": {"size": [24, 32], "channels": "gray"},
            "method": {"type": "future-frame"},
            "networks": {"generator": {"width": 8}, "discriminator": {"width": 4}},
            "losses": {
                "adversarial": {"type": kind, "weight": 0.05},
                "discriminator": {"type": f"{kind}-discriminator"},
            },
            "optimizers": {"generator": {"lr": 1e-3}, "discriminator": {"lr": 1e-3}},
            "train": {"epochs": 1},
        }
    )
    torch.manual_seed(0)
    method, means = build_method(recipe, torch.device("cpu")), Means()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    Trainer(
        method,
        SameClips(dtype),
        name="other",
        run=tmp_path,
        settings=recipe.train,
        device=torch.device("cpu"),
        dtype=dtype,
        optimizers=build_optimizers(recipe, method),
        schedules={},
        hooks=[("means", means)],
    ).fit()
    same = [name for name, value in method.state_dict().items() if torch.equal(value, before[name])]
    # A bias at the end of a Wasserstein critic cancels out in its loss.
    assert set(same) <= ({"networks.discriminator.layers.8.bias"} if kind == "wgan-gp" else set())
    for name in ("intensity", "discriminator"):
        assert means.seen[-1][name] < means.seen[0][name]
