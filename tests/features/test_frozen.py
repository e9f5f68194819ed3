"""The frozen layers of a classifier, and where their weights come from."""

import copy

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from vadkit.errors import DataError
from vadkit.features import classifiers, frozen
from vadkit.features.frozen import FrozenTrunk


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """The file of a state dict of torchvision, with random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mobilenet.pth"
    torch.save(get_model("mobilenet_v2", weights=None).state_dict(), path)
    return path


def test_features_of_every_eighth_pixel_have_unit_length_in_each_layer(state):
    trunk = FrozenTrunk("mobilenet_v2")
    trunk.load_weights(state)
    found = trunk(torch.rand(2, 3, 48, 64))
    assert found.shape == (2, 32 + 64 + 96, 6, 8)
    first = found[:, :32].norm(dim=1)
    torch.testing.assert_close(first, torch.ones_like(first), atol=1e-4, rtol=1e-4)
    assert not any(one.requires_grad for one in trunk.parameters())
    assert not trunk.train().training


@pytest.mark.parametrize("model", ["mobilenet_v2", "resnet18"])
def test_folded_batch_norms_change_no_feature(model):
    trunk = FrozenTrunk(model)
    torch.manual_seed(1)
    for part in trunk.layers.modules():
        if isinstance(part, nn.BatchNorm2d):
            for one, least in (part.running_mean, -0.5), (part.running_var, 0.5):
                one.copy_(torch.rand(one.shape) + least)
    pictures = torch.rand(3, 3, 48, 64)
    names = set(trunk.state_dict())
    found = trunk(pictures)
    with torch.no_grad():
        wanted = trunk._features(trunk.layers, pictures)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)
    assert set(trunk.state_dict()) == names
    for part in trunk._folded[0].modules():
        assert not isinstance(part, nn.BatchNorm2d)


def test_other_weights_replace_the_folded_ones(state):
    trunk, other = FrozenTrunk("mobilenet_v2"), FrozenTrunk("mobilenet_v2")
    pictures = torch.rand(1, 3, 32, 32)
    before = trunk(pictures)
    trunk.load_state_dict(other.state_dict())
    after = trunk(pictures)
    torch.testing.assert_close(after, other(pictures))
    assert not torch.allclose(after, before, atol=1e-3)
    trunk.load_weights(state)
    other.load_weights(state)
    torch.testing.assert_close(trunk(pictures), other(pictures))


def test_layers_after_the_last_are_left_out(state):
    trunk = FrozenTrunk("mobilenet_v2")
    whole = sum(one.numel() for one in get_model("mobilenet_v2", weights=None).parameters())
    assert sum(one.numel() for one in trunk.parameters()) < whole / 4


def test_outputs_are_those_of_the_layers_averaged_over_places(state):
    trunk = FrozenTrunk("mobilenet_v2")
    trunk.load_weights(state)
    network = get_model("mobilenet_v2", weights=None).eval()
    network.load_state_dict(torch.load(state, weights_only=True))
    pictures = torch.rand(1, 3, 32, 32)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    with torch.no_grad():
        wanted = network.features[:7]((pictures - mean) / deviation)
    middle = wanted[0, :, 0:3, 1:4].mean(dim=(1, 2))
    torch.testing.assert_close(trunk(pictures)[0, :32, 1, 2], middle / middle.norm())


@pytest.mark.parametrize("model", sorted(classifiers._LAYERS.keys() - {"wide_resnet50_2"}))
def test_every_model_gives_places_of_eight_pixels(model):
    found = FrozenTrunk(model)(torch.rand(1, 3, 32, 48))
    assert found.shape[-2:] == (4, 6) and found.isfinite().all()


def test_weights_of_another_model_are_refused(tmp_path, state):
    with pytest.raises(DataError, match=r"weights .*mobilenet.pth do not match resnet18"):
        FrozenTrunk("resnet18").load_weights(state)
    (tmp_path / "list.pth").write_bytes(b"not weights")
    with pytest.raises(DataError, match="cannot be loaded"):
        FrozenTrunk("resnet18").load_weights(tmp_path / "list.pth")


def test_weights_of_the_package_load_without_its_code():
    trunk = FrozenTrunk("mobilenet_v2")
    before = trunk(torch.zeros(1, 3, 32, 32))
    trunk.load_weights(None)
    assert not torch.equal(trunk(torch.zeros(1, 3, 32, 32)), before)


def test_onnx_runtime_computes_the_same_features_and_new_weights_count(state, monkeypatch):
    trunk = FrozenTrunk("mobilenet_v2")
    pictures = torch.rand(3, 3, 48, 64)
    before = trunk(pictures)
    assert trunk._onnx[(3, 48, 64)] is not None
    trunk.load_weights(state)
    found = trunk(pictures)
    assert not torch.allclose(found, before, atol=1e-3)
    torch.testing.assert_close(copy.deepcopy(trunk)(pictures), found)
    # Another size is another graph.
    assert trunk(pictures[..., :32]).shape == (3, 192, 6, 4)
    monkeypatch.setattr(frozen, "onnx_layers", lambda layers, picture: None)
    trunk.load_weights(state)
    torch.testing.assert_close(trunk(pictures), found, atol=1e-4, rtol=0)
    assert trunk._onnx == {(3, 48, 64): None}


def test_a_model_with_random_layers_in_training_stays_in_evaluation():
    trunk = FrozenTrunk("efficientnet_b0")
    picture = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        wanted = trunk._features(trunk.layers, picture)
    torch.testing.assert_close(trunk(picture), wanted, atol=1e-3, rtol=0)
    assert not any(part.training for part in trunk._ready(picture.device).modules())


def test_an_exported_graph_contains_the_layers_themselves(state):
    trunk = FrozenTrunk("mobilenet_v2")
    trunk.load_weights(state)
    pictures = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        program = torch.export.export(trunk, (pictures,))
    torch.testing.assert_close(program.module()(pictures), trunk(pictures), atol=1e-4, rtol=0)
