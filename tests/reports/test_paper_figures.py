"""Figures for a paper: which files, and what a submission system wants of them."""

import re

import numpy as np
import pytest

from vadkit.reports.paper_figures import COLUMN, write_figures

MIXED = {"gate 1.b": np.repeat([0, 1, 0], 20).astype(bool), "02": np.zeros(30, bool)}


def test_files_and_their_form(record, tmp_path):
    paths = write_figures(tmp_path / "figures", record(MIXED))
    names = ["roc", "precision-recall", "histogram-raw", "histogram-final"]
    names += ["timeline-gate-1.b", "timeline-02"]
    assert [p.name for p in paths] == [f"{n}.{kind}" for n in names for kind in ("pdf", "svg")]
    pdf = (tmp_path / "figures" / "roc.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Type3" not in pdf and b"/FontFile2" in pdf
    [width] = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+)", pdf)
    assert float(width) == pytest.approx(72 * COLUMN, abs=0.1)
    svg = (tmp_path / "figures" / "roc.svg").read_text()
    assert "<svg" in svg and "<image" not in svg


def test_the_same_run_gives_the_same_bytes(record, tmp_path):
    for folder in ("a", "b"):
        write_figures(tmp_path / folder, record(MIXED))
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_losses_of_training(record, tmp_path):
    lines = [{"step": n, "loss": 1 / n, "lr/generator": 0.1} for n in (1, 2, 3)]
    names = {path.name for path in write_figures(tmp_path, record(MIXED, training=lines))}
    assert {"training.pdf", "training.svg"} <= names


def test_one_class_has_no_curves(record, tmp_path):
    labels = {"gate 1.b": np.zeros(20, bool)}
    names = {path.stem for path in write_figures(tmp_path, record(labels, chain="raw"))}
    assert names == {"histogram-raw", "timeline-gate-1.b"}
