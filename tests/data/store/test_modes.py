"""Which memory frames are kept in, and what is said when they do not fit."""

import pytest
import torch

from vadkit.data.store import modes as store_modes
from vadkit.data.store.modes import choose_mode, free_memory

GIB = 2**30
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def ten_gib_free(monkeypatch):
    monkeypatch.setattr(store_modes, "free_memory", lambda device: 10 * GIB)


@pytest.mark.parametrize(
    ("wanted", "need", "device", "processes", "mode"),
    [
        ("auto", 1, CPU, False, "disk"),
        ("auto", 3, CUDA, False, "device"),
        ("auto", 5, CUDA, False, "disk"),
        ("auto", 3, CUDA, True, "disk"),
        ("disk", 1, CUDA, False, "disk"),
        ("ram", 6, CPU, False, "ram"),
        ("ram", 6, CPU, True, "disk"),
        ("ram", 8, CUDA, False, "disk"),
        ("device", 7, CUDA, False, "device"),
        ("device", 9, CUDA, False, "disk"),
        ("device", 1, CUDA, True, "disk"),
        ("device", 1, CPU, False, "ram"),
    ],
)
def test_modes(wanted, need, device, processes, mode):
    assert choose_mode(wanted, need * GIB, device, in_processes=processes)[0] == mode


def test_device_mode_says_what_it_needs_and_steps_down_with_a_message():
    fits = choose_mode("device", 7 * GIB, CUDA, in_processes=False)[1]
    assert fits == "data.store device: the frames need 7.00 GiB, cuda has 10.00 GiB free"
    too_large = choose_mode("device", 9 * GIB, CUDA, in_processes=False)[1]
    assert "need 9.00 GiB" in too_large and "may use 80% of it; they stay on disk" in too_large
    assert "Use tensor augments" in choose_mode("device", 1, CUDA, in_processes=True)[1]
    assert choose_mode("auto", 1, CPU, in_processes=False)[1] is None


def test_free_memory_is_a_sensible_number():
    assert 2**20 < free_memory(None) < 2**50
