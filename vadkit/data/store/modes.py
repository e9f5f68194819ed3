"""Where the frames of a store are kept during training: on disk, in memory, or on the device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.data.store.build import size_text

if TYPE_CHECKING:
    import torch

# The share of free memory for frames; the rest is for the network and its activations.
_DEVICE_SHARE, _AUTO_DEVICE_SHARE, _HOST_SHARE = 0.8, 0.4, 0.7


def choose_mode(
    wanted: str, need_bytes: int, device: torch.device, *, in_processes: bool
) -> tuple[str, str | None]:
    """Return ``disk``, ``ram`` or ``device``, and a message for the user if there is one.

    ``auto`` chooses the device if the frames need little of its memory, else the disk, which the
    operating system caches. If frames do not fit, the disk is used. ``in_processes`` says that
    imgaug runs in worker processes, which can share only the disk.
    """
    on_cpu = device.type == "cpu"
    if wanted == "auto":
        fits = not on_cpu and need_bytes <= _AUTO_DEVICE_SHARE * free_memory(device)
        return ("device" if fits and not in_processes else "disk"), None
    if wanted == "disk":
        return "disk", None
    if in_processes:
        return "disk", (
            f"data.store {wanted}: imgaug augments run in worker processes, which read frames "
            "from disk, so frames stay there. Use tensor augments (tensor-flip, ...)"
        )
    mode = "device" if wanted == "device" and not on_cpu else "ram"
    place = str(device) if mode == "device" else "memory"
    free = free_memory(device if mode == "device" else None)
    share = _DEVICE_SHARE if mode == "device" else _HOST_SHARE
    need = size_text(need_bytes)
    says = f"data.store {wanted}: the frames need {need}, {place} has {size_text(free)} free"
    if need_bytes > share * free:
        return "disk", f"{says} and may use {share:.0%} of it; they stay on disk"
    return mode, says


def free_memory(device: torch.device | None) -> int:
    """Return free bytes of an accelerator, or of host memory within the limits of a container."""
    if device is not None and device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    free = _meminfo_available()
    limit, used = (_number(Path("/sys/fs/cgroup") / name) for name in _CGROUP_FILES)
    if limit is not None and used is not None:
        free = min(free, max(limit - used, 0))
    return free


_CGROUP_FILES = ("memory.max", "memory.current")


def _meminfo_available() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        # Without /proc, free memory is unknown; the store on disk is the safe choice.
        return 0
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(fields.get("MemAvailable", "0 kB").split()[0]) * 1024


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
