"""Worker processes that score videos; if one dies, only its current video fails."""

from __future__ import annotations

import functools
import logging
import multiprocessing
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from vadkit.data.decoding.processes import end_with_parent
from vadkit.errors import TrainingError, VadkitError
from vadkit.plugins import Plugin, given, run_plugin
from vadkit.workflows.workers import Died, Progress, Score, SendRecords, print_record


@dataclass
class _Child:
    process: BaseProcess
    pipe: Connection
    item: int | None = None
    ready: bool = False


def score_in_processes(
    workers: int,
    start: Callable[[], Score],
    items: Sequence[Any],
    progress: Progress,
) -> Iterator[tuple[int, Any]]:
    """Yield the number and the result of each item when it is done, in any order.

    ``start`` is called in each process and must be picklable, like the items. If a process dies,
    the result of its item is a ``Died``, and a new process replaces it. An exception in ``start``
    or in an item stops everything and is raised here. The workers end when this process ends, for
    any reason.
    """
    waiting = deque(range(len(items)))
    children = [_begin(start) for _ in range(min(workers, len(items)))]
    try:
        while children:
            for pipe in wait([child.pipe for child in children]):
                child = next(one for one in children if one.pipe is pipe)
                try:
                    kind, body = child.pipe.recv()
                except (EOFError, OSError):
                    item, ready = child.item, child.ready
                    reason = _how_it_ended(child.process)
                    children.remove(child)
                    if not ready:
                        raise TrainingError(
                            f"a scoring process {reason} while it started"
                        ) from None
                    if waiting:
                        children.append(_begin(start))
                    if item is not None:
                        yield item, Died(reason)
                    continue
                if kind == "frames":
                    progress(body)
                elif kind == "log":
                    print_record(body)
                elif kind == "raised":
                    raise body
                else:
                    child.ready, item, child.item = True, child.item, None
                    if waiting:
                        child.item = waiting.popleft()
                        child.pipe.send(items[child.item])
                    else:
                        child.pipe.send(None)
                        children.remove(child)
                        child.process.join()
                    if item is not None:
                        yield item, body
    finally:
        for child in children:
            child.process.kill()
            child.process.join()


def _begin(start: Callable[[], Score]) -> _Child:
    # Forked processes would share PyTorch's thread pools, which causes hangs.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, start, given()), daemon=True)
    process.start()
    theirs.close()
    return _Child(process, ours)


def _how_it_ended(process: BaseProcess) -> str:
    process.join(5)
    code = process.exitcode
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _serve(pipe: Connection, start: Callable[[], Score], plugins: Sequence[Plugin]) -> None:
    """Score items until none is left; runs in the worker process."""
    # Ctrl-C is handled by the parent, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    sending = threading.Lock()

    def send(kind: str, body: Any) -> None:
        with sending:
            pipe.send((kind, body))

    logging.basicConfig(
        handlers=[SendRecords(functools.partial(send, "log"))], level=logging.WARNING, force=True
    )
    try:
        for plugin in plugins:
            run_plugin(plugin)
        score = start()
        send("ready", None)
        while (item := pipe.recv()) is not None:
            send("done", score(item, lambda frames: send("frames", frames)))
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:
        if not isinstance(error, VadkitError):
            error.add_note(traceback.format_exc())
        send("raised", error)
