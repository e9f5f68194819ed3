"""torchvision's detectors with weights from a file; random ones here, so boxes mean nothing."""

from pathlib import Path

import numpy as np
import pytest

from vadkit.data.objects.torchvision import Torchvision
from vadkit.data.videos import Video
from vadkit.errors import DataError

MODEL = "ssdlite320_mobilenet_v3_large"
VIDEO = Video("v", "test", Path("v.mp4"))


def find(weights, frames=(), **params):
    return Torchvision(model=MODEL, weights=weights, device="cpu", **params)(
        VIDEO, len(frames), iter(frames)
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    import torch
    from torchvision.models import detection

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "ssd.pth"
    network = getattr(detection, MODEL)(weights=None, weights_backbone=None)
    torch.save(network.state_dict(), path)
    return path


@pytest.mark.slow
def test_boxes_lie_within_the_frames_and_obey_the_parameters(weights):
    frames = np.random.default_rng(0).integers(0, 256, (2, 60, 90, 3), np.uint8)
    frames.flags.writeable = False
    found = find(weights, frames, confidence=0.0)
    assert set(found.frame.tolist()) == {0, 1}
    assert (found.xyxy >= 0).all() and (found.xyxy <= [90, 60, 90, 60]).all()
    assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
    assert ((found.label >= 1) & (found.label <= 90)).all()
    assert len(find(weights, frames, confidence=1.0)) == 0
    middle = float(np.median(found.score))
    assert find(weights, frames, confidence=middle).score.min() >= middle
    label = int(found.label[0])
    kept = find(weights, frames, confidence=0.0, labels=[label])
    assert len(kept) == (found.label == label).sum() < len(found)
    np.testing.assert_array_equal(find(weights, frames[1:], confidence=0.0).xyxy, found.at(1).xyxy)


def test_missing_weights_are_not_downloaded(tmp_path):
    message = rf"weights of {MODEL} not found: .*x\.pth; .*no weights\. .*download\.pytorch\.org"
    with pytest.raises(DataError, match=message):
        find(tmp_path / "x.pth")


def test_weights_of_something_else(tmp_path):
    import torch

    torch.save({"layer": torch.ones(3)}, tmp_path / "other.pth")
    with pytest.raises(DataError, match=rf"other.pth do not match {MODEL} with COCO's 91"):
        find(tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(DataError, match=rf"list.pth do not match {MODEL}"):
        find(tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(DataError, match=r"text.pth cannot be loaded \("):
        find(tmp_path / "text.pth")


class _Payload:
    """Would make a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    import torch

    torch.save(_Payload(tmp_path / "ran"), tmp_path / "evil.pth")
    with pytest.raises(DataError, match=r"evil.pth cannot be loaded"):
        find(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()
