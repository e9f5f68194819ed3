"""What all tests share: a private frame store, small thread counts, and the real data's folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

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
