"""The plot of several runs: what stands in it, in a form that text can be read from."""

import math

import numpy as np
import pytest

from vadkit.evaluation.metrics import Metric
from vadkit.reports.comparison_plot import comparison_plot

TRUTH = np.array([0, 0, 1, 1], bool)
CURVES = [{"v": (TRUTH, np.array([0.1, 0.4, 0.35, 0.8]))}, {"v": (TRUTH, np.arange(4.0))}]
AREAS = [
    Metric("micro-auc", 0.75, "raw", 0.5, 0.9),
    Metric("micro-auc", 1.0, "raw", math.nan, math.nan),
]


def test_names_values_and_runs_that_are_not_comparable(tmp_path, monkeypatch):
    import matplotlib as mpl

    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")
    for apart in ([], [1]):
        path = comparison_plot(tmp_path / "p.svg", ["one", "two"], CURVES, AREAS, "raw: so", apart)
        text = path.read_text()
        for words in ("one", "two", "0.7500", "1.0000", "raw: so", "micro-auc, 95% interval"):
            assert words in text, words
        assert text.count("not comparable") == len(apart)


@pytest.mark.parametrize(
    ("name", "magic"), [("p.png", b"\x89PNG"), ("p.PNG", b"\x89PNG"), ("p.pdf", b"%PDF")]
)
def test_the_suffix_sets_the_format(tmp_path, name, magic):
    path = comparison_plot(tmp_path / name, ["one", "two"], CURVES, AREAS, "raw")
    assert path.read_bytes().startswith(magic)
