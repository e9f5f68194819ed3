"""MemAE, STAE and the convolutional-LSTM auto-encoder: what they score, and by what."""

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.losses.memory import Entropy
from vadkit.losses.pixel import MSE, WeightedPrediction
from vadkit.methods.conv_lstm_ae import ConvLSTMAutoEncoder
from vadkit.methods.memae import MemAE
from vadkit.methods.method import WeightedLoss
from vadkit.methods.stae import STAutoEncoder


class Gives(nn.Module):
    """A network with fixed results."""

    def __init__(self, *results):
        super().__init__()
        self.results = results

    def forward(self, clips):
        given = tuple(r.expand(len(clips), *r.shape[1:]) for r in self.results)
        return given if len(given) > 1 else given[0]


def test_memae_scores_the_middle_frame_by_the_whole_clip():
    spec = MemAE.clip_spec(16, (16, 32), "gray", 1)
    assert (spec.scored, spec.range) == ((8,), (-1.0, 1.0))
    output = torch.zeros(1, 1, 16, 16, 32)
    output[0, 0, 3, :8] = 2.0
    losses = {"reconstruction": WeightedLoss(MSE(), 1.0), "addressing": WeightedLoss(Entropy(), 2)}
    method = MemAE({"autoencoder": Gives(output, torch.full((1, 4), 0.25))}, losses, spec)
    scores = method.score(Clips(torch.zeros(2, 1, 16, 16, 32)))
    # One frame of 16 is wrong by 2 in its upper half.
    assert scores.frames.tolist() == [[2 / 32]] * 2
    assert scores.maps.shape == (2, 1, 16, 32)
    assert scores.maps[0, 0, 0, 0].item() == 2 / 16 and scores.maps[0, 0, 15, 0].item() == 0
    (update,) = method.updates(Clips(torch.zeros(1, 1, 16, 16, 32)))
    terms = {name: term.item() for name, term in update.terms().items()}
    assert terms == pytest.approx({"reconstruction": 4 / 32, "addressing": 2 * 1.386294})


def test_a_memae_checkpoint_of_an_earlier_version_keeps_its_squared_error():
    """Its threshold was calibrated for that error."""
    spec, losses = MemAE.clip_spec(16, (16, 32), "gray", 1), {}
    method = MemAE(
        {"autoencoder": Gives(torch.full((1, 1, 16, 16, 32), 2.0), torch.ones(1, 4))}, losses, spec
    )
    clips, earlier = Clips(torch.zeros(1, 1, 16, 16, 32)), method.state_dict()
    method.load_state_dict(dict(earlier))
    assert method.score(clips).frames.item() == 2
    del earlier["exponent"]
    method.load_state_dict(earlier)
    assert method.score(clips).frames.item() == 4
    again = MemAE(dict(method.networks), losses, spec)
    again.load_state_dict(method.state_dict())
    assert again.score(clips).frames.item() == 4


def test_stae_learns_the_future_but_scores_the_present():
    spec = STAutoEncoder.clip_spec(32, (16, 16), "gray", 2)
    assert spec.scored == (8,) and spec.ahead == 16
    assert (spec.span, spec.scoring.span, spec.scoring.frames) == (63, 31, 16)
    present, future = torch.full((1, 1, 16, 16, 16), 0.5), torch.full((1, 1, 16, 16, 16), 0.25)
    losses = {
        "reconstruction": WeightedLoss(MSE(), 1.0),
        "prediction": WeightedLoss(WeightedPrediction(), 1.0),
    }
    method = STAutoEncoder({"autoencoder": Gives(present, future)}, losses, spec)
    clips = torch.cat([present, torch.zeros_like(future)], dim=2)
    (update,) = method.updates(Clips(clips))
    terms = {name: term.item() for name, term in update.terms().items()}
    # Weights 16/16 to 1/16 of an error of 1/16, over 16 frames.
    assert terms == pytest.approx({"reconstruction": 0.0, "prediction": 136 / 16 / 16 / 16})
    seen = present.clone()
    seen[:, :, 4] = 0.0
    scores = method.score(Clips(seen))
    # One frame of 16 is off by 0.5.
    assert scores.frames.tolist() == [[0.25 / 16]]
    assert scores.maps.shape == (1, 1, 16, 16) and scores.maps.max().item() == 0.25 / 16


def test_conv_lstm_ae_scores_the_middle_frame_by_the_norms_of_the_clips_frames():
    spec = ConvLSTMAutoEncoder.clip_spec(4, (32, 32), "gray", 1)
    assert spec.scored == (2,)
    losses = {"reconstruction": WeightedLoss(MSE(), 1.0)}
    method = ConvLSTMAutoEncoder({"autoencoder": Gives(torch.zeros(1, 1, 4, 32, 32))}, losses, spec)
    clips = torch.zeros(1, 1, 4, 32, 32)
    clips[:, :, 0] = 0.2
    clips[:, :, 3, :8] = 0.4
    scores = method.score(Clips(clips))
    # Root mean squares 0.2, 0, 0 and, of 0.4 on a quarter, 0.2.
    torch.testing.assert_close(scores.frames, torch.tensor([[0.1]]))
    expected = torch.tensor([((0.04 + 0.16) / 4) ** 0.5, 0.1])
    torch.testing.assert_close(scores.maps[0, 0, ::24, 0], expected)


@pytest.mark.parametrize(
    ("kind", "frames", "size", "message"),
    [
        (MemAE, 12, (32, 32), "multiple of 8 frames; got 12"),
        (MemAE, 16, (32, 40), "multiples of 16; got 32x40"),
        (STAutoEncoder, 24, (32, 32), "multiple of 16 frames"),
        (STAutoEncoder, 32, (32, 36), "multiples of 8; got 32x36"),
        (ConvLSTMAutoEncoder, 10, (16, 64), "at least 32x32; got 16x64"),
    ],
)
def test_an_unusable_clip_is_refused(kind, frames, size, message):
    with pytest.raises(ValueError, match=message):
        kind.clip_spec(frames, size, "gray", 1)


def test_defaults_are_the_papers():
    assert MemAE.defaults["losses"]["addressing"]["weight"] == 2e-4
    assert MemAE.defaults["optimizers"]["autoencoder"]["lr"] == 1e-4
    assert STAutoEncoder.defaults["clip"]["frames"] == 32
    assert STAutoEncoder.defaults["optimizers"]["autoencoder"]["lr"] == 1e-3
