"""Layers in ONNX Runtime, and when PyTorch computes them instead."""

import importlib.util
import logging

import torch
from torch import nn

from vadkit.features.onnx_layers import onnx_layers

PICTURE = torch.rand(1, 3, 8, 8)


def layers():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU6()).eval().requires_grad_(False)


def test_the_function_agrees_with_the_layers(caplog):
    made = layers()
    with caplog.at_level(logging.INFO, "vadkit.features"):
        found = onnx_layers(made, PICTURE)
    assert "ONNX Runtime computes features" in caplog.text
    # Pictures in another order of memory are the same pictures.
    other = torch.rand(1, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found(other), made(other))


def test_without_the_packages_pytorch_computes(monkeypatch, caplog):
    known = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else known(name)
    )
    with caplog.at_level(logging.INFO, "vadkit.features"):
        assert onnx_layers(layers(), PICTURE) is None
    assert "ONNX Runtime is faster (vadkit[backbones])" in caplog.text


def test_what_cannot_be_a_graph_is_computed_by_pytorch(caplog):
    class Odd(nn.Module):
        def forward(self, pictures):
            return torch.linalg.eigh(pictures[0, 0]).eigenvalues

    assert onnx_layers(Odd(), PICTURE) is None
    assert "PyTorch computes features, because ONNX Runtime cannot" in caplog.text


def test_features_that_differ_are_not_used(caplog):
    class Changing(nn.Module):
        """Adds 1 at each call: a graph has the 1 of the first."""

        calls = 0

        def forward(self, pictures):
            self.calls += 1
            return pictures + self.calls

    assert onnx_layers(Changing(), PICTURE) is None
    assert "those of ONNX Runtime differ by 1" in caplog.text
