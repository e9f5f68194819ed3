"""The self-distilled masked auto-encoder: targets, weights, roles and scores."""

import logging

import pytest
import torch
from torch import nn

import vadkit
from vadkit.data.pseudo.figures import Figures
from vadkit.data.tensors import Clips
from vadkit.losses.tokens import WeightedTokens
from vadkit.methods.aed_mae import AEDMAE
from vadkit.methods.method import WeightedLoss
from vadkit.networks.masked_ae import Decoded, MaskedAE
from vadkit.ranks import Part, part_of_batch
from vadkit.recipe.resolve import resolve
from vadkit.workflows.train import resume

LOSSES = {role: WeightedLoss(WeightedTokens(), 2.0) for role in ("reconstruction", "distillation")}
SPEC = AEDMAE.clip_spec(3, (8, 16), "gray", 1)


class Flat(nn.Module):
    """The teacher says 0.5 everywhere and the student 0.25, in pixels and in the mask."""

    patch, grid = 4, (2, 4)

    def __init__(self):
        super().__init__()
        self.teacher, self.student = nn.Linear(1, 1), nn.Linear(1, 1)
        self.seen = []

    def forward(self, images, visible):
        self.seen.append(visible)
        shape = (len(images), 8, 32)
        return Decoded(
            0.5 + 0 * self.teacher.weight.expand(shape),
            0.25 + 0 * self.student.weight.expand(shape),
        )


def make(**params):
    return AEDMAE({"autoencoder": Flat()}, LOSSES, SPEC, **params)


def clips(count=4):
    """Grey pictures of 0.5, whose third patch is 1 in the middle frame."""
    frames = torch.full((count, 1, 3, 8, 16), 0.5)
    frames[:, :, 1, :4, 8:12] = 1.0
    return Clips(frames)


def test_only_motion_counts():
    torch.manual_seed(0)
    method = make(mask=0.99)  # All 8 patches are hidden.
    terms = {update.role: update.terms() for update in method.updates(clips())}
    # Of the patch that moves, pixels are off by 0.5, and so is its mask, which is 0.
    assert terms["teacher"]["reconstruction"].item() == pytest.approx(2 * 0.25, rel=1e-3)
    assert terms["student"]["distillation"].item() == pytest.approx(2 * 0.0625, rel=1e-3)
    sum(terms["student"].values()).backward()
    network = method.networks["autoencoder"]
    assert network.teacher.weight.grad is None and network.student.weight.grad is not None


def test_the_roles_have_all_parameters_once():
    network = MaskedAE(3, 2, (8, 16), patch=4, width=8, decoder_width=8, heads=2)
    method = AEDMAE({"autoencoder": network}, LOSSES, SPEC)
    teacher, student = (set(map(id, method.parameters_of(role))) for role in ("teacher", "student"))
    assert student == set(map(id, network.student.parameters())) and not teacher & student
    assert teacher | student == set(map(id, method.parameters()))


def test_scores_by_hand():
    method = make(teacher_weight=3.0, student_weight=2.0).eval()
    scores = method.score(clips(2))
    # The patch changes by 0.5 twice. Teacher: 0.25; teacher and student differ by 0.25.
    assert scores.parts["teacher"].tolist() == [[pytest.approx(3 * 0.5 * 0.25)]] * 2
    assert scores.parts["student"].tolist() == [[pytest.approx(2 * 0.5 * 0.0625)]] * 2
    assert scores.frames[0].item() == pytest.approx(0.375 + 0.0625)
    assert scores.maps.shape == (2, 1, 2, 4) and scores.maps[0, 0].argmax() == 2
    assert scores.output.shape == (2, 1, 1, 8, 16)
    # Every patch was visible in one of two passes.
    one, two = method.networks["autoencoder"].seen
    assert sorted(torch.cat([one[0], two[0]]).tolist()) == list(range(8))
    method.ignore(torch.ones(8, 16, dtype=torch.bool))
    assert method.score(clips(1)).frames.item() == 0


