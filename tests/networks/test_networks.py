"""Parameter counts and shapes against hand-computed figures."""

import math

import pytest
import torch

from vadkit.networks.amc import AMC
from vadkit.networks.conv_ae import ConvAE
from vadkit.networks.conv_lstm_ae import ConvLSTM, ConvLSTMAE
from vadkit.networks.ganomaly import GANomaly, GANomalyDiscriminator
from vadkit.networks.memae import MemAE, Memory
from vadkit.networks.mnad import MNAD
from vadkit.networks.object_ae import ObjectAE
from vadkit.networks.patch_gan import PatchGAN
from vadkit.networks.predictive_coding import PredictiveCoding
from vadkit.networks.stae import STAE
from vadkit.networks.unet import UNet


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def conv(before: int, after: int, kernel: int) -> int:
    return before * after * kernel * kernel + after


def test_conv_ae_of_the_paper_has_its_layers():
    expected = (
        conv(10, 512, 11)
        + conv(512, 256, 5)
        + conv(256, 128, 3)
        + conv(128, 256, 3)
        + conv(256, 512, 5)
        + conv(512, 10, 11)
    )
    assert parameters(ConvAE(10, 1, (227, 227))) == expected == 8_384_138


@pytest.mark.parametrize("size", [(227, 227), (224, 224), (256, 256), (64, 96), (64, 97)])
def test_conv_ae_gives_the_size_back_in_0_to_1(size):
    with torch.no_grad():
        output = ConvAE(5, 1, size, width=8)(torch.rand(2, 5, *size))
    assert output.shape == (2, 5, *size)
    assert output.min() > 0 and output.max() < 1


def test_unet_of_the_paper_has_its_layers():
    down = [(12, 64), (64, 128), (128, 256), (256, 512)]
    up = [(512, 256), (256, 128), (128, 64)]
    expected = sum(conv(a, b, 3) + conv(b, b, 3) for a, b in down)
    expected += sum(conv(a, b, 2) + conv(a, b, 3) + conv(b, b, 3) for a, b in up)
    expected += conv(64, 3, 3)
    assert parameters(UNet(12, 3)) == expected == 7_704_195


def test_unet_output_is_within_tanh_and_keeps_the_size():
    with torch.no_grad():
        output = UNet(12, 3, width=4)(torch.randn(2, 12, 40, 56))
    assert output.shape == (2, 3, 40, 56)
    assert output.abs().max() <= 1


def test_unet_names_the_size_it_cannot_take():
    with pytest.raises(ValueError, match="multiples of 8; got 30x32"):
        UNet(12, 3, width=4)(torch.zeros(1, 12, 30, 32))


def test_patch_gan_of_the_paper_has_its_layers_and_patches():
    expected = sum(
        conv(a, b, 4) for a, b in [(3, 128), (128, 256), (256, 512), (512, 512), (512, 1)]
    )
    network = PatchGAN(3)
    assert parameters(network) == expected == 6_831_489
    with torch.no_grad():
        # 256 -> 128 -> 64 -> 32 by stride 2, then two 4x4 convolutions, padded by 1, lose one each.
        assert PatchGAN(3, width=4)(torch.zeros(2, 3, 256, 256)).shape == (2, 1, 30, 30)


def test_conv_ae_width_scales_every_layer():
    network = ConvAE(2, 3, (32, 32), width=64)
    assert [layer.out_channels for layer in (network.conv1, network.conv2, network.conv3)] == [
        64,
        32,
        16,
    ]
    assert (network.conv1.in_channels, network.deconv1.out_channels) == (6, 6)


def test_unet_without_skips_has_less_to_merge():
    # Each first convolution of a merge sees half as many channels.
    halves = sum(9 * wide * wide for wide in (64, 128, 256))
    assert parameters(UNet(12, 3, skips=False)) == 7_704_195 - halves
    with torch.no_grad():
        assert UNet(1, 1, width=4, skips=False)(torch.randn(1, 1, 16, 24)).shape == (1, 1, 16, 24)


def test_unet_hands_the_finest_skip_to_its_last_level():
    torch.manual_seed(0)
    network = UNet(1, 1, width=8)
    with torch.no_grad():
        for up in network.up:
            up.weight.zero_()
            up.bias.zero_()
        image = torch.randn(1, 1, 16, 16)
        before = network(image)
        # Nothing comes up from below, so only the first level's features reach the output: a
        # pixel 6 away (five 3x3 convolutions see 5) has no say.
        image[..., 0, 0] += 3
        after = network(image)
    changed = (after != before).nonzero()[:, 2:]
    assert len(changed) > 0
    assert changed.max() <= 5


