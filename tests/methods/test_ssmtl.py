"""Pretext tasks on objects: their inputs, losses and errors by hand, and leaving one out."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.errors import RecipeError
from vadkit.losses.classes import CrossEntropy
from vadkit.losses.pixel import L1
from vadkit.methods.method import WeightedLoss
from vadkit.methods.ssmtl import SSMTL, with_gaps
from vadkit.networks.pretext import Pretext
from vadkit.registry import params_model

LOSSES = {
    "arrow": WeightedLoss(CrossEntropy(), 1.0),
    "irregularity": WeightedLoss(CrossEntropy(), 2.0),
    "middle": WeightedLoss(L1(), 1.0),
}


class Reader(nn.Module):
    """Solves every task on cubes whose pixels state the number of their frame."""

    def __init__(self, sure):
        super().__init__()
        self.sure = nn.Parameter(torch.tensor(float(sure)))

    def forward(self, cubes, task):
        numbers = cubes[:, 0, :, 0, 0]
        steps = numbers.diff(dim=1)
        if task == "middle":
            assert numbers.shape[1] == 4
            return cubes.mean(dim=2) + 0 * self.sure
        backwards = steps[:, 0] < 0 if task == "arrow" else steps.abs().amax(dim=1) > 1
        return self.sure * torch.stack([~backwards, backwards], dim=1).float()


def numbered(count=4):
    frames = torch.arange(9.0).view(1, 1, 9, 1, 1)
    return Clips(frames.expand(count, 1, 9, 8, 8))


def make(sure=50, tasks=tuple(LOSSES), **params):
    spec = SSMTL.clip_spec(9, (32, 48), "gray", 1)
    params = {"side": 8, "window": 5, **params}
    spec = SSMTL.clip_for(spec, params, ())
    return SSMTL({"pretext": Reader(sure)}, {task: LOSSES[task] for task in tasks}, spec, **params)


def test_solved_tasks_have_no_loss():
    (update,) = make().updates(numbered())
    found = {name: term.item() for name, term in update.terms().items()}
    assert found == pytest.approx({"arrow": 0, "irregularity": 0, "middle": 0}, abs=1e-6)
    (update,) = make(0).updates(numbered())
    found = {name: term.item() for name, term in update.terms().items()}
    log2 = math.log(2)
    assert found == pytest.approx({"arrow": log2, "irregularity": 2 * log2, "middle": 0})


def test_errors_are_probabilities_and_a_distance():
    cubes = numbered(2).frames.clone()
    cubes[1] = cubes[1].flip(1)
    cubes[:, :, 4] += 0.5
    errors = make(2.0).errors(Clips(cubes))
    low, high = 1 / (1 + math.e**2), math.e**2 / (1 + math.e**2)
    assert errors[0].tolist() == pytest.approx([low, high, 0.5])
    assert errors[1].tolist() == pytest.approx([high, high, 0.5])


def test_a_task_may_be_left_out():
    method = make(tasks=("arrow", "middle"), weights={"arrow": 3.0})
    assert method.parts == ("arrow", "middle") and method.weights.tolist() == [3.0, 1.0]
    (update,) = method.updates(numbered())
    assert set(update.terms()) == {"arrow", "middle"}
    assert method.errors(numbered()).shape == (4, 2)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))
def test_frames_with_gaps(rows, reach, more):
    frames = 2 * (reach + more) + 1
    found = with_gaps(rows, frames, reach)
    assert found.shape == (rows, 2 * reach + 1)
    assert (found[:, reach] == frames // 2).all()
    steps = found.diff(dim=1)
    assert (steps >= 1).all() and (steps.amax(dim=1) > 1).all()
    assert found.min() >= 0 and found.max() < frames


def test_the_network():
    network = Pretext(3)
    cubes = torch.rand(2, 3, 6, 64, 64)
    assert network(cubes, "middle").shape == (2, 3, 64, 64)
    assert network(cubes, "arrow").shape == network(cubes, "irregularity").shape == (2, 2)


def test_windows_that_do_not_fit():
    spec = SSMTL.clip_spec(9, (32, 48), "gray", 1)
    with pytest.raises(ValueError, match="odd window that is shorter than the clip; got 9 of 9"):
        SSMTL.clip_for(spec, {"window": 9}, ())


def test_a_weight_of_an_unknown_task_is_refused():
    given = params_model(SSMTL)
    assert given(weights={"arrow": 2.0}).weights == {"arrow": 2.0}
    with pytest.raises(ValidationError, match="arow"):
        given(weights={"arow": 2.0})


def test_a_method_without_tasks_is_refused():
    with pytest.raises(RecipeError, match="ssmtl needs one of its tasks"):
        make(tasks=())
