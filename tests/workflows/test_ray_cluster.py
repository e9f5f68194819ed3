"""Addresses of Ray clusters: what is no address or no cluster is one clear line."""

import contextlib
import os
import signal
import socket
import sys
import threading
from types import SimpleNamespace

import pytest

from vadkit.errors import RecipeError, TrainingError
from vadkit.workflows import ray_cluster, ray_tasks
from vadkit.workflows.ray_cluster import check_address, connected


@pytest.mark.parametrize(
    "address", ["nonsense", "host:0", "host:99999", "ray://host", "http://host:1/x", ":6379", ""]
)
def test_what_is_no_address(address):
    with pytest.raises(RecipeError, match="is not an address; give local, auto, HOST:PORT or"):
        check_address(address)


@pytest.mark.parametrize("address", ["local", "auto", "host:6379", "ray://host:10001", "[::1]:1"])
def test_what_is_one(address):
    check_address(address)


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RecipeError, match=r"install it with: pip install 'vadkit\[ray\]'"):
        check_address("local")


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_nobody_answers(form):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = form.format(port)
    with (
        pytest.raises(TrainingError, match=rf"no Ray cluster answers at {address} \(Connection"),
        connected(address),
    ):
        pass


def test_another_service_answers(monkeypatch):
    monkeypatch.setattr(ray_cluster, "_KNOCK_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with (
            pytest.raises(TrainingError, match="a service of another kind answers there"),
            connected(address),
        ):
            pass


def test_threads_of_ray_print_nothing_on_stdout(capsys):
    def others(name):
        thread = threading.Thread(target=print, args=(name,), name=name)
        thread.start()
        thread.join()

    with ray_cluster._without_prints_of_ray():
        others("ray_listen_error_messages")
        others("mine")
        print("results")
    assert capsys.readouterr().out == "mine\nresults\n"


def fail(*_):
    raise RuntimeError("interrupted")


def test_errors_of_ray_after_a_signal_change_no_exit_code(monkeypatch):
    """Neither the call that the signal interrupts nor the end of the connection."""

    @contextlib.contextmanager
    def connected(address):
        with contextlib.ExitStack() as stack:
            ray = SimpleNamespace(shutdown=fail, cloudpickle=SimpleNamespace(dumps=id))
            stack.callback(ray_cluster._shut_down, ray)
            yield ray

    class Tasks:
        def __init__(self, *_): ...

        def results(self, *_):
            yield 0, "done"
            os.kill(os.getpid(), signal.SIGTERM)
            fail()

    monkeypatch.setattr(ray_tasks, "connected", connected)
    monkeypatch.setattr(ray_tasks, "_Tasks", Tasks)
    found = ray_tasks.map_on_ray("auto", fail, ["a"], print)
    assert next(found) == (0, "done")
    with pytest.raises(SystemExit) as caught:
        next(found)
    assert caught.value.code == 128 + signal.SIGTERM