def test_patch_gan_sees_one_sample_at_a_time_and_has_no_sigmoid():
    torch.manual_seed(0)
    network = PatchGAN(3, width=4)
    frames = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(frames[1:2])[0], network(frames)[1])
        network.layers[-1].bias.fill_(7.0)
        assert network(frames).min() > 1


def conv3d(before: int, after: int, *, normalised: bool = True) -> int:
    return before * after * 27 + after + (2 * after if normalised else 0)


def test_memae_of_the_paper_has_its_layers():
    layers = [(1, 96), (96, 128), (128, 256), (256, 256), (256, 256), (256, 128), (128, 96)]
    expected = sum(conv3d(a, b) for a, b in layers) + conv3d(96, 1, normalised=False) + 2000 * 256
    assert parameters(MemAE(1, (256, 256))) == expected == 6_492_801


def test_memae_starts_with_the_weights_of_the_authors():
    torch.manual_seed(0)
    network = MemAE(1, (16, 16), width=12, slots=50)
    assert network.decoder[-1].weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert network.encoder[4].weight.mean().item() == pytest.approx(1, abs=0.02)
    # So an untrained network answers near 0, not with noise wider than the range of pixels.
    assert network(torch.rand(2, 1, 8, 16, 16) * 2 - 1)[0].std() < 1


def test_memae_gives_the_clip_back_and_a_weight_for_every_item():
    output, weights = MemAE(1, (32, 48), width=6, slots=7, shrink=0.0)(torch.rand(2, 1, 16, 32, 48))
    assert output.shape == (2, 1, 16, 32, 48)
    assert weights.shape == (2 * 2 * 2 * 3, 7)
    torch.testing.assert_close(weights.sum(1), torch.ones(24))


def test_memory_mixes_similar_items_and_drops_the_others():
    memory = Memory(3, 2, shrink=0.2)
    with torch.no_grad():
        memory.items.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    # Dot products ln 6, ln 3 and -ln 6: softmax 36 : 18 : 1, of which 1 / 55 is below 0.2.
    mixture, weights = memory(torch.tensor([[math.log(6), math.log(3)]]))
    kept = torch.tensor([36 / 55, 18 / 55])
    torch.testing.assert_close(weights, torch.tensor([[*(kept / kept.sum()), 0.0]]))
    torch.testing.assert_close(mixture, torch.tensor([[2 / 3, 1 / 3]]))


def test_conv_lstm_keeps_a_cell_over_the_frames():
    lstm = ConvLSTM(1, 1)
    with torch.no_grad():
        lstm.gates.weight.zero_()
        lstm.gates.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 1.0]))
    output = lstm(torch.zeros(1, 3, 1, 1, 1)).flatten().tolist()
    cell, expected = 0.0, []
    for _ in range(3):
        cell = 0.5 * cell + 0.5 * math.tanh(1)
        expected.append(0.5 * math.tanh(cell))
    assert output == pytest.approx(expected)


def test_conv_lstm_ae_of_the_paper_has_its_layers():
    expected = conv(1, 128, 11) + conv(128, 64, 5)
    expected += conv(128, 256, 3) + conv(96, 128, 3) + conv(96, 256, 3)
    expected += conv(64, 128, 5) + conv(128, 1, 11)
    assert parameters(ConvLSTMAE(1, (224, 224))) == expected == 1_068_225


@pytest.mark.parametrize("size", [(227, 227), (224, 224), (33, 50)])
def test_conv_lstm_ae_gives_the_size_back_in_0_to_1(size):
    with torch.no_grad():
        output = ConvLSTMAE(3, size, width=8, mean_image=False)(torch.rand(2, 3, 4, *size))
    assert output.shape == (2, 3, 4, *size)
    assert output.min() > 0 and output.max() < 1


def test_conv_lstm_ae_does_not_look_ahead():
    network = ConvLSTMAE(1, (32, 32), width=8).eval()
    clips = torch.rand(1, 1, 4, 32, 32)
    other = clips.clone()
    other[:, :, 3] = 0
    with torch.no_grad():
        one, two = network(clips), network(other)
    assert torch.equal(one[:, :, :3], two[:, :, :3])
    assert not torch.equal(one[:, :, 3], two[:, :, 3])


