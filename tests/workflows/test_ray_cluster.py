"""Addresses of Ray clusters: what is no address or no cluster is one clear line."""

import socket
import sys
import threading

import pytest

from vadkit.errors import RecipeError, TrainingError
from vadkit.workflows import ray_cluster
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
