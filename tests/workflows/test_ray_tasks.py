"""Tasks on a Ray cluster of two nodes: results come once, whatever dies in between."""

import contextlib
import functools
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from vadkit.errors import DataError
from vadkit.workflows.ray_tasks import RETRIES, map_on_ray
from vadkit.workflows.workers import Died

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _pickled_by_value():
    """Workers cannot import this file."""
    module = sys.modules[__name__]
    ray.cloudpickle.register_pickle_by_value(module)
    yield
    ray.cloudpickle.unregister_pickle_by_value(module)


def start(folder, fault=None):
    if fault == "start":
        raise DataError("no model")

    def score(item, progress):
        with (folder / item).open("a") as file:
            file.write(f"{os.getpid()} {ray.get_runtime_context().get_node_id()}\n")
        tries = len((folder / item).read_text().splitlines())
        if item == "killed" or (item == "killed once" and tries == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "broken":
            raise ZeroDivisionError("broken")
        if item == "warns":
            logging.getLogger("vadkit.test").warning("item %s", item)
        while item.startswith("held") and len((folder / item).read_text().splitlines()) == 1:
            time.sleep(0.05)
        progress(3)
        return item * 2

    return score


def run(cluster, folder, items, fault=None):
    frames = []
    how = functools.partial(start, folder, fault)
    with contextlib.closing(map_on_ray(cluster.address, how, items, frames.append)) as found:
        results = list(found)
    assert len(results) == len(items)
    return dict(results), sum(frames)


def wait_for(found, what):
    until = time.monotonic() + 120
    while not (value := found()):
        assert time.monotonic() < until, what
        time.sleep(0.05)
    return value


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_every_item_once_and_a_process_that_dies_is_replaced(ray_cluster, tmp_path, caplog):
    ray_cluster.add(), ray_cluster.add()
    items = ["a", "killed", "b", "warns", "killed once"]
    found, frames = run(ray_cluster, tmp_path, items)
    died = found.pop(1)
    assert isinstance(died, Died)
    assert str(died) == f"died {RETRIES + 1} times on the cluster (WorkerCrashedError)"
    assert found == {0: "aa", 2: "bb", 3: "warnswarns", 4: "killed oncekilled once"}
    assert frames == 12
    assert len(lines(tmp_path / "killed")) == RETRIES + 1
    records = [record.getMessage() for record in caplog.records]
    assert "item warns" in records
    assert any(text.startswith("killed once is repeated on ") for text in records)


def test_a_lost_machine_costs_nothing(ray_cluster, tmp_path, caplog):
    """Both machines are at work when one is lost; its item is done by the other one."""
    ray_cluster.add(), ray_cluster.add()
    held = [tmp_path / "held 1", tmp_path / "held 2"]

    def lose():
        wait_for(lambda: all(map(lines, held)), "both machines are at work")
        ray_cluster.lose(lines(held[0])[0].split()[1])
        # The other one goes on.
        with held[1].open("a") as file:
            file.write("more\n")

    thread = threading.Thread(target=lose)
    thread.start()
    found, _ = run(ray_cluster, tmp_path, ["held 1", "held 2", "a", "b", "c"])
    thread.join()
    assert found == {0: "held 1held 1", 1: "held 2held 2", 2: "aa", 3: "bb", 4: "cc"}
    machines = [line.split()[1] for line in lines(held[0])]
    assert len(machines) == 2 and machines[1] == lines(held[1])[0].split()[1] != machines[0]
    assert any(one.getMessage().startswith("held 1 is repeated on ") for one in caplog.records)


def test_errors_stop_everything(ray_cluster, tmp_path):
    ray_cluster.add()
    with pytest.raises(ZeroDivisionError, match="broken") as caught:
        run(ray_cluster, tmp_path, ["a", "broken"])
    assert "in score" in caught.value.__notes__[0]
    with pytest.raises(DataError, match="no model"):
        run(ray_cluster, tmp_path, ["a"], "start")


def test_closing_ends_the_tasks(ray_cluster, tmp_path):
    ray_cluster.add(2)
    how = functools.partial(start, tmp_path)
    found = map_on_ray(ray_cluster.address, how, ["a", "held"], lambda frames: None)
    assert next(found) == (0, "aa")
    process = int(wait_for(lambda: lines(tmp_path / "held"), "the task has begun")[0].split()[0])
    found.close()
    wait_for(lambda: not Path(f"/proc/{process}").exists(), "the task ends")