def test_stae_of_the_paper_has_its_layers():
    encoder = [(1, 32), (32, 48), (48, 64), (64, 64)]
    decoder = [(64, 48), (48, 32), (32, 32)]
    expected = sum(conv3d(a, b) for a, b in encoder)
    expected += 2 * (sum(conv3d(a, b) for a, b in decoder) + conv3d(32, 1, normalised=False))
    assert parameters(STAE(1, (128, 128))) == expected == 543_026


def test_stae_gives_two_clips_in_0_to_1():
    with torch.no_grad():
        both = STAE(1, (16, 24), width=4)(torch.rand(2, 1, 8, 16, 24))
    assert [clip.shape for clip in both] == [(2, 1, 8, 16, 24)] * 2
    assert all(clip.min() > 0 and clip.max() < 1 for clip in both)


def normalised(before: int, after: int) -> int:
    return conv(before, after, 3) + 2 * after


def test_mnad_of_the_paper_has_its_layers():
    expected = sum(
        normalised(a, b) + normalised(b, b)
        for a, b in [
            (12, 64),
            (64, 128),
            (128, 256),
            (1024, 512),
            (512, 256),
            (256, 128),
            (128, 64),
        ]
    )
    expected += normalised(256, 512) + conv(512, 512, 3)
    expected += sum(normalised(2 * wide, wide) for wide in (256, 128, 64)) + conv(64, 3, 3)
    network = MNAD(12, 3)
    assert parameters(network) == expected
    assert network.items.shape == (10, 512)


def test_mnad_gives_a_frame_and_queries_of_unit_length():
    with torch.no_grad():
        frame, queries = MNAD(4, 1, width=4)(torch.rand(2, 4, 16, 24))
    assert frame.shape == (2, 1, 16, 24) and frame.abs().max() <= 1
    assert queries.shape == (2, 2 * 3, 32)
    torch.testing.assert_close(queries.norm(dim=2), torch.ones(2, 6))


def test_mnad_remembers_the_queries_nearest_to_an_item():
    network = MNAD(1, 1, width=1, slots=2)
    network.items = torch.eye(8)[:2]
    queries = torch.zeros(1, 2, 8)
    queries[0, 0, :2] = torch.tensor([0.8, 0.6])
    queries[0, 1, :2] = torch.tensor([1.0, 0.0])
    network.remember(queries)
    # Both are nearest to the first item, at 0.8 and 1.0: weights exp(-0.2) and 1.
    moved = torch.tensor([1 + math.exp(-0.2) * 0.8 + 1, math.exp(-0.2) * 0.6])
    torch.testing.assert_close(network.items[0, :2], moved / moved.norm())
    torch.testing.assert_close(network.items[1], torch.eye(8)[1])


def test_the_object_auto_encoder_has_the_papers_layers():
    network = ObjectAE(1)
    crops = torch.rand(3, 1, 64, 64)
    output, code = network(crops), network.encode(crops)
    assert output.shape == (3, 1, 64, 64)
    assert code.shape == (3, 16 * 8 * 8)
    # Encoder 1-32-32-16, decoder 16-16-32-32-1, 3x3 and a bias each.
    pairs = [(1, 32), (32, 32), (32, 16), (16, 16), (16, 32), (32, 32), (32, 1)]
    expected = sum(9 * before * after + after for before, after in pairs)
    assert sum(p.numel() for p in network.parameters()) == expected == 30_689
    assert (code >= 0).all()


def test_ganomaly_halves_to_the_least_size_and_comes_back():
    network = GANomaly(8, (32, 48), width=4, latent=10)
    output, code, again = network(torch.rand(2, 8, 32, 48))
    assert output.shape == (2, 8, 32, 48) and output.abs().max() <= 1
    assert code.shape == again.shape == (2, 10)
    # 32x48, 16x24, 8x12, 4x6.
    assert network.encoder[-1].kernel_size == (4, 6)


