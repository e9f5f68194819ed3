"""Which classifiers give features, and which of their layers."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from vadkit.errors import DataError, RecipeError
from vadkit.features import classifiers
from vadkit.features.classifiers import TrunkName, classifier, layers_of, scale_of
from vadkit.features.frozen import FrozenTrunk


@pytest.mark.parametrize("model", ["resnet18", "mobilenet_v3_small", "efficientnet_b0"])
def test_the_layers_found_are_those_that_a_person_chose(model):
    network = classifier(model).eval()
    chosen = layers_of(model, network, last=False)
    assert layers_of(f"torchvision/{model}", network, last=False) == chosen


def test_any_convolutional_classifier_of_torchvision(tmp_path):
    model = "torchvision/shufflenet_v2_x0_5"
    torch.manual_seed(0)
    whole = classifier(model).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    trunk = FrozenTrunk(model, last=True)
    trunk.load_weights(tmp_path / "weights.pth")
    picture = torch.rand(1, 3, 64, 96)
    assert trunk(picture).shape == (1, 48 + 96 + 1024, 8, 12)
    with torch.no_grad():
        scaled = (picture - trunk.mean) / trunk.deviation
        second = whole.stage2(whole.maxpool(whole.conv1(scaled)))
    torch.testing.assert_close(trunk.outputs(picture)[0], second, atol=1e-5, rtol=1e-4)


def test_a_classifier_of_timm_with_its_own_scale_and_weights(tmp_path):
    timm = pytest.importorskip("timm", reason="needs timm: pip install 'vadkit[timm]'")
    from safetensors.torch import save_file

    model = "timm/tf_mobilenetv3_small_minimal_100"
    torch.manual_seed(0)
    whole = timm.create_model(model.removeprefix("timm/"), pretrained=False).eval()
    save_file(whole.state_dict(), tmp_path / "model.safetensors")
    trunk = FrozenTrunk(model)
    trunk.load_weights(tmp_path / "model.safetensors")
    assert trunk.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    picture = torch.rand(1, 3, 32, 64)
    found = trunk(picture)
    assert found.shape == (1, 24 + 48, 4, 8)
    with torch.no_grad():
        scaled = (picture - 0.5) / 0.5
        wanted = whole.blocks[:2](whole.bn1(whole.conv_stem(scaled)))
    torch.testing.assert_close(trunk.outputs(picture)[0], wanted, atol=1e-5, rtol=1e-4)


def test_a_model_without_maps_is_refused():
    with pytest.raises(RecipeError, match="no layers with steps of 8, 16 pixels"):
        layers_of("torchvision/vit", nn.Sequential(nn.Conv2d(3, 4, 16, 16)), last=False)
    one_size = nn.Sequential(nn.Flatten(), nn.Linear(5, 2))
    with pytest.raises(RecipeError, match="no layers with steps of 8, 16, 32 pixels"):
        layers_of("timm/mixer", one_size, last=True)


def test_unknown_names_and_a_missing_library(monkeypatch):
    with pytest.raises(RecipeError, match="torchvision has no model 'resnet19'"):
        classifier("torchvision/resnet19")
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(RecipeError, match=r"needs timm; install it with: pip install 'vadkit"):
        classifier("timm/resnet10t")
    for wrong in ("resnet19", "timm/../x", "keras/vgg"):
        with pytest.raises(ValidationError):
            TypeAdapter(TrunkName).validate_python(wrong)


def test_unknown_names_of_timm():
    pytest.importorskip("timm", reason="needs timm: pip install 'vadkit[timm]'")
    with pytest.raises(RecipeError, match="timm has no model 'resnet19'"):
        classifier("timm/resnet19")


def test_broken_safetensors_are_named(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"no")
    with pytest.raises(DataError, match=r"model\.safetensors cannot be loaded"):
        FrozenTrunk("resnet18").load_weights(path)


def test_scales_of_models():
    mean, deviation = scale_of("efficientnet_lite0", classifier("efficientnet_lite0"))
    assert mean == (127 / 255,) * 3 and deviation == (128 / 255,) * 3
    assert scale_of("resnet18", nn.Identity()) == (classifiers.MEAN, classifiers.DEVIATION)
