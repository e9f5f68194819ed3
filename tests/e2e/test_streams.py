"""A trained run on files and streams: the numbers of `vadkit eval`, to the bit."""

import json

import numpy as np
import pytest

from vadkit.inference.sources.find import find_sources
from vadkit.inference.sources.source import SourceEvent
from vadkit.inference.streams import run_streams
from vadkit.recipe import Spec
from vadkit.workflows.build import build_list
from vadkit.workflows.detector import Detector
from vadkit.workflows.evaluate.protocols import LabelledScores, build_protocols, final_scores


@pytest.fixture(scope="session")
def evaluated(evaluated_run):
    """The detector of the run, paths and saved raw scores of its test videos, and online ones."""
    manifest = json.loads((evaluated_run / "manifest.json").read_text())
    raw = {
        name: np.load(evaluated_run / f"scores/test/{name}.npz")["scores"].astype(float)
        for name in manifest["test"]["videos"]
    }
    (protocol,) = build_protocols([Spec(type="online")])
    online = final_scores(protocol, LabelledScores(raw, {}, "none"))
    return Detector.load(evaluated_run), manifest["test"]["videos"], raw, online


def test_a_file_has_the_scores_of_eval(evaluated):
    detector, paths, raw, online = evaluated
    # The recipe's scorer looks ahead.
    assert [scorer.causal for scorer in detector.scorers] == [False]
    for name, path in paths.items():
        found = detector.score(path)
        np.testing.assert_array_equal(found.raw, raw[name])
        np.testing.assert_array_equal(found.score, online[name])
        assert found.threshold == detector.calibration.threshold
        np.testing.assert_array_equal(found.alarm, online[name] >= found.threshold)
        np.testing.assert_allclose(np.diff(found.time), 1 / 25)


def test_several_files_at_once_have_them_too(evaluated):
    detector, paths, raw, online = evaluated
    sources = find_sources(list(paths.values()), detector.settings)
    found = {name: [] for name in sources}
    for name, item in run_streams(detector, sources):
        if not isinstance(item, SourceEvent):
            found[name].append((item.raw, item.score))
            assert item.frame.shape == (48, 64, 3) and (item.map is None) == np.isnan(item.raw)
    for name, path in zip(sources, paths, strict=True):
        np.testing.assert_array_equal(np.array(found[name]).T, [raw[path], online[path]])


def test_the_recipes_own_causal_scorers_are_kept(evaluated):
    detector, paths, raw, _ = evaluated
    from dataclasses import replace

    own = tuple(build_list("scorers", [Spec(type="ema", halflife=2)]))
    name = next(iter(paths))
    half = replace(detector.calibration, threshold=0.5)
    found = replace(detector, scorers=own, calibration=half).score(paths[name])
    np.testing.assert_array_equal(found.score, own[0](raw)[name])
    assert found.threshold == 0.5
