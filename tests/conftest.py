"""What all tests share: a private frame store, small thread counts, and the real data's folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from vadkit import cli, plugins, registry

ROOT = Path(__file__).parents[1]
_EVALUATED = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 40, train_videos: 1}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 2, batch_size: 8}}
hooks: [{{type: metrics-log, every: 2}}, {{type: checkpoint}}]
scorers: [{{type: gaussian, sigma: 2}}]
"""

# How fast a machine is says nothing about the code.
settings.register_profile("vadkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vadkit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no process is alone with one in the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="session")
def _private_cache(tmp_path_factory: pytest.TempPathFactory):
    """Tests never read or fill the user's frame store."""
    before = os.environ.get("VADKIT_CACHE")
    os.environ["VADKIT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("VADKIT_CACHE")
    if before is not None:
        os.environ["VADKIT_CACHE"] = before


@pytest.fixture(autouse=True, scope="session")
def _private_trust(tmp_path_factory: pytest.TempPathFactory):
    """Tests neither read nor change what the user trusts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VADKIT_DATA", raising=False)
        patch.setenv("VADKIT_TRUST", str(tmp_path_factory.mktemp("trust") / "trusted.json"))
        yield


@pytest.fixture(autouse=True, scope="session")
def _few_samples():
    """Intervals of metrics are of fewer samples than a user's; tests of intervals draw them all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vadkit.evaluation.bootstrap.RESAMPLES", 100)
        yield


@pytest.fixture
def all_samples(monkeypatch):
    """Draws as many samples for an interval as for a user."""
    monkeypatch.setattr("vadkit.evaluation.bootstrap.RESAMPLES", 1000)


@pytest.fixture(autouse=True)
def _nothing_stays_registered(monkeypatch: pytest.MonkeyPatch):
    """What a test's plugin registers is gone when the test ends, whatever the order of tests."""
    empty: dict[str, dict[str, registry.Component]] = {family: {} for family in registry.FAMILIES}
    monkeypatch.setattr(registry, "_registered", empty)
    monkeypatch.setattr(plugins, "_ran", {})
    monkeypatch.setattr(plugins, "_content", {})


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of benchmark videos; tests that ask for it skip where it is missing."""
    folder = Path(os.environ.get("VADKIT_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no benchmark videos at {folder}; set VADKIT_REAL_DATA to their folder")
    return folder


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def vadkit(monkeypatch, capsys):
    """A function from arguments to exit code, stdout and stderr."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["vadkit", *map(str, arguments)])
        code: object = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return Outcome(int(code or 0), out, err)

    return run


@pytest.fixture(scope="session")
def evaluated_run(tmp_path_factory) -> Path:
    """A run of conv-ae on drawn videos; copy it before changing anything in it."""
    from vadkit.workflows.evaluate.evaluation import evaluate
    from vadkit.workflows.train import train

    folder = tmp_path_factory.mktemp("evaluated")
    recipe = folder / "tiny.yaml"
    recipe.write_text(_EVALUATED.format(root=folder / "scene"))
    run = train(recipe, runs=folder / "runs")
    evaluate(run)
    return run


class RayCluster:
    """A Ray cluster of this machine, of nodes that a test adds and loses."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._nodes: dict[str, Any] = {}
        self.address: str = cluster.address

    def add(self, cores: int = 1) -> str:
        """Add a machine and return its id."""
        node = self._cluster.add_node(num_cpus=cores, **_RAY_NODE)
        self._nodes[node.node_id] = node
        return node.node_id

    def lose(self, machine: str) -> None:
        """Lose a machine with everything that runs on it."""
        self._cluster.remove_node(self._nodes.pop(machine), allow_graceful=False)

    def close(self) -> None:
        for machine in list(self._nodes):
            self.lose(machine)


# No process that sends the output of tasks to the command.
_RAY_NODE: dict[str, Any] = {"object_store_memory": 80 << 20, "include_log_monitor": False}


@pytest.fixture(scope="module")
def _ray_leader():
    """The node that leads a Ray cluster, started once; none of its processes is left in the end."""
    pytest.importorskip("ray")
    # Not in the folder of the tests: names of sockets may have 107 characters.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    # Ray notes the address of the last cluster here; other tests may have one at the same time.
    Path(folder, "ray").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", folder)
        from ray.cluster_utils import Cluster

        form = {"num_cpus": 0, "include_dashboard": False, "temp_dir": folder, "no_monitor": True}
        cluster = Cluster(initialize_head=True, head_node_args=_RAY_NODE | form)
        try:
            yield cluster
        finally:
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
    left = _processes_of(folder)
    until = time.monotonic() + 60
    while left and time.monotonic() < until:
        time.sleep(0.2)
        left = _processes_of(folder)
    assert not left


@pytest.fixture
def ray_cluster(_ray_leader):
    """A Ray cluster without machines for work; those that a test adds are lost with it."""
    cluster = RayCluster(_ray_leader)
    yield cluster
    cluster.close()


def _processes_of(text: str) -> list[str]:
    """Return the commands of running processes that name a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in command:
                found.append(command)
    return found
