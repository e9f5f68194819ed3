"""Both methods: they learn, they score what they say, and a frame's score is its own."""

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.errors import RecipeError
from vadkit.losses.adversarial import LeastSquaresDiscriminator, LeastSquaresGenerator
from vadkit.losses.pixel import MSE, Gradient, Intensity
from vadkit.methods.conv_ae import ConvAutoEncoder
from vadkit.methods.future_frame import FutureFrame
from vadkit.methods.method import WeightedLoss
from vadkit.methods.prediction import past_and_next
from vadkit.networks.conv_ae import ConvAE
from vadkit.networks.patch_gan import PatchGAN
from vadkit.networks.unet import UNet

LOSSES = {
    "intensity": WeightedLoss(Intensity(), 1.0),
    "gradient": WeightedLoss(Gradient(), 1.0),
    "adversarial": WeightedLoss(LeastSquaresGenerator(), 0.05),
    "discriminator": WeightedLoss(LeastSquaresDiscriminator(), 1.0),
}


def conv_ae(width=8):
    spec = ConvAutoEncoder.clip_spec(4, (48, 64), "gray", 1)
    network = ConvAE(*ConvAutoEncoder.network_args(spec)["autoencoder"], width=width)
    losses = {"reconstruction": WeightedLoss(MSE(), 1.0)}
    return ConvAutoEncoder({"autoencoder": network}, losses, spec)


def future_frame(discriminator=True):
    spec = FutureFrame.clip_spec(5, (48, 64), "rgb", 1)
    args = FutureFrame.network_args(spec)
    networks = {"generator": UNet(*args["generator"], width=4)}
    if discriminator:
        networks["discriminator"] = PatchGAN(*args["discriminator"], width=4)
    return FutureFrame(networks, LOSSES, spec)


def step(method, optimizers, clips):
    """One batch, as the trainer takes it; returns the sum of the last update's terms."""
    losses = []
    for update in method.updates(Clips(clips)):
        optimizers[update.role].zero_grad()
        loss = torch.stack(list(update.terms().values())).sum()
        loss.backward()
        optimizers[update.role].step()
        losses.append(loss.item())
    return losses[-1]


@pytest.mark.parametrize("make", [conv_ae, future_frame])
def test_loss_falls(make):
    torch.manual_seed(0)
    method = make()
    ramp = torch.linspace(0, 1, 64).expand(2, method.clip.planes, method.clip.frames, 48, 64)
    clips = ramp.contiguous()
    optimizers = {r: torch.optim.Adam(n.parameters(), 2e-3) for r, n in method.networks.items()}
    losses = [step(method, optimizers, clips) for _ in range(30)]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("make", [conv_ae, future_frame])
def test_scores_do_not_depend_on_the_batch(make):
    torch.manual_seed(0)
    method = make().eval()
    clips = torch.rand(3, method.clip.planes, method.clip.frames, 48, 64)
    scores = method.score(Clips(clips))
    assert scores.frames.shape == (3, len(method.clip.scored))
    assert scores.maps.shape == (3, len(method.clip.scored), 48, 64)
    alone = method.score(Clips(clips[1:2]))
    torch.testing.assert_close(alone.frames[0], scores.frames[1])
    torch.testing.assert_close(alone.maps[0], scores.maps[1], rtol=1e-4, atol=1e-6)


class Constant(nn.Module):
    """A network that gives the same value everywhere, as wide as asked."""

    def __init__(self, planes, value):
        super().__init__()
        self.planes, self.value = planes, value

    def forward(self, x):
        return torch.full((len(x), self.planes, *x.shape[2:]), self.value)


def test_future_frame_score_is_negative_psnr_over_0_to_1():
    method = FutureFrame({"generator": Constant(3, 0.2)}, LOSSES, future_frame().clip)
    clips = torch.zeros(1, 3, 5, 48, 64)
    # 0.2 of the range -1..1 is 0.1 of 0..1: mse 0.01, PSNR 20 dB.
    assert method.score(Clips(clips)).frames.item() == pytest.approx(-20.0, abs=1e-4)
    assert method.score(Clips(clips)).maps.mean().item() == pytest.approx(0.01)
    assert method.score(Clips(torch.full_like(clips, 0.2))).frames.item() == pytest.approx(-100.0)


def test_conv_ae_scores_the_middle_frame_by_the_norms_of_its_pixels():
    spec = ConvAutoEncoder.clip_spec(4, (32, 32), "rgb", 1)
    assert spec.scored == (2,)
    method = ConvAutoEncoder({"autoencoder": Constant(12, 0.5)}, conv_ae().losses, spec)
    clips = torch.full((1, 3, 4, 32, 32), 0.9)
    clips[:, :, 2] = 0.5
    clips[0, :, 2, :8] += torch.tensor([0.3, 0.0, -0.4]).view(3, 1, 1)
    scores = method.score(Clips(clips))
    # A quarter of the frame is off by a norm of 0.5; the other frames have no say.
    torch.testing.assert_close(scores.frames, torch.tensor([[0.125]]))
    torch.testing.assert_close(scores.maps[0, 0, ::24, 0], torch.tensor([0.5, 0.0]))
    assert scores.output.shape == (1, 1, 3, 32, 32)


def test_without_a_discriminator_there_is_one_update():
    method = future_frame(discriminator=False)
    clips = torch.rand(1, 3, 5, 48, 64)
    updates = [(u.role, sorted(u.terms())) for u in method.updates(Clips(clips))]
    assert updates == [("generator", ["gradient", "intensity"])]


