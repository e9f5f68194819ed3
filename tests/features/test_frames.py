"""Features that are worked out from frames and flow, on values that can be checked by hand."""

import cv2
import numpy as np
import pytest
import torch

from vadkit.data.tensors import Clips
from vadkit.errors import DataError
from vadkit.features.backbone import Backbone
from vadkit.features.boxes import BoxGeometry, BoxVelocity
from vadkit.features.flow_statistics import FlowStatistics
from vadkit.features.hog import Hog

# Rows 0..7, columns 2..6 of a frame of 20 x 10 pixels.
BOX = torch.tensor([[2.0, 0.0, 6.0, 8.0]])


def moving(*parts):
    """A clip whose flow is 0 but for (rows, columns, dx, dy)."""
    flow = torch.zeros(1, 2, 1, 20, 10)
    for rows, columns, dx, dy in parts:
        flow[0, 0, 0, rows, columns], flow[0, 1, 0, rows, columns] = dx, dy
    return Clips(torch.zeros(1, 1, 2, 20, 10), flow)


def test_flow_is_counted_by_direction():
    # A quarter of the box moves right by 3, a quarter left by 1, the rest stands.
    clip = moving((slice(0, 4), slice(2, 4), 3, 0), (slice(0, 4), slice(4, 6), -1, 0.0))
    assert FlowStatistics(bins=4)(clip, [BOX]).tolist() == [[0.75, 0, 0.25, 0]]
    assert FlowStatistics(bins=1)(clip, [BOX]).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("dx", "dy", "number"), [(1, 0.1, 0), (-0.1, 1, 1), (-1, -0.1, 2), (1, -0.1, 3), (1, -1e-9, 0)]
)
def test_directions_go_round_clockwise(dx, dy, number):
    (row,) = FlowStatistics(bins=4)(moving((slice(0, 8), slice(2, 6), dx, dy)), [BOX]).tolist()
    assert [value > 0 for value in row] == [place == number for place in range(4)]


def test_spread_is_the_deviation_and_relative_speeds_are_in_heights():
    clip = moving((slice(0, 4), slice(2, 6), 0, 2))
    assert FlowStatistics(bins=1, spread=True)(clip, [BOX]).tolist() == [[1.0, 1.0]]
    assert FlowStatistics(bins=1, relative=True)(clip, [BOX]).tolist() == [[1 / 8]]
    assert BoxVelocity()(clip, [BOX]).tolist() == [[0, 1 / 8]]


def test_geometry_is_place_and_size():
    ((x, bottom, height, slim),) = BoxGeometry()(moving(), [BOX]).tolist()
    assert (x, bottom, height) == pytest.approx((0.4, 0.4, 0.4))
    assert slim == pytest.approx(np.log(2))


def stripes(across):
    frame = torch.zeros(1, 1, 1, 64, 32)
    (frame[..., ::8, :] if across else frame[..., ::8])[:] = 1
    return Clips(frame)


def test_hog_distinguishes_the_direction_of_edges():
    whole = [torch.tensor([[0.0, 0.0, 32.0, 64.0]])]
    across, upright = Hog()(stripes(True), whole), Hog()(stripes(False), whole)
    assert across.shape == (1, 7 * 3 * 36)
    energy = [rows.view(-1, 9).square().sum(dim=0) for rows in (across, upright)]
    assert energy[0].argmax() != energy[1].argmax()
    assert Hog()(stripes(True), [torch.zeros(0, 4)]).shape == (0, 7 * 3 * 36)


def test_hog_is_opencvs():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (32, 32), dtype=np.uint8)
    clip = Clips(torch.from_numpy(picture / 255).float()[None, None, None])
    # The box of pixel centres: nothing is resampled.
    (found,) = Hog(size=(32, 32))(clip, [torch.tensor([[0.0, 0.0, 32.0, 32.0]])]).numpy()
    wanted = cv2.HOGDescriptor((32, 32), (16, 16), (8, 8), (8, 8), 9).compute(picture)
    np.testing.assert_allclose(found, wanted.ravel(), atol=1e-5)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    from torchvision.models import resnet18

    torch.manual_seed(0)
    network = resnet18(num_classes=7).eval()
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(network.state_dict(), path)
    return network, path


def test_embeddings_are_the_input_of_the_head(weights):
    network, path = weights
    feature = Backbone(model="resnet18", weights=path, size=32).train()
    clip = Clips(torch.rand(1, 1, 1, 32, 32))
    found = feature(clip, [torch.tensor([[0.0, 0.0, 32.0, 32.0]])])
    assert found.shape == (1, 512)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    with torch.no_grad():
        classes = network((clip.frames[:, :, 0].expand(-1, 3, -1, -1) - mean) / deviation)
        torch.testing.assert_close(network.fc(found), classes, rtol=1e-3, atol=1e-4)
    unit = Backbone(model="resnet18", weights=path, size=32, normalise=True)
    assert unit(clip, [BOX]).norm().item() == pytest.approx(1, rel=1e-5)


def test_weights_that_are_missing_or_others_are_named(weights, tmp_path):
    with pytest.raises(DataError, match=r"weights of resnet18 not found: .*downloads no weights"):
        Backbone(model="resnet18", weights=tmp_path / "none.pth")
    with pytest.raises(DataError, match=r"resnet18.pth do not match resnet34"):
        Backbone(model="resnet34", weights=weights[1])
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"no weights")
    with pytest.raises(DataError, match=r"broken.pth cannot be loaded"):
        Backbone(model="resnet18", weights=broken)
