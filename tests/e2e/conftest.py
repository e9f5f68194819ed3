"""One small evaluated run for all tests that only read it."""

from pathlib import Path

import pytest

RECIPE = """\
name: tiny
dataset: {{type: synthetic, root: {root}, size: [48, 64], frames: 40, train_videos: 1}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 8}}}}
train: {{epochs: 2, batch_size: 8}}
hooks: [{{type: metrics-log, every: 2}}, {{type: checkpoint}}]
scorers: [{{type: gaussian, sigma: 2}}]
"""


@pytest.fixture(scope="session")
def evaluated_run(tmp_path_factory) -> Path:
    """A run of conv-ae on drawn videos; copy it before changing anything in it."""
    from vadkit.workflows.evaluate import evaluate
    from vadkit.workflows.train import train

    folder = tmp_path_factory.mktemp("evaluated")
    recipe = folder / "tiny.yaml"
    recipe.write_text(RECIPE.format(root=folder / "scene"))
    run = train(recipe, runs=folder / "runs")
    evaluate(run)
    return run
