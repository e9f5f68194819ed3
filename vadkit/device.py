"""Choose the compute device and the precision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vadkit.errors import RecipeError

if TYPE_CHECKING:
    import torch

# Networks with at most this many weights, such as the first layers of MobileNetV2, are small.
_FEW_WEIGHTS = 1_000_000


def pick_device(name: str) -> torch.device:
    """Return a device: the first CUDA device or else the CPU for ``auto``, else torch's name.

    Raises ``RecipeError`` if the device does not exist.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise RecipeError(
            f"train.device '{name}' cannot be used here ({reason}); use auto, cpu or cuda"
        ) from None
    return device


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """Return a precision.

    ``auto`` is bfloat16 on a CUDA device that computes in it, else float32; ``fast`` is bfloat16 on
    a CPU that computes in it, too.
    """
    import torch

    if name in ("auto", "fast"):
        if device.type == "cuda":
            low = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            low = name == "fast" and _cpu_has_bf16()
        return torch.bfloat16 if low else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def _cpu_has_bf16() -> bool:
    """Whether the CPU has instructions for bfloat16; without them, it is slower than float32."""
    import torch

    if not hasattr(torch.cpu, "get_capabilities"):
        # Older versions of PyTorch cannot tell.
        return False
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def choose_kernels(*, deterministic: bool) -> None:
    """Request repeatable kernels, or else the fastest ones and products in TF32, on a GPU."""
    import torch

    torch.backends.cudnn.benchmark = not deterministic
    torch.backends.cudnn.deterministic = deterministic
    torch.set_float32_matmul_precision("highest" if deterministic else "high")


def scoring_batch(batch_size: int, device: torch.device) -> int:
    """Return how many clips to score at a time: on a GPU 32 or more, on a CPU at most 32.

    A training batch may have many small cubes, but scoring takes whole frames.
    """
    return max(batch_size, 32) if device.type == "cuda" else min(batch_size, 32)


@contextlib.contextmanager
def few_threads(method: object, device: torch.device) -> Iterator[None]:
    """Use one thread each of PyTorch and OpenCV on the CPU for a method with few frozen weights.

    Its steps are so small that sharing them out takes longer than doing them: 1.3 times as long on
    two free cores. Frames are prepared in another thread anyway.
    """
    import cv2
    import torch

    before = torch.get_num_threads(), cv2.getNumThreads()
    if device.type == "cpu" and isinstance(method, torch.nn.Module) and _is_small(method):
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def _is_small(method: torch.nn.Module) -> bool:
    """Whether a method has few weights, and none that is trained."""
    weights = list(method.parameters())
    trained = any(one.requires_grad for one in weights)
    return not trained and sum(one.numel() for one in weights) <= _FEW_WEIGHTS
