"""Which memory frames are kept in, and what is said when they do not fit."""

import pytest
import torch

from vadkit.data.store import modes as store_modes
from vadkit.data.store.modes import choose_mode, free_memory

GIB = 2**30
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def free(monkeypatch):
    """10 GiB free on the accelerator and 10 GiB in memory; a test may change either."""
    free = {"cuda": 10 * GIB, None: 10 * GIB}
    monkeypatch.setattr(store_modes, "free_memory", lambda device: free[device and device.type])
    return free


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


def test_messages_in_full():
    assert choose_mode("ram", 8 * GIB, CUDA, in_processes=False) == (
        "disk",
        "data.store ram: the frames need 8.00 GiB, memory has 10.00 GiB free and may use 70% of "
        "it; they stay on disk",
    )
    assert choose_mode("ram", 1, CPU, in_processes=True) == (
        "disk",
        "data.store ram: imgaug augments run in worker processes, which read frames from disk, so "
        "frames stay there. Use tensor augments (tensor-flip, ...)",
    )


@pytest.mark.parametrize(
    ("wanted", "cuda", "memory", "mode"),
    [
        ("device", 10, 1, "device"),
        ("device", 1, 10, "disk"),
        ("ram", 1, 10, "ram"),
        ("ram", 10, 1, "disk"),
        ("auto", 10, 1, "device"),
        ("auto", 1, 10, "disk"),
    ],
)
def test_the_memory_of_the_frames_counts(free, wanted, cuda, memory, mode):
    free.update({"cuda": cuda * GIB, None: memory * GIB})
    assert choose_mode(wanted, 3 * GIB, CUDA, in_processes=False)[0] == mode


@pytest.mark.parametrize(
    ("wanted", "most", "mode"), [("auto", 4, "device"), ("device", 8, "device"), ("ram", 7, "ram")]
)
def test_frames_may_use_their_share_and_no_byte_more(wanted, most, mode):
    assert choose_mode(wanted, most * GIB, CUDA, in_processes=False)[0] == mode
    assert choose_mode(wanted, most * GIB + 1, CUDA, in_processes=False)[0] == "disk"


@pytest.fixture
def container(monkeypatch, tmp_path):
    """The files of a container's memory limit; 10 GiB of the host are available."""
    monkeypatch.setattr(store_modes, "_meminfo_available", lambda: 10 * GIB)
    files = {name: tmp_path / name for name in ("memory.max", "memory.current")}
    monkeypatch.setattr(store_modes, "_CGROUP_FILES", tuple(map(str, files.values())))
    return files


@pytest.mark.parametrize(
    ("limit", "used", "free"),
    [(6, 4, 2), (100, 4, 10), (6, 8, 0), (None, 4, 10), (6, None, 10), ("max\n", 4, 10)],
)
def test_the_limit_of_a_container_counts(container, limit, used, free):
    for name, value in (("memory.max", limit), ("memory.current", used)):
        if value is not None:
            text = value if isinstance(value, str) else f"{value * GIB}\n"
            container[name].write_text(text)
    assert free_memory(None) == free_memory(CPU) == free * GIB


def test_an_accelerator_is_asked_for_its_own_free_memory(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda one: asked.append(one) or (3, 8))
    assert free_memory(torch.device("cuda:1")) == 3
    assert asked == [torch.device("cuda:1")]


def test_free_memory_is_a_sensible_number():
    assert 2**20 < free_memory(None) < 2**50
