"""What a checkpoint may hold."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

import vadkit
from vadkit.engine.checkpoint import check_plain
from vadkit.errors import TrainingError

RECIPE = """\
dataset: {{type: synthetic, root: {root}, size: [32, 48], frames: 12, train_videos: 1}}
clip: {{frames: 4, size: [32, 48], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 4}}}}
train: {{epochs: 2, batch_size: 4}}
hooks: [{{type: checkpoint}}, {{type: remembers}}]
"""
PLAIN = {
    "a": [1, 2.5, True, None, "text", b"bytes", (1, 2), {3}],
    "b": OrderedDict(c=torch.zeros(2), d=torch.nn.Parameter(torch.ones(1))),
    "e": torch.float32,
}


def test_plain_values_can_be_saved_and_loaded(tmp_path):
    check_plain(PLAIN, "state")
    torch.save(PLAIN, tmp_path / "state.pt")
    torch.load(tmp_path / "state.pt", weights_only=True)


@pytest.mark.parametrize("value", [np.float64(1), np.zeros(2), Path("a"), object()])
def test_the_place_of_other_values_is_named(value):
    kind = type(value).__qualname__
    with pytest.raises(TrainingError, match=rf"^state\['lines'\]\[1\] is a .*{kind}, which"):
        check_plain({"lines": [1, value]}, "state")


def test_a_hook_whose_state_cannot_be_loaded_ends_training_when_it_is_saved(tmp_path):
    """Before, the checkpoint was written, and neither `resume` nor `eval` could read it."""

    class Remembers(vadkit.Hook):
        """Remembers a number of NumPy."""

        def state_dict(self):
            return {"best": np.float64(0.5)}

    vadkit.register("hooks", "remembers")(Remembers)
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(RECIPE.format(root=tmp_path / "scene"))
    message = r"hooks\.1\.remembers: state_dict\(\)\['best'\] is a numpy\.float64"
    with pytest.raises(TrainingError, match=message):
        vadkit.train(recipe, runs=tmp_path / "runs")
