"""Connect to a Ray cluster, or start one of this machine."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from vadkit.errors import RecipeError, TrainingError
from vadkit.signals import stop_signals
from vadkit.text import printable

LOCAL, AUTO, CLIENT = "local", "auto", "ray://"
# Tasks return a few numbers; by default, Ray would reserve a third of the memory.
_OBJECTS_BYTES = 100 << 20
# Read by Ray when it is imported. No statistics for its authors; a task that takes too much memory
# is repeated like one that dies, and a cluster that gives no answer is tried twice, not 20 times.
_SETTINGS = {
    "RAY_NUM_REDIS_GET_RETRIES": "2",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_task_oom_retries": "3",
}
_KNOCK_S = 10.0


def check_address(address: str) -> None:
    """Raise ``RecipeError`` if Ray is missing or the address has another form than its own."""
    from importlib.util import find_spec

    if find_spec("ray") is None:
        raise RecipeError("--ray needs Ray; install it with: pip install 'vadkit[ray]'")
    if address not in (LOCAL, AUTO):
        _host_and_port(address)


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """Provide the module ``ray``, connected to a cluster; disconnect at the end.

    ``address`` is "local" (a cluster of this machine, which ends with this context), "auto" (the
    one that runs on this machine), HOST:PORT, or ray://HOST:PORT. Raises ``RecipeError`` for
    another form, and ``TrainingError`` if there is no such cluster.
    """
    check_address(address)
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    if address == LOCAL:
        _keep_others_out()
    import ray

    # Its errors are exceptions, too.
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    if ray.is_initialized():
        raise RecipeError(
            "this process is already connected to a Ray cluster; call ray.shutdown() before"
        )
    if address not in (LOCAL, AUTO):
        _knock(address)
    with contextlib.ExitStack() as stack:
        own: dict[str, Any] = {"address": address}
        if address == LOCAL:
            own |= _own_cluster(stack)
        stack.enter_context(_without_prints_of_ray())
        stack.callback(_shut_down, ray)
        before = signal.getsignal(signal.SIGTERM)
        try:
            # Ray lets workers search the current folder for modules, before any other. It may have
            # files of strangers; the folder of vadkit has none.
            with contextlib.chdir(Path(__file__).parents[2]):
                ray.init(**own, log_to_driver=False, configure_logging=False)
        except Exception as error:
            # Ray raises errors of many types, some from other packages.
            raise TrainingError(_unusable(address, error)) from None
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)
        yield ray


@contextlib.contextmanager
def signals_kept() -> Iterator[Callable[[], None]]:
    """Provide a function that ends this process if a signal has asked it to stop.

    An exception from a signal handler could appear inside of Ray, which does not expect one there.
    So the first signal is only noted, until the function is called. The second one ends the process
    at once. Outside of the main thread, Python allows no handlers, and Ray sets none.
    """
    asked: list[int] = []

    def leave(number: int) -> None:
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    def note(number: int, frame: object) -> None:
        if asked:
            leave(number)
        asked.append(number)

    def check() -> None:
        if asked:
            leave(asked[0])

    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    before = {number: signal.signal(number, note) for number in stop_signals()}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _keep_others_out() -> None:
    """Let only this user on this machine reach a cluster of this machine.

    By default, Ray would listen on all networks, and write a token into the home folder for good.
    """
    # Named after the systems where it is the default; read when Ray is imported.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    known = any(name in os.environ for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    if not known and not Path("~/.ray/auth_token").expanduser().exists():
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _own_cluster(stack: contextlib.ExitStack) -> dict[str, Any]:
    """Return the settings of a cluster that nobody else can reach, with files of its own."""
    # Not below TMPDIR: the names of its sockets may have 107 characters.
    folder = tempfile.mkdtemp(prefix="vadkit-ray-", dir="/tmp")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return {
        "include_dashboard": False,
        "object_store_memory": _OBJECTS_BYTES,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": folder,
    }


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 65536) or "/" in host:
        raise RecipeError(
            f"--ray {printable(address)} is not an address; give local, auto, HOST:PORT or "
            "ray://HOST:PORT"
        )
    return host.strip("[]"), int(port)


def _knock(address: str) -> None:
    """Raise ``TrainingError`` if no cluster answers at the address; Ray would try without end."""
    import grpc

    host, port = _host_and_port(address)
    try:
        socket.create_connection((host, port), timeout=_KNOCK_S).close()
        if os.environ.get("RAY_USE_TLS", "0") == "0":
            with grpc.insecure_channel(address.removeprefix(CLIENT)) as channel:
                grpc.channel_ready_future(channel).result(timeout=_KNOCK_S)
    except (OSError, grpc.FutureTimeoutError) as error:
        reason = "a service of another kind answers there"
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
        raise TrainingError(
            f"no Ray cluster answers at {printable(address)} ({reason}); check the address, or "
            "start a cluster with: ray start --head"
        ) from None


def _unusable(address: str, error: Exception) -> str:
    if address == AUTO and isinstance(error, ConnectionError):
        return "no Ray cluster runs on this machine; start one with: ray start --head"
    reason = printable(" ".join(str(error).split()) or type(error).__name__)
    return f"the Ray cluster at {printable(address)} cannot be used: {reason}"


def _shut_down(ray: Any) -> None:
    # It prints messages that it has kept. If it fails, the work is done all the same, and the error
    # must not replace the one, or the exit code, with which the command ends.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        ray.shutdown()


@contextlib.contextmanager
def _without_prints_of_ray() -> Iterator[None]:
    """Drop what threads of Ray print: stdout is for results."""
    before = sys.stdout
    sys.stdout = _Ours(before)
    try:
        yield
    finally:
        sys.stdout = before


class _Ours:
    """A stream without the text from threads of Ray."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
