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

    def __init__(self, folder: str) -> None:
        from ray.cluster_utils import Cluster

        # The first node only leads.
        form = {"num_cpus": 0, "include_dashboard": False, "temp_dir": folder}
        form["object_store_memory"] = self._OBJECTS_BYTES
        self._cluster = Cluster(initialize_head=True, head_node_args=form)
        self._nodes: dict[str, Any] = {}
        self.address: str = self._cluster.address

    _OBJECTS_BYTES = 80 << 20

    def add(self, cores: int = 1) -> str:
        """Add a machine and return its id."""
        node = self._cluster.add_node(num_cpus=cores, object_store_memory=self._OBJECTS_BYTES)
        self._nodes[node.node_id] = node
        return node.node_id

    def lose(self, machine: str) -> None:
        """Lose a machine with everything that runs on it."""
        self._cluster.remove_node(self._nodes[machine], allow_graceful=False)

    def close(self) -> None:
        self._cluster.shutdown()


@pytest.fixture
def ray_cluster(monkeypatch):
    """A Ray cluster without machines for work; none of its processes is left in the end."""
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # Not in the folder of the test: names of sockets may have 107 characters.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    cluster = RayCluster(folder)
    try:
        yield cluster
    finally:
        cluster.close()
        shutil.rmtree(folder, ignore_errors=True)
    left = _processes_of(folder)
    until = time.monotonic() + 60
    while left and time.monotonic() < until:
        time.sleep(0.2)
        left = _processes_of(folder)
    assert not left


def _processes_of(text: str) -> list[str]:
    """Return the commands of running processes that name a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in command:
                found.append(command)
    return found
