"""Every method from video labels keeps the contract, on planted features."""

from __future__ import annotations

import pytest
import torch

from vadkit.errors import RecipeError
from vadkit.methods.weak.method import WeakMethod
from vadkit.recipe.resolve import resolve
from vadkit.testing import check_method

FEATURES = {"type": "files", "root": "features"}
# The heads of the papers are checked with small networks, in test_heads.
METHODS = ["deep-mil", "top-k"]


@pytest.mark.parametrize("name", METHODS)
def test_contract(name):
    check_method({"features": FEATURES, "method": {"type": name}})


def test_a_head_that_ignores_the_mask_fails(monkeypatch):
    from vadkit.networks.segment_mlp import SegmentMLP

    plain = SegmentMLP.forward
    monkeypatch.setattr(
        SegmentMLP,
        "forward",
        lambda self, rows, mask: plain(self, rows, mask) + 0.1 * rows.shape[1],
    )
    with pytest.raises(AssertionError, match="a score depends on padding"):
        check_method({"features": FEATURES, "method": {"type": "top-k"}}, steps=5)


def test_features_and_bags_belong_to_methods_from_video_labels():
    base = {"name": "x", "dataset": {"type": "synthetic"}}
    with pytest.raises(RecipeError, match="features: this method needs features"):
        resolve({**base, "method": {"type": "top-k"}})
    with pytest.raises(RecipeError, match="'memae' does not learn from bags"):
        resolve({**base, "method": {"type": "memae"}, "features": FEATURES})
    with pytest.raises(RecipeError, match=r"train.batch_size: must be even.*got 7"):
        resolve(
            {**base, "method": {"type": "top-k"}, "features": FEATURES, "train": {"batch_size": 7}}
        )


def test_scaled_features():
    base = {"name": "x", "dataset": {"type": "synthetic"}, "features": FEATURES}
    from vadkit.workflows.build import build_method

    rows = torch.tensor([[[3.0, 4.0]]])
    for scale, expected in (("none", [3, 4]), ("length", [0.6, 0.8]), ("standard", [1.0, 1.5])):
        recipe = resolve({**base, "method": {"type": "top-k"}, "bags": {"scale": scale, "dim": 2}})
        method = build_method(recipe, torch.device("cpu"))
        assert isinstance(method, WeakMethod)
        method.middle.copy_(torch.tensor([1.0, 1.0]))
        method.spread.copy_(torch.tensor([2.0, 2.0]))
        torch.testing.assert_close(method.scaled(rows)[0, 0], torch.tensor(expected).float())
