"""Several processes that train one model: each has a part of every batch."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn

from vadkit.errors import RecipeError, TrainingError
from vadkit.ranks import STORE, WHOLE, Part, PeerEnded, set_speaks, started

# Within a step, the others come soon. Between steps, the first process may evaluate for hours.
_STEP_TIMEOUT = datetime.timedelta(minutes=30)
_NO_TIMEOUT = datetime.timedelta(days=365)


class Agreed(NamedTuple):
    """What an update is, after all processes looked at their part of the batch.

    ``share`` is the share of this process in the means of the batch.
    """

    role: str
    terms: tuple[str, ...]
    share: float


class Processes:
    """The processes that train one model together, as one of them sees the others.

    The first process does everything that is done once: it evaluates, calls hooks and writes files.
    With one process, nothing is exchanged.
    """

    def __init__(self, part: Part = WHOLE, control: Any = None, store: Any = None) -> None:
        self.part = part
        self._control = control
        self._store = store

    @property
    def first(self) -> bool:
        return self.part.number == 0

    @property
    def several(self) -> bool:
        return self.part.of > 1

    # Messages, on the CPU.

    def exchange(self, *numbers: int) -> list[list[int]]:
        """Return the numbers of every process, each as many."""
        if not self.several:
            return [[*numbers]]
        own = torch.tensor(numbers, dtype=torch.int64)
        found = [torch.empty_like(own) for _ in range(self.part.of)]
        distributed.all_gather(found, own, group=self._control)
        return [one.tolist() for one in found]

    def gather(self, data: Any) -> list[Any]:
        """Return the JSON-like data of every process."""
        if not self.several:
            return [data]
        text = json.dumps(data).encode()
        sizes = [size for (size,) in self.exchange(len(text))]
        own = torch.zeros(max(sizes), dtype=torch.uint8)
        own[: len(text)] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        found = [torch.empty_like(own) for _ in sizes]
        distributed.all_gather(found, own, group=self._control)
        return [
            json.loads(bytes(one[:size].tolist())) for one, size in zip(found, sizes, strict=True)
        ]

    def from_first(self, data: Any = None) -> Any:
        """Return the JSON-like data of the first process; wait for it as long as it takes."""
        return self.gather(data)[0]

    def any(self, value: bool) -> bool:
        """Whether the value is true in any process."""
        return any(one for (one,) in self.exchange(int(value)))

    def wait(self) -> None:
        """Wait until every process is here, as long as it takes."""
        self.exchange(0)

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the first process do the work before the others, which find its results."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    # In a step.

    def agree(self, role: str | None, terms: Iterable[str], items: int) -> Agreed | None:
        """Return the next update of the batch, or None if no process has one.

        ``role`` is None if this process has none, because its part of the batch is empty.
        ``items`` is the number of items in this part over which the terms are means.
        """
        terms = tuple(terms)
        if not self.several:
            return None if role is None else Agreed(role, terms, 1.0)
        items = 0 if role is None else items
        found = self.exchange(zlib.crc32(json.dumps([role, terms]).encode()), items)
        everywhere = sum(count for _, count in found)
        share = items / everywhere if everywhere else 1 / self.part.of
        if len({update for update, _ in found}) == 1:
            return None if role is None else Agreed(role, terms, share)
        updates = {(one[0], tuple(one[1])) for one in self.gather([role, terms]) if one[0]}
        if len(updates) > 1:
            raise TrainingError(
                "the processes disagree about the updates of a batch: "
                + " or ".join(f"{name} with {', '.join(of)}" for name, of in sorted(updates))
                + "; a method must yield the same updates for each part of a batch, or none for a "
                "part without objects"
            )
        ((agreed, names),) = updates
        return Agreed(agreed, names, share)

    def summed(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the sums of scalars over all processes."""
        if not self.several:
            return dict(values)
        sums = torch.stack([value.detach().float() for value in values.values()])
        distributed.all_reduce(sums)
        return dict(zip(values, sums.unbind(), strict=True))

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their sums over all processes, in one message.

        A parameter without a gradient in every process keeps none, so that its optimizer leaves it.
        """
        each = [one for one in parameters if one.requires_grad]
        if not self.several or not each:
            return
        known = [one.grad is not None for one in each]
        parts = [torch.zeros_like(one) if one.grad is None else one.grad for one in each]
        flat = torch.cat(
            [*(one.reshape(-1).float() for one in parts), torch.tensor(known).to(parts[0])]
        )
        distributed.all_reduce(flat)
        *sums, counts = flat.split([*(one.numel() for one in parts), len(each)])
        if not all(known):
            known = counts.bool().tolist()
        for parameter, part, whole, is_known in zip(each, parts, sums, known, strict=True):
            if is_known:
                part.copy_(whole.view(part.shape))
                parameter.grad = part

    # Between steps.

    def follow_first(self, method: nn.Module) -> None:
        """Take weights, statistics and the state of random draws from the first process."""
        if not self.several:
            return
        self.wait()
        for _, value in _state(method):
            _broadcast(value)
        rng = torch.get_rng_state()
        distributed.broadcast(rng, 0, group=self._control)
        torch.set_rng_state(rng)
        if torch.cuda.is_initialized():
            rng = torch.cuda.get_rng_state()
            distributed.broadcast(rng, 0, group=self._control)
            torch.cuda.set_rng_state(rng)

    def check_equal(self, method: nn.Module) -> None:
        """Raise ``TrainingError`` if weights or statistics differ between the processes."""
        if not self.several:
            return
        sums = [_bits(value).sum(dtype=torch.int64) for _, value in _state(method)]
        each = self.exchange(*(torch.stack(sums).tolist() if sums else []))
        for (name, _), *found in zip(_state(method), *each, strict=True):
            if len(set(found)) > 1:
                raise TrainingError(
                    f"'{name}' differs between the processes: a hook changed it, or a network "
                    "keeps statistics of its part of the batch; combine them by vadkit.ranks, or "
                    "train in one process"
                )

    def check_same(self, what: str, value: Any) -> None:
        """Raise ``TrainingError`` if a JSON-like value differs between the processes."""
        if any(one != value for one in self.gather(value)):
            raise TrainingError(
                f"the processes have different {what}; every machine must see the same files"
            )

    def claim(self, error: str) -> bool:
        """Whether this process is the first one with an error, and should print it."""
        try:
            if self._store.add("vadkit/errors", 1) > 1:
                return False
            self._store.set("vadkit/error", error)
        except RuntimeError:
            # The process that keeps the store has ended.
            return False
        return True

    def why_ended(self) -> str:
        """Return in one line why another process ended, as far as it is known."""
        try:
            if self._store.check(["vadkit/error"]):
                said = self._store.get("vadkit/error").decode()
                return f"another process of this training ended: {said}"
        except RuntimeError:
            pass
        return "another process of this training ended"

    def take_device(self, name: str) -> None:
        """Use the GPU of this process, if the device is a GPU.

        Raises ``RecipeError`` if there are too few.
        """
        if not self.several or name == "cpu" or not torch.cuda.is_available():
            return
        if name not in ("auto", "cuda"):
            raise RecipeError(
                f"train.device '{name}' is one device for {self.part.of} processes; use auto, "
                "cuda or cpu"
            )
        local, known = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
        here = int(os.environ.get("LOCAL_WORLD_SIZE", self.part.of))
        if here > known:
            raise RecipeError(
                f"{here} processes need as many GPUs, but this machine has {known}; lower --gpus, "
                "or use --set train.device=cpu"
            )
        torch.cuda.set_device(local)


ALONE = Processes()


@contextlib.contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes that were started together, as torchrun does; alone without others.

    If another process has ended, the exception is a ``PeerEnded``.
    """
    part = started()
    if part.of == 1:
        yield ALONE
        return
    both = torch.cuda.is_available() and distributed.is_nccl_available()
    backend = "cpu:gloo,cuda:nccl" if both else "gloo"
    file = os.environ.get(STORE)
    try:
        distributed.init_process_group(
            backend,
            init_method=f"file://{file}" if file else None,
            timeout=_STEP_TIMEOUT,
            rank=part.number,
            world_size=part.of,
        )
        control = distributed.new_group(backend="gloo", timeout=_NO_TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"the {part.of} processes cannot reach each other: {str(error).strip().splitlines()[0]}"
        ) from None
    store: Any = distributed.distributed_c10d._get_default_store()
    processes = Processes(part, control, store)
    try:
        yield processes
    except Exception as error:
        if peer_ended(error):
            raise PeerEnded(processes.why_ended()) from None
        set_speaks(processes.claim(str(error) or type(error).__name__))
        raise
    # Destroying the group can abort the process, which ends at once anyway (``vadkit.cli.main``).


def peer_ended(error: BaseException) -> bool:
    """Whether a message failed because another process has ended."""
    # Gloo has no type of its own for it.
    return isinstance(error, distributed.DistError) or (
        isinstance(error, RuntimeError) and "gloo/transport" in str(error)
    )


def _state(method: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from method.named_parameters()
    yield from method.named_buffers()


def _bits(value: Tensor) -> Tensor:
    """Return the bytes of a tensor as integers, whose sum does not depend on their order."""
    integers = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return value.detach().contiguous().view(integers[value.element_size()])


def _broadcast(value: Tensor) -> None:
    sent = value.detach().contiguous()
    if sent.dtype == torch.bool:
        sent = sent.to(torch.uint8)
    distributed.broadcast(sent, 0)
    value.detach().copy_(sent)
