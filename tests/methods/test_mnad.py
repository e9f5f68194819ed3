"""MNAD: its memory learns by itself, and its score mixes two parts on one scale."""

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.losses.memory import Compactness, Separateness
from vadkit.losses.pixel import Intensity
from vadkit.methods.method import WeightedLoss
from vadkit.methods.mnad import MNAD
from vadkit.networks.mnad import MNAD as Network
from vadkit.networks.mnad import Prediction

LOSSES = {
    "intensity": WeightedLoss(Intensity(), 1.0),
    "compactness": WeightedLoss(Compactness(), 0.1),
    "separateness": WeightedLoss(Separateness(), 0.1),
}
SPEC = MNAD.clip_spec(3, (8, 8), "gray", 1)


class Fixed(nn.Module):
    """Predicts ``value`` everywhere; its one query is (0.6, 0.8), its items the axes."""

    def __init__(self, value):
        super().__init__()
        self.value = value
        self.register_buffer("items", torch.eye(2))

    def forward(self, past):
        queries = torch.tensor([0.6, 0.8]).expand(len(past), 1, 2)
        return Prediction(torch.full((len(past), 1, 8, 8), self.value), queries)


def test_the_score_mixes_parts_in_units_of_training():
    method = MNAD({"generator": Fixed(0.2)}, LOSSES, SPEC, alpha=0.75)
    clips = torch.zeros(1, 1, 3, 8, 8)
    # An error of 0.2 in -1..1 is a PSNR of 20 dB; the query is sqrt(0.4) from the nearest item.
    distance = 0.4**0.5
    expected = 0.75 * -20 + 0.25 * distance
    assert method.score(Clips(clips)).frames.item() == pytest.approx(expected, abs=1e-4)
    method.extremes.copy_(torch.tensor([[-22.0, 0.0], [-18.0, 2.0]]))
    expected = 0.75 * (-20 + 22) / 4 + 0.25 * distance / 2
    assert method.score(Clips(clips)).frames.item() == pytest.approx(expected, abs=1e-4)


def test_the_live_score_is_psnr_alone_and_both_parts_are_kept():
    method = MNAD({"generator": Fixed(0.2)}, LOSSES, SPEC)
    method.extremes.copy_(torch.tensor([[-22.0, 0.5], [-18.0, 1.5]]))
    scores = method.score(Clips(torch.zeros(2, 1, 3, 8, 8)))
    assert scores.frames.flatten().tolist() == pytest.approx([0.5, 0.5], abs=1e-4)
    torch.testing.assert_close(scores.parts["error"], scores.frames)
    # The square of the distance is 0.4; those of the extremes are 0.25 and 2.25.
    torch.testing.assert_close(scores.parts["distance"], torch.full((2, 1), 0.15 / 2))


def test_collected_values_become_extremes():
    method = MNAD({"generator": Fixed(0.0)}, LOSSES, SPEC)
    # PSNR of 20, 40 and 40 dB.
    for value in (0.2, 0.02, 0.02):
        method.collect(Clips(torch.full((1, 1, 3, 8, 8), value)))
    method.finalize()
    (error, distance), (highest, same) = method.extremes.tolist()
    assert (error, distance, highest) == pytest.approx((-40, 0.4**0.5, -20), abs=1e-3)
    # No extent would be divided by.
    assert 0 < same - distance < 1e-5


def test_training_moves_the_items_and_scoring_does_not():
    torch.manual_seed(0)
    network = Network(2, 1, width=4)
    method = MNAD({"generator": network}, LOSSES, SPEC)
    clips, before = torch.rand(2, 1, 3, 8, 8), network.items.clone()
    (update,) = method.updates(Clips(clips))
    terms = update.terms()
    assert terms.keys() == LOSSES.keys()
    torch.stack(list(terms.values())).sum().backward()
    assert not torch.equal(network.items, before)
    torch.testing.assert_close(network.items.norm(dim=1), torch.ones(10))
    after = network.items.clone()
    method.eval().score(Clips(clips))
    assert torch.equal(network.items, after)


def test_the_memory_follows_normal_clips_while_a_data_set_is_evaluated():
    network = Fixed(0.0)
    network.remember = lambda queries: setattr(
        network, "items", nn.functional.normalize(network.items + queries[0], dim=1)
    )
    method = MNAD({"generator": network}, LOSSES, SPEC, alpha=0.0, update_at_test=True)
    # Pixels of 0.1 are 0.05 from the prediction in 0..1: an error of 0.0025. Those of 0.4: 0.04.
    usual, odd = torch.full((1, 1, 3, 8, 8), 0.1), torch.full((1, 1, 3, 8, 8), 0.4)
    before = network.items
    first = method.score(Clips(usual)).frames.item()
    assert first == method.score(Clips(usual)).frames.item() == pytest.approx(0.4**0.5, abs=1e-5)
    with method.adapting():
        scores = method.score(Clips(torch.cat([odd, usual, usual]))).frames[:, 0].tolist()
        again = method.score(Clips(torch.cat([odd, usual, usual])))
    assert {name: len(part) for name, part in again.parts.items()} == {"error": 3, "distance": 3}
    # The odd clip teaches nothing; (0, 1) + (0.6, 0.8) is (0.316, 0.949) at unit length.
    assert scores == pytest.approx([first, first, 0.32036], abs=1e-4)
    assert network.items is before
    assert method.score(Clips(usual)).frames.item() == first


def test_without_the_option_evaluation_does_not_change_the_memory():
    method = MNAD({"generator": Fixed(0.0)}, LOSSES, SPEC)
    clips = Clips(torch.zeros(3, 1, 3, 8, 8))
    with method.adapting():
        assert torch.equal(method.score(clips).frames[:1].expand(3, 1), method.score(clips).frames)


@pytest.mark.parametrize("args", [(1, (64, 64)), (5, (60, 64))])
def test_an_unusable_clip_is_refused(args):
    with pytest.raises(ValueError, match="mnad needs"):
        MNAD.clip_spec(*args, "rgb", 1)
