"""Share work over the machines of a Ray cluster: one task per item."""

from __future__ import annotations

import collections
import logging
import math
import os
import pickle
import socket
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from typing import Any

from vadkit.errors import RecipeError, TrainingError, VadkitError
from vadkit.plugins import given
from vadkit.workflows.ray_cluster import connected, signals_kept
from vadkit.workflows.workers import Died, Progress, Score, SendRecords, print_record

_log = logging.getLogger("vadkit.ray")
# How often Ray repeats a task whose process or machine was lost.
RETRIES = 3
# Seconds between two looks at the progress, and at the machines of the cluster.
_LOOK_S, _MACHINES_S = 0.5, 10.0
# How long a task waits until the command can know that it has begun; the mailbox starts with it.
_BEGIN_S = 60.0
# Tasks that wait in the cluster; more would only make each look slower.
_WAITING = 256
# The log records of the current task, and the work that this process has started.
_records: list[logging.LogRecord] = []
_started: dict[bytes, Score] = {}


def map_on_ray(
    address: str,
    start: Callable[[], Score],
    items: Sequence[Any],
    progress: Progress,
    *,
    device: str = "cpu",
    workers: int | None = None,
) -> Generator[tuple[int, Any]]:
    """Yield the number and the result of each item when it is done, in any order.

    ``start`` is called once in each process of the cluster and must be picklable, like the items.
    A task has one core, and a GPU if ``device`` is one. ``workers`` limits the tasks at a time. If
    the process or the machine of a task is lost, Ray repeats the task; after ``RETRIES`` repeats,
    the result of its item is a ``Died``. An exception in ``start`` or in an item stops everything
    and is raised here. If this generator is closed, the tasks end with the connection.
    """
    if not items:
        return
    if given():
        raise RecipeError(
            "--plugin and --ray exclude each other: other machines run only the plugins in the run"
        )
    with connected(address) as ray, signals_kept() as check_signals:
        tasks = _Tasks(ray, ray.cloudpickle.dumps(start), items, device)
        # Tasks that are left end with the connection. To cancel one that is just being completed
        # makes Ray end this process (a failed check in its task manager, seen with 2.60).
        try:
            yield from tasks.results(progress, workers, check_signals)
        except Exception as error:
            # A signal may make calls into Ray fail; the command ends by the signal all the same.
            check_signals()
            if not isinstance(error, ray.exceptions.RaySystemError | ConnectionError):
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise TrainingError(
                f"the connection to the Ray cluster was lost ({reason}); to continue, run the same "
                "command again"
            ) from None


