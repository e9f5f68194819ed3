"""The mean image: what it learns, and that networks which take it off give it back."""

import pytest
import torch

from vadkit.networks.conv_ae import ConvAE
from vadkit.networks.conv_lstm_ae import ConvLSTMAE
from vadkit.networks.mean_image import MeanImage
from vadkit.networks.memae import MemAE
from vadkit.networks.stae import STAE


def test_it_is_the_mean_of_all_batches_and_all_frames():
    mean = MeanImage((1, 1, 1, 2))
    mean.take_off(torch.tensor([0.0, 0.2, 0.4, 0.6]).view(1, 1, 2, 1, 2))
    torch.testing.assert_close(mean.image.flatten(), torch.tensor([0.2, 0.4]))
    # The first batch is 0.2 off its mean everywhere.
    torch.testing.assert_close(mean.variance, torch.tensor(0.04))
    mean.take_off(torch.tensor([0.6, 0.8, 0.6, 0.8]).view(1, 1, 2, 1, 2))
    torch.testing.assert_close(mean.image.flatten(), torch.tensor([0.4, 0.6]))
    # So is the second, off the mean of both.
    torch.testing.assert_close(mean.variance, torch.tensor(0.04))
    normalised = mean.eval().take_off(torch.tensor([0.8, 0.6]).view(1, 1, 1, 1, 2))
    torch.testing.assert_close(normalised.flatten(), torch.tensor([2.0, 0.0]))
    assert mean.batches == 2


def test_one_mean_for_each_plane_of_a_stack():
    mean = MeanImage((2, 1, 1))
    mean.take_off(torch.tensor([0.1, 0.5, 0.3, 0.5]).view(2, 2, 1, 1))
    torch.testing.assert_close(mean.image.flatten(), torch.tensor([0.2, 0.5]))


def test_the_mean_image_is_subtracted_and_added_again():
    torch.manual_seed(0)
    mean, clips = MeanImage((1, 1, 4, 5)), torch.rand(2, 1, 3, 4, 5)
    torch.testing.assert_close(mean.put_back(mean.take_off(clips)), clips)


def test_a_scene_that_never_changes_stays_finite():
    assert MeanImage((1, 2, 2)).take_off(torch.full((3, 1, 2, 2), 0.5)).abs().max() == 0


@pytest.mark.parametrize(
    ("network", "clips", "last"),
    [
        (ConvAE(2, 1, (32, 40), width=4, mean_image=True), (2, 2, 32, 40), ["deconv1"]),
        (ConvLSTMAE(1, (32, 40), width=4), (2, 1, 3, 32, 40), ["deconv1"]),
        (
            MemAE(1, (16, 32), width=3, slots=4, shrink=0.0, mean_image=True),
            (2, 1, 8, 16, 32),
            ["decoder.9"],
        ),
        (
            STAE(1, (8, 16), width=2, mean_image=True),
            (2, 1, 8, 8, 16),
            ["reconstruct.9", "predict.9"],
        ),
    ],
)
def test_a_network_that_adds_nothing_gives_the_mean_image(network, clips, last):
    torch.manual_seed(0)
    batch = torch.rand(clips)
    with torch.no_grad():
        network(batch)
        for name in last:
            layer = network.get_submodule(name)
            layer.weight.zero_()
            layer.bias.zero_()
        output = network.eval()(batch + 1)
    pictures = output if isinstance(output, tuple) else (output,)
    expected = batch.mean(0) if batch.ndim == 4 else batch.mean((0, 2))[:, None]
    for picture in pictures[: len(last)]:
        torch.testing.assert_close(picture, expected.expand_as(batch))
