"""Start the processes that train one model on this machine, and end them together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vadkit.errors import TrainingError
from vadkit.ranks import STORE, PeerEnded
from vadkit.signals import stop_signals
from vadkit.workflows.progress import say

# How long the others may take to note the end of the first one that fails, in seconds.
_GRACE_S = 30.0
_POLL_S = 0.05
# The process ends itself if this one, which holds the other end of its stdin, is gone.
_START = """\
import os, signal, sys, threading, time
def watch():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
if not ignored:
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
sys.path[:] = {path!r}
sys.argv[0] = "vadkit"
from vadkit.cli import main
if not ignored:
    signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


def launch(count: int, arguments: Sequence[str]) -> int:
    """Run ``vadkit`` with these arguments in ``count`` processes; return the exit code for all.

    The environment is like that of torchrun. Ctrl-C is passed on to every process. If one fails,
    the others are ended, and its exit code is returned.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vadkit-"))
        processes = [
            stack.enter_context(_started(arguments, environment))
            for environment in environments(count, Path(folder, "store"))
        ]
        return _supervise(processes)


def environments(count: int, store: Path) -> Iterator[dict[str, str]]:
    """Yield the environment of each process; they find each other through the file ``store``.

    torchrun uses a port instead, which every machine on the network can reach.
    """
    known = {
        STORE: str(store),
        "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
    }
    # Each process would otherwise use every core.
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count))}
    for rank in range(count):
        yield {**threads, **os.environ, **known, "RANK": str(rank), "LOCAL_RANK": str(rank)}


@contextlib.contextmanager
def _started(
    arguments: Sequence[str], environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process in a session of its own, so that a terminal's Ctrl-C comes only from here."""
    command = [sys.executable, "-c", _START.format(path=sys.path), *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, env=environment, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def _supervise(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait until all processes have ended; pass signals on."""
    signals: list[int] = []

    def pass_on(number: int, frame: Any) -> None:
        signals.append(number)
        for process in processes:
            # From the third time on, nothing is waited for.
            process.send_signal(number if len(signals) < 3 else signal.SIGKILL)

    before = {number: signal.signal(number, pass_on) for number in stop_signals()}
    failed: float | None = None
    try:
        while any(process.poll() is None for process in processes):
            time.sleep(_POLL_S)
            if failed is None and any(process.returncode for process in processes):
                failed = time.monotonic()
            if failed is not None and time.monotonic() > failed + _GRACE_S:
                break
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return _exit_code([process.returncode for process in processes], bool(signals))


def _exit_code(codes: Sequence[int | None], stopped: bool) -> int:
    """Return the exit code of the process that ended the others; name it if it said nothing.

    A code is None for a process that had to be ended, and negative for one that a signal ended.
    """
    if stopped and codes[0] == 130:
        return 130
    for rank, code in enumerate(codes):
        if code is not None and code < 0 and not stopped:
            say(
                f"error: process {rank + 1} of {len(codes)} was ended by "
                f"{signal.Signals(-code).name}, often because there was not enough "
                "memory; continue with: vadkit train --resume RUN"
            )
            return TrainingError.exit_code
    own = [code for code in codes if code not in (0, None, PeerEnded.exit_code)]
    if own:
        return own[0] if own[0] > 0 else 130
    return TrainingError.exit_code if any(codes) else 0
