"""How the errors of objects become scores of frames, whatever the errors are."""

import pytest
import torch

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.object_errors import ObjectErrors


class Given(ObjectErrors):
    """Errors are what the test gives."""

    def errors(self, clips):
        return torch.tensor(self.given, dtype=torch.float32).view(-1, 2)


def make(frame=1.0, flow=1.0):
    spec = ClipSpec(1, (32, 48), "gray", (0,), 1, boxes=0)
    return Given({}, {}, spec, {"frame": frame, "flow": flow})


def clip(count):
    """A clip with boxes side by side."""
    boxes = torch.tensor([[2 + 16.0 * n, 4, 14 + 16 * n, 24] for n in range(count)]).view(-1, 4)
    return Clips(torch.zeros(1, 1, 1, 32, 48), None, (boxes,))


def fitted(**weights):
    """Fitted to errors of 0.04 and 0.36, and of 0.5 and 1.5."""
    method = make(**weights)
    for given in ([0.04, 0.5], [0.36, 1.5], []):
        method.given = given
        method.collect(clip(len(given) // 2))
    method.finalize()
    return method.eval()


def test_scores_are_deviations_of_errors_from_those_of_training():
    method = fitted()
    torch.testing.assert_close(method.usual, torch.tensor([[0.2, 0.16], [1.0, 0.5]]))
    method.given = [1.0, 2.0, 0.04, 2.0]
    scores = method.score(clip(2))
    assert scores.frames.item() == pytest.approx((1 - 0.2) / 0.16 + (2 - 1) / 0.5, rel=1e-4)
    assert scores.parts["frame"].item() == pytest.approx(5, rel=1e-4)
    assert scores.parts["flow"].item() == pytest.approx(2, rel=1e-4)
    assert scores.maps[0, 0, 12, 24].item() == pytest.approx(-1 + 2, rel=1e-4)
    assert scores.maps[0, 0, 30, 46].item() == pytest.approx(-2, rel=1e-4)


def test_a_frame_without_objects_has_the_least_errors_of_training():
    method = fitted()
    method.given = []
    scores = method.score(clip(0))
    assert scores.frames.item() == pytest.approx(-2, rel=1e-4)
    assert {name: part.item() for name, part in scores.parts.items()} == pytest.approx(
        {"frame": -1, "flow": -1}, rel=1e-4
    )


def test_weights():
    method = fitted(flow=0.5)
    method.given = [1.0, 2.0]
    assert method.score(clip(1)).frames.item() == pytest.approx(6, rel=1e-4)


def test_no_object_in_training():
    method = make()
    method.given = []
    method.collect(clip(0))
    with pytest.raises(TrainingError, match="found no object in the training videos"):
        method.finalize()