class _Tasks:
    """The tasks of one call."""

    def __init__(self, ray: Any, start: bytes, items: Sequence[Any], device: str) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._ray, self._items = ray, items
        gpus = _gpus_of_a_task(device, ray.cluster_resources())
        self._needs = {"CPU": 1, "GPU": gpus}
        self._task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(_work)
        # On the machine of the command: another one that is lost would take along what is not yet
        # shown.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._mailbox = ray.remote(
            num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here
        )(_Mailbox).remote()
        self._start = ray.put(start)
        self._running: dict[Any, int] = {}
        # The question to the mailbox that is not answered yet.
        self._asked: Any = None
        # By item: how often it was begun, and the frames that were shown; infinite at the end.
        self._begun: collections.Counter[int] = collections.Counter()
        self._frames: dict[int, float] = collections.defaultdict(float)
        self._alone, self._looked = False, -math.inf

    def results(
        self, progress: Progress, workers: int | None, check_signals: Callable[[], None]
    ) -> Generator[tuple[int, Any]]:
        waiting = collections.deque(range(len(self._items)))
        while waiting or self._running:
            while waiting and len(self._running) < (workers or _WAITING):
                number = waiting.popleft()
                item = self._items[number]
                ref = self._task.remote(self._start, self._mailbox, number, item)
                self._running[ref] = number
            done, _ = self._ray.wait(list(self._running), timeout=_LOOK_S)
            check_signals()
            self._look(progress)
            for ref in done:
                number = self._running.pop(ref)
                yield number, self._result(ref, number, progress)
        self._look(progress)

    def _result(self, ref: Any, number: int, progress: Progress) -> Any:
        errors = self._ray.exceptions
        try:
            kind, body, frames, records = self._ray.get(ref)
        except errors.RayTaskError as error:
            # All errors of ours are returned, so this process could not even load vadkit.
            reason = str(error.cause or error).strip().splitlines()[-1]
            raise TrainingError(
                f"a machine of the Ray cluster cannot run this vadkit: {reason}; install the same "
                "version of vadkit on each machine"
            ) from None
        except errors.RayError as error:
            if isinstance(error, errors.RaySystemError):
                raise
            return Died(f"died {RETRIES + 1} times on the cluster ({type(error).__name__})")
        # Messages may come late or be lost with a machine.
        progress(max(0, frames - int(self._frames[number])))
        self._frames[number] = math.inf
        for record in records:
            print_record(record)
        if kind == "raised":
            raise body
        return body

    def _look(self, progress: Progress) -> None:
        """Show progress, name items that are repeated, and say if no machine is left."""
        for number, news in self._news():
            if isinstance(news, int):
                if self._frames[number] != math.inf:
                    self._frames[number] += news
                    progress(news)
                continue
            self._begun[number] += 1
            if self._begun[number] > 1:
                _log.warning(
                    "%s is repeated on %s: the process or the machine that worked on it was lost",
                    _name(self._items[number]),
                    news,
                )
        if time.monotonic() - self._looked < _MACHINES_S:
            return
        self._looked = time.monotonic()
        try:
            found = self._ray.cluster_resources()
        except self._ray.exceptions.RayError:
            # The cluster is busy; if it is lost, the next wait for a result says so.
            return
        alone = any(found.get(name, 0) < count for name, count in self._needs.items())
        if alone and not self._alone:
            needed = "a core and a GPU" if self._needs["GPU"] else "a core"
            _log.warning("no machine of the Ray cluster has %s for vadkit; waiting for one", needed)
        self._alone = alone

    def _news(self) -> list[tuple[int, int | str]]:
        """Return what the mailbox has; nothing if it does not answer."""
        errors = self._ray.exceptions
        # The answer to a question that took too long holds mail, so it is not asked again.
        self._asked = self._asked or self._mailbox.take.remote()
        try:
            found: list[tuple[int, int | str]] = self._ray.get(self._asked, timeout=_MACHINES_S)
        except errors.GetTimeoutError:
            return []
        except errors.RayError:
            found = []
        self._asked = None
        return found


def _gpus_of_a_task(device: str, resources: dict[str, float]) -> int:
    """Return 1 if a task needs a GPU; ``auto`` needs one if the cluster has any."""
    return int(resources.get("GPU", 0) >= 1) if device == "auto" else int(device != "cpu")


def _name(item: Any) -> str:
    """Return the name of an item for messages: its own, or that of its first part."""
    first = item[0] if isinstance(item, tuple) else item
    return str(getattr(first, "path", first))


class _Mailbox:
    """News of running tasks; an actor, because tasks cannot reach the command.

    They are numbers of new frames, or the name of the machine that begins an item.
    """

    def __init__(self) -> None:
        self._mail: list[tuple[int, int | str]] = []

    def put(self, item: int, news: int | str) -> None:
        self._mail.append((item, news))

    def take(self) -> list[tuple[int, int | str]]:
        mail, self._mail = self._mail, []
        return mail


def _work(start: bytes, mailbox: Any, number: int, item: Any) -> tuple[str, Any, int, list[Any]]:
    """Work on one item; runs on a machine of the cluster."""
    import ray

    frames = 0

    def tell(new: int) -> None:
        nonlocal frames
        frames += new
        mailbox.put.remote(number, new)

    # Not lost if this process dies at once; the actor may be on a machine that is gone.
    ray.wait([mailbox.put.remote(number, socket.gethostname())], timeout=_BEGIN_S)
    _records.clear()
    try:
        kind, body = "done", _begin(start)(item, tell)
    except Exception as error:
        if not isinstance(error, VadkitError):
            error.add_note(traceback.format_exc())
        kind, body = "raised", error
    return kind, body, frames, list(_records)


def _begin(start: bytes) -> Score:
    """Return the work of this process; it is started once for all of its tasks."""
    if start not in _started:
        # See `vadkit.cli`, which does this for other processes.
        os.environ.update(OMP_NUM_THREADS="1", PYTHONSAFEPATH="1")
        logging.basicConfig(
            handlers=[SendRecords(_records.append)], level=logging.WARNING, force=True
        )
        # A process may serve another command on the same cluster later.
        _started.clear()
        begin: Callable[[], Score] = pickle.loads(start)
        _started[start] = begin()
    return _started[start]
