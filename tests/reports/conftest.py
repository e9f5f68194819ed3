"""Records of runs for tests of what a report shows."""

from pathlib import Path

import numpy as np
import pytest

from vadkit.reports.record import RunRecord


@pytest.fixture
def record():
    """A function from labels by video to a record; the first three frames have no score."""

    def make(labels, **known):
        generator = np.random.default_rng(0)
        raw = {video: generator.normal(0, 1, len(one)) + one for video, one in labels.items()}
        for values in raw.values():
            values[:3] = np.nan
        defaults = {
            "name": "tiny",
            "folder": Path("run"),
            "recipe": {
                "method": {"type": "conv-ae"},
                "dataset": {"type": "ucsd"},
                "clip": {"frames": 4, "size": [48, 64], "channels": "gray"},
            },
            "recipe_text": "",
            "manifest": {},
            "evaluation": {"metrics": []},
            "training": [],
            "normal": None,
            "chain": "minmax-per-video",
            "chain_causal": False,
            "chain_keeps_unit": False,
            "raw": raw,
            "final": {video: values / 10 for video, values in raw.items()},
            "labels": labels,
        }
        return RunRecord(**defaults | known)

    return make
