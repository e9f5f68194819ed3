"""Splitting batches, scaling with the number of processes, and the exit code of all."""

from pathlib import Path

import pytest

from vadkit.errors import RecipeError
from vadkit.ranks import PeerEnded
from vadkit.recipe import load_recipe
from vadkit.workflows.launch import _exit_code
from vadkit.workflows.processes import check_parts, scaled

RECIPE = """\
name: tiny
dataset: {type: synthetic, root: scene}
method: {type: future-frame}
"""
PEER = PeerEnded.exit_code


def test_a_batch_is_split_evenly():
    check_parts(8, 4)
    with pytest.raises(RecipeError, match=r"8 clips .* over 3 processes.*train.batch_size=6"):
        check_parts(8, 3)
    with pytest.raises(RecipeError, match=r"train\.batch_size=4"):
        check_parts(1, 4)


def test_batch_size_and_every_rate_are_scaled(tmp_path):
    path = Path(tmp_path, "recipe.yaml")
    path.write_text(RECIPE)
    recipe = scaled(load_recipe(path), 4)
    assert recipe.train.batch_size == 16
    rates = {role: spec.params["lr"] for role, spec in recipe.optimizers.items()}
    assert rates == pytest.approx({"generator": 8e-4, "discriminator": 8e-5})


@pytest.mark.parametrize(
    ("codes", "stopped", "wanted"),
    [
        ([0, 0], False, 0),
        ([PEER, 3], False, 3),
        ([3, PEER], False, 3),
        ([PEER, -9], False, 4),
        ([4, 4], False, 4),
        ([None, 2], False, 2),
        ([PEER, PEER], False, 4),
        ([130, 130], True, 130),
        ([130, PEER], True, 130),
        ([0, 0], True, 0),
        ([-9, -9], True, 130),
    ],
)
def test_the_exit_code_is_that_of_the_first_to_fail(codes, stopped, wanted):
    assert _exit_code(codes, stopped) == wanted