def test_ganomaly_has_the_papers_size_on_pictures():
    # Three colours at 32x32, as in the paper: convolutions 3-64-128-256 of 4x4, one of 4x4 to 100,
    # two numbers a channel for normalisation of all but the first.
    encoder = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 100) + 2 * (128 + 256)
    # Mirrored, normalised after every layer but the last, which has a bias.
    decoder = 16 * (100 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 3 + 2 * (256 + 128 + 64)
    network = GANomaly(3, (32, 32))
    assert sum(p.numel() for p in network.parameters()) == 2 * encoder + decoder == 3_206_531


def test_the_discriminators_logit_comes_from_its_features():
    network = GANomalyDiscriminator(8, (32, 48), width=4)
    clips = torch.rand(3, 8, 32, 48)
    features = network.features(clips)
    assert features.shape == (3, 16, 4, 6)
    torch.testing.assert_close(
        network.eval()(clips), network.last(network.features(clips)).flatten(1)
    )


def test_predictive_coding_predicts_a_frame_and_remembers_earlier_ones():
    torch.manual_seed(0)
    network = PredictiveCoding(1, width=4)
    frames = torch.rand(2, 1, 4, 16, 24)
    prediction = network(frames)
    assert prediction.shape == (2, 1, 16, 24) and prediction.abs().max() <= 1
    earlier = frames.clone()
    earlier[:, :, 0] += 0.5
    assert not torch.equal(network(earlier), prediction)


def test_predictive_coding_has_lstms_of_128_and_64_channels():
    def conv(before, after, side=3):
        return side * side * before * after + after

    network = PredictiveCoding(3)
    assert [lstm.hidden for lstm in network.lstms] == [128, 64]
    expected = (
        conv(6, 64) + conv(64, 64) + conv(64, 128) + conv(128, 128) + conv(128, 256)
        + conv(256, 256) + conv(256 + 128, 4 * 128) + conv(128 + 64, 4 * 64)
        + conv(64, 128, 2) + conv(256, 128) + conv(128, 128)
        + conv(128, 64, 2) + conv(128, 64) + conv(64, 64) + conv(64, 3)
    )  # fmt: skip
    assert sum(p.numel() for p in network.parameters()) == expected == 3_980_547


def test_amc_of_the_paper_has_its_layers():
    # Front: 4 branches begin with 3 -> 16, and 0 + 1 + 2 + 3 pairs of 1x3 and 3x1 follow:
    # 4 * (3 * 16 + 16) + 12 * (16 * 16 * 3 + 16) = 9_664.
    front = 4 * conv(3, 16, 1) + 12 * (16 * 16 * 3 + 16)
    # Encoder: 64 * 64 * 16 + 64 = 65_600, then with 2 more a channel for the normalisation
    # 131_456 + 525_056 + 2_098_688 + 4_195_840; together 7_016_640.
    halves = [(64, 128), (128, 256), (256, 512), (512, 512)]
    encoder = conv(64, 64, 4) + sum(conv(a, b, 4) + 2 * b for a, b in halves)
    # Frame: 2_097_920 + 1_049_344 + 524_672 + 131_264 and 64 * 3 * 9 + 3; together 3_804_931.
    ups = [(512, 256), (256, 256), (256, 128), (128, 64)]
    frame = sum(conv(a, b, 4) + 2 * b for a, b in ups) + conv(64, 3, 3)
    # Motion, with skips of 512, 256, 128 and 64 channels: 2_097_920 + 3_146_496 + 1_048_960 +
    # 262_336 and 128 * 3 * 9 + 3; together 6_559_171.
    ups = [(512, 256), (256 + 512, 256), (256 + 256, 128), (128 + 128, 64)]
    motion = sum(conv(a, b, 4) + 2 * b for a, b in ups) + conv(64 + 64, 3, 3)
    assert parameters(AMC(3, 3)) == front + encoder + frame + motion == 17_390_406


def test_amc_gives_a_frame_and_a_motion_of_its_size():
    network = AMC(3, 2, width=4)
    with torch.no_grad():
        frame, motion = network(torch.rand(2, 3, 32, 48))
        levels = network.encode(torch.rand(2, 3, 32, 48))
    assert (frame.shape, motion.shape) == ((2, 3, 32, 48), (2, 2, 32, 48))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (4, 32, 48),
        (8, 16, 24),
        (16, 8, 12),
        (32, 4, 6),
        (32, 2, 3),
    ]


@pytest.mark.parametrize("level", range(5))
def test_amc_rebuilds_the_frame_from_the_last_level_and_motion_from_all(level, monkeypatch):
    torch.manual_seed(0)
    network, picture = AMC(1, 3, width=4).eval(), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        usual, levels = network(picture), network.encode(picture)
        levels[level] = levels[level] + 1
        monkeypatch.setattr(network, "encode", lambda _: levels)
        changed = network(picture)
    assert torch.equal(changed.frame, usual.frame) == (level < 4)
    assert not torch.equal(changed.motion, usual.motion)
