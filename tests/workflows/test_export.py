"""Every method that learns a network can be exported: its scoring is one graph for all batches."""

import pytest
import torch

from vadkit.methods.exported.method import ScoreGraph
from vadkit.recipe import resolve
from vadkit.workflows import export
from vadkit.workflows.build import build_method

NETWORKS = {
    "amc": {},
    "anopcn": {},
    "conv-ae": {"autoencoder": {"width": 8}},
    "conv-lstm-ae": {},
    "future-frame": {"generator": {"width": 4}, "discriminator": {"width": 4}},
    "ganomaly": {},
    "memae": {},
    "mnad": {},
    "stae": {},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_scoring_is_one_graph(name):
    recipe = resolve(
        {
            "name": name,
            "dataset": {"type": "synthetic"},
            "clip": {"size": [64, 64]},
            "method": {"type": name},
            "networks": NETWORKS[name],
        }
    )
    method = build_method(recipe, torch.device("cpu")).eval()
    graph, clip = ScoreGraph(method).eval(), method.clip.scoring
    exported = export.traced(graph, clip).module()
    for batch in (1, 3):
        clips = export.example(clip, batch)
        with torch.no_grad():
            for ours, theirs in zip(graph(*clips), exported(*clips), strict=True):
                torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-5)
