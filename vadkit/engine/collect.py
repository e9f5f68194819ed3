"""Passes over training clips after training, for methods that fit without gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from vadkit.data.tensors import Clips
from vadkit.hooks.hook import Collected
from vadkit.methods.method import Method


class Loader(Protocol):
    """Batches of clips, on the device, in an order that depends on the epoch."""

    def __len__(self) -> int: ...

    def batches(self, epoch: int, start: int = 0) -> Iterator[Clips]: ...


@runtime_checkable
class Counted(Protocol):
    """A loader that knows how many clips each video has, for ``Method.expect``."""

    @property
    def counts(self) -> Sequence[int]:
        """The number of clips of each video."""


@runtime_checkable
class Sampled(Protocol):
    """A loader with sample clips for hooks."""

    def sample(self, count: int) -> Iterator[tuple[Clips, list[tuple[str, int]]]]:
        """Yield evenly spread clips; see ``FitContext.sample``."""


@runtime_checkable
class Selectable(Loader, Protocol):
    """A loader of which a part can be left out, for calibration by folds."""

    @property
    def clips(self) -> np.ndarray:
        """The video and the first frame of each clip, (n, 2) int64."""

    def keeping(self, kept: np.ndarray) -> Loader:
        """Return a loader of the clips where ``kept`` (n,) bool is true."""


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
    collected: Callable[[Collected], None] = lambda progress: None,
) -> None:
    """Give a method all clips of a loader, in as many passes as it needs, and let it fit.

    ``draw`` takes the next batch; ``collected`` is called after each batch.
    """
    if not method.collects:
        return
    counts = loader.counts if isinstance(loader, Counted) else ()
    method.expect(counts)
    for number in range(1, method.passes + 1):
        batches, done = loader.batches(0), 0
        with contextlib.closing(batches), torch.no_grad():  # type: ignore[type-var]
            while (clips := draw(batches)) is not None:
                with autocast(device, dtype):
                    method.collect(clips)
                done += len(clips)
                collected(Collected(number, method.passes, done, max(sum(counts), done)))
        method.finalize()
