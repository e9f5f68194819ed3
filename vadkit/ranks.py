"""The part of each batch that this process has, when several processes train one model.

Such a process is a rank. Code that computes each clip alone needs nothing from here. Code that
keeps statistics of a batch in a training step, such as a memory, combines them with ``total``,
``average`` or ``highest``. Code that draws a random number for each clip uses ``own_rows``, so that
a clip gets the same number as in one process. With one process, nothing is changed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from vadkit.errors import RecipeError, TrainingError

if TYPE_CHECKING:
    from torch import Tensor


class PeerEnded(TrainingError):
    """Another process that trains the same model ended; it has said why."""

    # Only the process that started both sees it, and looks for the code of the other one.
    exit_code = 75


class Part(NamedTuple):
    """One of several equal parts of a batch, by number from 0."""

    number: int
    of: int


# The variable with the file through which processes find each other; torchrun uses a port.
STORE = "VADKIT_PROCESSES_STORE"
WHOLE = Part(0, 1)
_part = WHOLE
_speaks = True


def started() -> Part:
    """Return the rank of this process among those that were started together, as torchrun does.

    Raises ``RecipeError`` if the environment variables are not usable.
    """
    rank, size = os.environ.get("RANK"), os.environ.get("WORLD_SIZE") or "1"
    if size == "1":
        return WHOLE
    try:
        part = Part(int(rank or ""), int(size))
    except ValueError:
        part = Part(-1, 1)
    if not 0 <= part.number < part.of:
        raise RecipeError(
            f"the environment has WORLD_SIZE={size} and RANK={rank}; start vadkit by torchrun, or "
            "unset both"
        )
    return part


def speaks() -> bool:
    """Whether this process prints its errors: only one of those that train together does."""
    return _speaks


def set_speaks(speaks: bool) -> None:
    """Decide whether this process prints its errors."""
    global _speaks
    _speaks = speaks


@contextlib.contextmanager
def part_of_batch(part: Part) -> Iterator[None]:
    """Say for a while that the batch at hand is this part of a larger one."""
    global _part
    before, _part = _part, part
    try:
        yield
    finally:
        _part = before


def shared() -> bool:
    """Whether the batch at hand is a part of a larger one."""
    return _part.of > 1


def total(values: Tensor) -> Tensor:
    """Return the sum of tensors over all parts of a batch, without gradients."""
    return _reduced(values)


def average(values: Tensor) -> Tensor:
    """Return the mean of tensors over all parts of a batch, without gradients."""
    return _reduced(values) / _part.of if shared() else values


def highest(values: Tensor) -> Tensor:
    """Return the maximum of each element over all parts of a batch, without gradients."""
    return _reduced(values, highest=True)


def own_rows(draw: Callable[[int], Tensor], rows: int) -> Tensor:
    """Draw a row for each clip of the whole batch, and return those of this part.

    ``draw`` returns as many rows as it is asked for; ``rows`` is the number in this part.
    """
    if not shared():
        return draw(rows)
    return draw(rows * _part.of)[_part.number * rows : (_part.number + 1) * rows]


def _reduced(values: Tensor, *, highest: bool = False) -> Tensor:
    if not shared():
        return values
    from torch import distributed

    whole = values.detach().clone().contiguous()
    how = distributed.ReduceOp.MAX if highest else distributed.ReduceOp.SUM
    distributed.all_reduce(whole, how)
    return whole