def test_a_share_of_the_clips_gets_a_figure_that_is_not_in_the_target():
    torch.manual_seed(0)
    method = make(anomalies=0.25)
    method.figures = Figures(torch.ones(1, 2, 3, 4, 4), torch.zeros(1, 2))
    batch = torch.full((8, 1, 3, 8, 16), 0.5)
    frames, target = method._with_anomalies(batch)
    edited = [not torch.equal(one, two) for one, two in zip(frames, batch, strict=True)]
    assert [n for n, one in enumerate(edited) if one] == [3, 7]
    assert torch.equal(target[:, :1], batch[:, :, 1])
    # The mask has the pixels that are at least half covered.
    assert torch.equal(target[:, 1:] > 0, frames[:, :, 1] > 0.75)
    assert method._with_anomalies(batch[:2])[1].shape == (2, 2, 8, 16)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_small_batches_get_their_share_of_figures(size):
    torch.manual_seed(0)
    method = make(anomalies=0.25)
    method.figures = Figures(torch.ones(1, 2, 3, 4, 4), torch.zeros(1, 2))
    batch = torch.full((size, 1, 3, 8, 16), 0.5)
    edited = 0
    for _ in range(400):
        frames, target = method._with_anomalies(batch)
        changed = (frames != batch).flatten(1).any(dim=1)
        assert not target[~changed, 1:].any()
        edited += int(changed.sum())
    assert edited / (400 * size) == pytest.approx(0.25, abs=0.06)


def test_parts_of_a_batch_are_edited_like_the_whole():
    method = make(anomalies=0.5)
    method.figures = Figures(torch.ones(1, 2, 3, 4, 4), torch.ones(1, 2))
    batch = torch.full((6, 1, 3, 8, 16), 0.5)
    torch.manual_seed(3)
    whole, _ = method._with_anomalies(batch)
    for number in range(2):
        torch.manual_seed(3)
        with part_of_batch(Part(number, 2)):
            part, _ = method._with_anomalies(batch[:3])
        assert torch.equal(part, whole[3 * number : 3 * number + 3])


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_a_clip_has_a_middle_frame(frames):
    with pytest.raises(ValueError, match="odd number"):
        AEDMAE.clip_spec(frames, (8, 16), "gray", 1)


def test_a_resumed_run_has_the_same_bits(tmp_path, monkeypatch):
    cut = []

    def prepare(method, videos):
        prepared(method, videos)
        cut.append(method.figures)

    prepared = AEDMAE.prepare
    monkeypatch.setattr(AEDMAE, "prepare", prepare)

    def recipe(**train):
        sections = {
            "name": "small",
            "dataset": {
                "type": "synthetic",
                "root": str(tmp_path / "videos"),
                "size": [96, 128],
                "frames": 60,
                "train_videos": 1,
            },
            "clip": {"size": [96, 128], "channels": "gray"},
            "method": {"type": "aed-mae"},
            "networks": {
                "autoencoder": {"width": 8, "decoder_width": 8, "depth": 1, "decoder_depth": 2}
            },
            "train": {"epochs": 4, "batch_size": 16, **train},
            "calibration": None,
        }
        return resolve(sections)

    # 3 steps an epoch; the student trains from step 6 on.
    whole = vadkit.train(recipe(), runs=tmp_path / "whole")
    halves = [vadkit.train(recipe(max_steps=n), runs=tmp_path / str(n)) for n in (3, 9)]
    wanted = _weights(whole)
    for steps, half in zip((3, 9), halves, strict=True):
        text = (half / "recipe.yaml").read_text().replace(f"max_steps: {steps}", "max_steps: null")
        (half / "recipe.yaml").write_text(text)
        resume(half)
        found = _weights(half)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[name], one) for name, one in wanted.items())
    assert len(cut) == 5 and all(one is not None for one in cut)


def test_without_figures_nothing_is_pasted_and_a_warning_says_so(caplog):
    method = make()
    with caplog.at_level(logging.WARNING, "vadkit.methods"):
        method.prepare([])
    assert "no figure moves alone in the training videos" in caplog.text
    frames, target = method._with_anomalies(clips().frames)
    assert torch.equal(frames, clips().frames) and target[:, 1:].max() == 0
    quiet = make(anomalies=0.0)
    caplog.clear()
    quiet.prepare([])
    assert not caplog.text


def _weights(run):
    return torch.load(run / "checkpoints" / "last.pt", weights_only=True)["method"]