def test_generator_sees_the_past_oldest_first():
    clips = torch.arange(5.0).view(1, 1, 5, 1, 1).expand(1, 3, 5, 8, 8)
    past, target = past_and_next(clips)
    assert past[0, :, 0, 0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert target[0, :, 0, 0].tolist() == [4, 4, 4]


@pytest.mark.parametrize(
    ("kind", "args"),
    [(FutureFrame, (1, (64, 64))), (FutureFrame, (5, (60, 64))), (ConvAutoEncoder, (10, (16, 64)))],
)
def test_an_unusable_clip_is_refused(kind, args):
    with pytest.raises(ValueError, match="needs"):
        kind.clip_spec(*args, "rgb", 1)


class Recorder(nn.Module):
    """A network that counts its calls, with one weight: output = weight * last planes of input."""

    def __init__(self, planes, weight):
        super().__init__()
        self.planes, self.calls = planes, 0
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, x):
        self.calls += 1
        return self.weight * x[:, -self.planes :]


def test_discriminator_steps_first_and_both_share_one_prediction():
    generator, discriminator = Recorder(3, 0.5), Recorder(1, 1.0)
    networks = {"generator": generator, "discriminator": discriminator}
    method = FutureFrame(networks, LOSSES, future_frame().clip)
    updates = method.updates(Clips(torch.ones(2, 3, 5, 8, 8)))

    update = next(updates)
    terms = update.terms()
    assert update.role == "discriminator"
    # Real logits 1, predicted ones 0.5: 0.5 * 0 + 0.5 * 0.25.
    assert {n: t.item() for n, t in terms.items()} == pytest.approx({"discriminator": 0.125})
    terms["discriminator"].backward()
    assert generator.weight.grad is None

    with torch.no_grad():
        discriminator.weight.fill_(4.0)  # what its step might do
    update = next(updates)
    terms = update.terms()
    assert update.role == "generator"
    # Predicted 0.5 against 1; the stepped discriminator gives 2: 0.05 * 0.5 * (2 - 1)^2.
    assert {n: t.item() for n, t in terms.items()} == pytest.approx(
        {"intensity": 0.25, "gradient": 0.0, "adversarial": 0.025}
    )
    sum(terms.values()).backward()
    # d/dw of (w - 1)^2 is -1; of 0.025 * (4w - 1)^2 it is 0.2 * (4w - 1) = 0.2.
    assert generator.weight.grad.item() == pytest.approx(-0.8)
    assert next(updates, None) is None
    assert generator.calls == 1


def test_conv_ae_reconstruction_keeps_frames_and_channels_apart():
    spec = ConvAutoEncoder.clip_spec(3, (32, 32), "rgb", 1)
    method = ConvAutoEncoder({"autoencoder": nn.Identity()}, conv_ae().losses, spec)
    clips = torch.rand(2, 3, 3, 32, 32)
    assert method.score(Clips(clips)).frames.abs().max() == 0
    (update,) = method.updates(Clips(clips))
    assert update.role == "autoencoder"
    assert {n: t.item() for n, t in update.terms().items()} == {"reconstruction": 0.0}


def test_defaults_are_the_papers():
    frames = FutureFrame.defaults
    assert {n: spec["weight"] for n, spec in frames["losses"].items()} == {
        "intensity": 1.0,
        "gradient": 1.0,
        # 2 in the paper; docs/classics.md tells why it is off.
        "flow": 0.0,
        "adversarial": 0.05,
        "discriminator": 1.0,
    }
    rates = {role: spec["lr"] for role, spec in frames["optimizers"].items()}
    assert rates == {"generator": 2e-4, "discriminator": 2e-5}
    assert frames["train"] == {"epochs": 60, "batch_size": 4}
    assert FutureFrame.clip_spec(5, (256, 256), "rgb", 1).scored == (4,)
    assert FutureFrame.clip_spec(5, (256, 256), "rgb", 1).range == (-1.0, 1.0)
    stack = ConvAutoEncoder.clip_spec(10, (227, 227), "gray", 1)
    assert (stack.scored, stack.range) == ((5,), (0.0, 1.0))


def test_a_generator_without_any_loss_is_refused():
    generator = {"generator": Constant(3, 0.0)}
    with pytest.raises(RecipeError, match="nothing left to train"):
        FutureFrame(generator, {}, future_frame().clip)


def test_the_flow_loss_compares_the_last_frame_the_prediction_and_the_true_frame():
    seen = []

    def flow_loss(previous, output, target):
        seen.append((previous, target))
        return output.mean() * 0 + 3.0

    method = future_frame(discriminator=False)
    clips = torch.rand(2, 3, 5, 48, 64)
    method.losses["flow"] = WeightedLoss(flow_loss, 2.0)
    (update,) = method.updates(Clips(clips))
    assert update.terms()["flow"].item() == 6.0
    assert torch.equal(seen[0][0], clips[:, :, 3]) and torch.equal(seen[0][1], clips[:, :, 4])
    # Off, it is not even computed.
    method.losses["flow"] = WeightedLoss(flow_loss, 0.0)
    (update,) = method.updates(Clips(clips))
    assert "flow" not in update.terms() and len(seen) == 1


def test_the_flow_loss_needs_no_stored_flow():
    assert FutureFrame.clip_spec(5, (256, 256), "rgb", 1).flow == ()
