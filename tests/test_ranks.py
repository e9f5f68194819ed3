"""The part of a batch that a process has."""

import pytest
import torch

from vadkit.errors import RecipeError
from vadkit.ranks import Part, average, highest, own_rows, part_of_batch, shared, started, total


def test_in_one_process_nothing_is_changed():
    values = torch.rand(3)
    assert total(values) is average(values) is highest(values) is values
    assert not shared()
    assert own_rows(torch.zeros, 2).shape == (2,)


def test_each_part_draws_its_rows_of_the_whole_batch():
    torch.manual_seed(0)
    whole = torch.rand(6, 2)
    for number in range(3):
        torch.manual_seed(0)
        with part_of_batch(Part(number, 3)):
            assert shared()
            rows = own_rows(lambda count: torch.rand(count, 2), 2)
        assert torch.equal(rows, whole[2 * number : 2 * number + 2])
    assert not shared()


@pytest.mark.parametrize(("rank", "size"), [("2", "2"), ("-1", "2"), ("x", "2"), ("0", "two")])
def test_an_unusable_environment_is_named(rank, size, monkeypatch):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(RecipeError, match="RANK"):
        started()


@pytest.mark.parametrize(
    "command", [["list-components"], ["schema"], ["eval", "run"], ["data", "check"]]
)
def test_commands_of_one_process_refuse_several(command, vadkit, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, out, err = vadkit(*command)
    assert (code, out) == (2, "")
    assert err == (
        f"error: `vadkit {command[0]}` runs in one process, but torchrun started 2 (WORLD_SIZE); "
        "start it without torchrun, or unset WORLD_SIZE\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scale-lr"], "needs several processes"),
        (["--gpus", "2", "--seeds", "0,1"], "--seeds cannot be used with --gpus"),
        (["--gpus", "0"], "--gpus"),
    ],
)
def test_options_that_contradict_each_other(arguments, words, vadkit):
    code, _, err = vadkit("train", "quickstart", *arguments)
    assert code == 2
    assert words in err
