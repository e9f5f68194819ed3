"""The heads of the papers: the contract with small networks, and what is special about each."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vadkit.data.tensors import Bags
from vadkit.errors import DataError
from vadkit.networks.heads.bn_wvad import Divergence
from vadkit.networks.heads.rtfm import Magnitudes
from vadkit.recipe.resolve import resolve
from vadkit.registry import components
from vadkit.testing import check_method
from vadkit.workflows.build import build_method

FEATURES = {"type": "files", "root": "features"}
_DEVICE = torch.device("cpu")
_TRANSFORMER = {"width": 16, "heads": 1, "head_width": 16, "blocks": 1}
# Small networks, by method.
SMALL = {
    "bn-wvad": _TRANSFORMER,
    "mgfn": {"widths": [16, 32, 32], "depths": [1, 1, 1]},
    "pel4vad": {"middle": 32, "out": 24, "hidden": 16},
    "rtfm": {"widths": [32, 16]},
    "s3r": {"slots": 8, "widths": [32, 16]},
    "ur-dmu": {**_TRANSFORMER, "slots": 8},
    "vadclip": {"heads": 1, "layers": 1},
}
WORDED = ("pel4vad", "vadclip")


def sections(name, **method):
    """Recipe sections of a method with a small network."""
    return {
        "features": FEATURES,
        "method": {"type": name, **method},
        "bags": {"segments": 32, "fit": "average"},
        "networks": {"head": {"type": name, **SMALL[name]}},
        "optimizers": {"head": {"type": "adam", "lr": 2e-3}},
    }


def texts_file(tmp_path, names=("normal", "fall", "fight")):
    rows = np.random.default_rng(0).normal(size=(len(names), 40)).astype(np.float32)
    np.savez(tmp_path / "texts.npz", **dict(zip(names, rows, strict=True)))
    return str(tmp_path / "texts.npz")


def build(name, *, dim=16, classes=("fall", "fight"), **method):
    recipe = resolve(
        {"name": "x", "dataset": {"type": "synthetic"}, **sections(name, **method)}
        | {"bags": {"dim": dim, "classes": list(classes)}}
    )
    return build_method(recipe, _DEVICE)


def bags(classes=(0, 0, 1, 2), known=True):
    torch.manual_seed(0)
    numbers = torch.tensor(classes)
    mask = torch.ones(len(classes), 9, dtype=torch.bool)
    features = torch.randn(len(classes), 9, 16)
    return Bags(features, mask, (numbers > 0).float(), numbers if known else None)


def test_every_method_from_video_labels_is_checked():
    weak = {
        name
        for name, component in components("methods").items()
        if component.target.startswith("vadkit.methods.weak.")
    }
    assert weak == {*SMALL, "deep-mil", "top-k"}


@pytest.mark.parametrize("name", SMALL)
def test_contract(name, tmp_path):
    texts = {"texts": texts_file(tmp_path)} if name in WORDED else {}
    check_method(sections(name, **texts), steps=40)


@pytest.mark.parametrize("name", SMALL)
def test_official_settings_are_complete(name):
    base = {"name": "x", "dataset": {"type": "synthetic"}, "features": FEATURES}
    recipe = resolve({**base, "method": {"type": name}, "bags": {"dim": 64}})
    method = build_method(recipe, _DEVICE).eval()
    one = Bags(torch.randn(1, 40, 64), torch.ones(1, 40).bool(), torch.zeros(1))
    scores = method.score(one)
    assert scores.frames.shape == (1, 40)
    assert set(method.losses) == set(recipe.losses)


@pytest.mark.parametrize("name", SMALL)
def test_every_loss_is_a_term_with_a_gradient(name, tmp_path):
    texts = {"texts": texts_file(tmp_path)} if name in WORDED else {}
    method = build(name, **texts).train()
    (update,) = method.updates(bags())
    terms = update.terms()
    assert set(terms) == set(method.losses)
    for value in terms.values():
        assert value.isfinite() and value.requires_grad


@pytest.mark.parametrize("name", WORDED)
def test_texts_come_from_the_file_once_and_are_in_the_checkpoint(name, tmp_path):
    method = build(name, texts=texts_file(tmp_path)).train()
    assert not method.texts.any()
    next(method.updates(bags())).terms()
    assert torch.allclose(method.texts.norm(dim=1), torch.ones(3))
    (tmp_path / "texts.npz").unlink()
    next(method.updates(bags())).terms()
    again = build(name, texts=str(tmp_path / "texts.npz"))
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.eval().score(bags()).frames, method.eval().score(bags()).frames)


@pytest.mark.parametrize("name", WORDED)
def test_a_missing_text_is_a_clear_error(name, tmp_path):
    method = build(name, texts=texts_file(tmp_path, ("normal", "fall")))
    with pytest.raises(DataError, match="has no 'fight'"):
        next(method.updates(bags()))


@pytest.mark.parametrize("name", WORDED)
def test_unknown_kinds_are_one_kind(name, tmp_path):
    method = build(name, classes=(), texts=texts_file(tmp_path, ("normal", "abnormal")))
    terms = next(method.updates(bags(known=False))).terms()
    assert all(value.isfinite() for value in terms.values())
    assert method.texts.shape[0] == 2


def test_without_a_file_the_names_are_embedded():
    pytest.importorskip("wordllama")
    method = build("vadclip")
    next(method.updates(bags())).terms()
    assert (method.texts @ method.texts.T).fill_diagonal_(0).abs().max() < 0.9


def test_either_branch_of_vadclip_scores(tmp_path):
    method = build("vadclip", texts=texts_file(tmp_path)).eval()
    method.texts.copy_(torch.eye(3, 16))
    output = method.output(bags())
    assert torch.equal(method.segment_scores(output), output.scores)
    method.branch = "texts"
    normal = output.similarities.softmax(dim=2)[..., 0]
    assert torch.equal(method.segment_scores(output), 1 - normal)


def test_the_score_of_bn_wvad_has_the_order_of_the_product():
    method = build("bn-wvad").eval()
    output = method.output(bags())
    scores = method.segment_scores(output)
    assert scores.max() < 1
    assert torch.equal(scores.flatten().argsort(), output.product.flatten().argsort())


def test_bn_wvad_scores_by_the_distance_alone():
    method = build("bn-wvad", by="distance").eval()
    distances = torch.tensor([[[1.0, 3.0]], [[0.0, 0.5]]]).transpose(0, 1)
    output = Divergence(torch.tensor([[0.9, 0.1]]), distances)
    # 1 / 2 and 3.5 / 4.5; by the product, the second would be lower.
    assert method.segment_scores(output)[0].tolist() == pytest.approx([0.5, 7 / 9])
    first, second = build("bn-wvad").eval().segment_scores(output)[0].tolist()
    assert (first, second) == pytest.approx((0.9 / 1.9, 0.35 / 1.35))


@pytest.mark.parametrize(("by", "likely"), [("length", 0.2), ("score", 0.6)])
def test_the_longest_or_the_highest_segments_decide_in_rtfm(by, likely):
    method = build("rtfm", by=by)
    # The three longest segments have scores 0.1, 0.2 and 0.3, the three highest 0.5, 0.6 and 0.7.
    scores = torch.tensor([[0.1, 0.2, 0.3, 0.5, 0.6, 0.7]])
    lengths = torch.tensor([[9.0, 8.0, 7.0, 1.0, 2.0, 3.0]])
    output = Magnitudes(scores, lengths[..., None], lengths)
    one = Bags(torch.zeros(1, 6, 16), torch.ones(1, 6, dtype=torch.bool), torch.ones(1))
    entropy = method.terms(output, one)["entropy"]
    assert entropy.item() == pytest.approx(-np.log(likely), abs=1e-5)


def test_only_normal_videos_train_the_dictionary_of_s3r():
    method = build("s3r").train()
    one = bags((0, 1))
    (update,) = method.updates(one)
    update.terms()["dictionary"].backward()
    rows = method.networks["head"].rows
    before = rows.grad.clone()
    rows.grad = None
    one.features[1] += 5
    (update,) = method.updates(one)
    update.terms()["dictionary"].backward()
    torch.testing.assert_close(rows.grad, before)
