"""Decode several videos in parallel: threads, each with its own decoding child process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

from vadkit.data.decoding.child import Worker


@contextlib.contextmanager
def decoding_threads(
    workers: int,
) -> Iterator[tuple[Callable[..., list[Any]], Callable[[], Worker], Callable[[], None]]]:
    """Provide threads that decode, each with its own child process.

    Yields a function like ``map`` that returns a list, one that returns the calling thread's
    ``Worker``, and one that raises an exception if another thread has failed or Ctrl-C was pressed.
    """
    local = threading.local()
    started: list[Worker] = []
    stop = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")

    def worker() -> Worker:
        if not hasattr(local, "worker"):
            local.worker = Worker()
            started.append(local.worker)
        worker: Worker = local.worker
        return worker

    def check_stop() -> None:
        if stop.is_set():
            raise CancelledError

    def each(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        futures = [pool.submit(function, item) for item in items]
        return [future.result() for future in futures]

    try:
        yield each, worker, check_stop
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        for child in started:
            child.close()
