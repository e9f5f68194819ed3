"""Devices and precisions."""

import pytest
import torch

from vadkit.device import choose_kernels, few_threads, pick_precision, scoring_batch

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        # These compute bfloat16 in float32, with conversions.
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_a_cpu_computes_in_bfloat16_only_if_asked_and_able(monkeypatch, capabilities, fast):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert pick_precision("fast", CPU) == fast
    assert pick_precision("auto", CPU) == torch.float32
    assert pick_precision("bf16", CPU) == torch.bfloat16


def test_a_pytorch_that_cannot_tell_computes_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert pick_precision("fast", CPU) == torch.float32


@pytest.mark.parametrize("able", [True, False])
@pytest.mark.parametrize("name", ["auto", "fast"])
def test_a_gpu_computes_in_bfloat16_if_able(monkeypatch, name, able):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: able)
    assert pick_precision(name, CUDA) == (torch.bfloat16 if able else torch.float32)


def test_kernels_are_repeatable_or_the_fastest():
    kernels, before = torch.backends.cudnn, torch.get_float32_matmul_precision()
    try:
        for deterministic, precision in ((False, "high"), (True, "highest")):
            choose_kernels(deterministic=deterministic)
            assert (kernels.benchmark, kernels.deterministic) == (not deterministic, deterministic)
            assert torch.get_float32_matmul_precision() == precision
    finally:
        choose_kernels(deterministic=True)
        torch.set_float32_matmul_precision(before)


def test_a_gpu_scores_more_clips_at_a_time():
    assert scoring_batch(4, CPU) == 4
    assert scoring_batch(4, CUDA) == 32
    assert scoring_batch(64, CUDA) == 64


@pytest.mark.parametrize(
    ("weights", "trained", "threads"),
    [(0, False, 1), (10, False, 1), (10, True, 3), (1001, False, 3)],
)
def test_methods_with_few_frozen_weights_use_one_thread(monkeypatch, weights, trained, threads):
    import cv2

    monkeypatch.setattr("vadkit.device._FEW_WEIGHTS", 1000)
    method = torch.nn.Module()
    if weights:
        method.some = torch.nn.Parameter(torch.zeros(weights), requires_grad=trained)
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        torch.set_num_threads(3)
        cv2.setNumThreads(3)
        with few_threads(method, torch.device("cpu")):
            assert (torch.get_num_threads(), cv2.getNumThreads()) == (threads, threads)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 3)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
