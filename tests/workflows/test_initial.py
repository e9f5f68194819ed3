"""All tensors of a method are taken over by ``train.init``, whatever the method."""

import pytest
import torch

from vadkit.engine.checkpoint import save_checkpoint
from vadkit.errors import RecipeError
from vadkit.recipe import load_recipe
from vadkit.workflows.build import build_method
from vadkit.workflows.initial import start_from

METHODS = {
    "mnad": "networks: {generator: {width: 4}}",
    "future-frame": "networks: {generator: {width: 4}, discriminator: {width: 4}}",
    "memae": "networks: {autoencoder: {width: 3}}",
    "ocae": "",
}
EMPTY = {"optimizers": {}, "hooks": {}, "epoch": 1, "step": 7, "step_in_epoch": 0, "sums": {}}


@pytest.mark.parametrize("name", METHODS)
def test_parameters_and_fitted_buffers_are_taken_over(name, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"name: x\ndataset: {{type: folder, root: {tmp_path}}}\nmethod: {{type: {name}}}\n"
        f"{METHODS[name]}\n"
    )
    file = tmp_path / "other.pt"
    recipe = load_recipe(path, [f"train.init={file}"])
    torch.manual_seed(0)
    other = build_method(recipe, torch.device("cpu"))
    buffers = dict(other.named_buffers())
    for value in buffers.values():
        value.copy_(torch.rand(value.shape) * 9)
    save_checkpoint(file, {**EMPTY, "rng": {}, "method": other.state_dict()})
    own = build_method(recipe, torch.device("cpu"))
    assert start_from(own, recipe)["step"] == 7
    for place, value in other.state_dict().items():
        assert torch.equal(own.state_dict()[place], value), place


def test_weights_of_another_method_are_named(tmp_path):
    built = {}
    for name in ("mnad", "future-frame"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(
            f"name: x\ndataset: {{type: folder, root: {tmp_path}}}\nmethod: {{type: {name}}}\n"
            f"{METHODS[name]}\n"
        )
        recipe = load_recipe(path, [f"train.init={tmp_path / 'other.pt'}"])
        built[name] = recipe, build_method(recipe, torch.device("cpu"))
    state = built["mnad"][1].state_dict()
    save_checkpoint(tmp_path / "other.pt", {**EMPTY, "rng": {}, "method": state})
    recipe, method = built["future-frame"]
    with pytest.raises(RecipeError, match=r"does not fit the recipe: \S+ is missing, .* more; use"):
        start_from(method, recipe)
