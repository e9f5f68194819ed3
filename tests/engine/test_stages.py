"""Stages: which roles train when, the same after a resume, and faults of recipes."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.test_trainer import Interrupt, make
from vadkit.engine.checkpoint import load_checkpoint
from vadkit.engine.stages import stage_at
from vadkit.errors import RecipeError
from vadkit.hooks.hook import Hook
from vadkit.recipe import resolve
from vadkit.recipe.model import Stage

NET_THEN_BOTH = [{"roles": ["net"], "share": 1}, {"roles": ["net", "critic"], "share": 1}]


class Watch(Hook):
    """Notes after which steps the weights of each role have changed."""

    def __init__(self):
        self.changed = []

    def on_fit_start(self, ctx):
        self.last = self.weights(ctx)

    def on_step_end(self, ctx):
        now = self.weights(ctx)
        self.changed.append({role for role in now if not torch.equal(now[role], self.last[role])})
        self.last = now

    def weights(self, ctx):
        return {
            role: torch.cat([p.detach().flatten() for p in network.parameters()])
            for role, network in ctx.method.networks.items()
        }


def test_each_stage_trains_its_roles(tmp_path):
    watch = Watch()
    make(tmp_path, hooks=[watch], stages=NET_THEN_BOTH).fit()
    # 18 steps; the border is in the middle of an epoch.
    assert watch.changed == [{"net"}] * 9 + [{"net", "critic"}] * 9


@pytest.mark.parametrize("step", [3, 9, 12])
def test_a_resumed_run_equals_the_uninterrupted_one(step, tmp_path):
    whole = make(tmp_path / "whole", stages=NET_THEN_BOTH)
    whole.fit()
    first = make(tmp_path / "first", hooks=[Interrupt(step)], stages=NET_THEN_BOTH)
    with pytest.raises(KeyboardInterrupt):
        first.fit()
    resumed = make(tmp_path / "second", stages=NET_THEN_BOTH)
    resumed.load_state_dict(load_checkpoint(tmp_path / "first" / "checkpoints" / "last.pt"))
    resumed.fit()
    for name, value in whole.method.state_dict().items():
        assert torch.equal(resumed.method.state_dict()[name], value), name


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=5), st.integers(1, 300))
def test_stages_come_in_order_and_all(shares, epochs):
    stages = [Stage(roles=["net"], share=share) for share in shares]
    total, places = sum(shares), [0.0]
    for share in shares:
        places.append(places[-1] + share / total * epochs)
    middles = [(a + b) / 2 for a, b in itertools.pairwise(places)]
    assert [stage_at(stages, middle, epochs) for middle in middles] == list(range(len(stages)))
    assert stage_at(stages, 0, epochs) == 0
    assert stage_at(stages, epochs, epochs) == len(stages) - 1


def recipe(stages):
    method = {"type": "anopcn"}
    train = {"stages": stages}
    return {"name": "a", "dataset": {"type": "synthetic"}, "method": method, "train": train}


def test_recipes_with_stages():
    stages = [
        {"roles": ["predictor", "discriminator"], "share": 2},
        {"roles": ["refiner"]},
    ]
    found = resolve(recipe(stages)).train.stages
    assert found == [
        Stage(roles=["predictor", "discriminator"], share=2),
        Stage(roles=["refiner"], share=1),
    ]
    with pytest.raises(RecipeError, match=r"stages\.0\.roles: no optimizer has the role 'refinr'"):
        resolve(recipe([{"roles": ["refinr", "refiner", "predictor", "discriminator"]}]))
    with pytest.raises(RecipeError, match="no stage trains the role 'discriminator'"):
        resolve(recipe([{"roles": ["predictor", "refiner"]}]))


def test_an_optional_stage_may_be_left_out():
    given = {
        "name": "staged",
        "dataset": {"type": "synthetic"},
        "method": {"type": "hf2-vad"},
        "train": {"stages": [{"roles": ["flow"]}, {"roles": ["frame"]}]},
    }
    assert [stage.roles for stage in resolve(given).train.stages] == [["flow"], ["frame"]]
    given["train"]["stages"].pop()
    with pytest.raises(RecipeError, match="no stage trains the role 'frame'"):
        resolve(given)
