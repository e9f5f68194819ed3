"""Passes over training clips after training, for methods that fit without gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch

from vadkit.data.tensors import Clips
from vadkit.methods.method import Method


class Loader(Protocol):
    """Batches of clips, on the device, in an order that depends on the epoch.

    The loader of the collect pass may have ``sample(count)``, see ``FitContext.sample``, and
    ``counts``, the clips of each video, for ``Method.expect``.
    """

    def __len__(self) -> int: ...

    def batches(self, epoch: int, start: int = 0) -> Iterator[Clips]: ...


def autocast(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager[Any]:
    """Use bfloat16 if it is the run's precision."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)


def collect_passes(
    method: Method,
    loader: Loader,
    device: torch.device,
    dtype: torch.dtype,
    *,
    draw: Callable[[Iterator[Clips]], Clips | None] = lambda batches: next(batches, None),
    collected: Callable[[], None] = lambda: None,
) -> None:
    """Give a method all clips of a loader, in as many passes as it needs, and let it fit.

    ``draw`` takes the next batch; ``collected`` is called after each batch.
    """
    if not method.collects:
        return
    method.expect(getattr(loader, "counts", ()))
    for _ in range(method.passes):
        batches = loader.batches(0)
        with contextlib.closing(batches), torch.no_grad():  # type: ignore[type-var]
            while (clips := draw(batches)) is not None:
                with autocast(device, dtype):
                    method.collect(clips)
                collected()
        method.finalize()
