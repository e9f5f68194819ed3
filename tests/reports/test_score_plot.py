"""The plot's file: its size by panels, its shading, and no half-written one."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from vadkit.reports import score_plot as module
from vadkit.reports.score_plot import Span, score_plot

RAW = np.r_[[math.nan] * 4, np.linspace(0, 1, 60), [math.nan], [0.5], [math.nan]]


def pixels(path):
    image = cv2.imread(str(path))
    assert image is not None
    return image[..., ::-1].astype(int)


def shaded(image):
    """Pixels of the labelled intervals' pale red, whatever the grid over it."""
    return (image[..., 0] > 240) & (image[..., 0] - image[..., 2] > 15)


def test_one_panel_for_one_unit_and_two_for_two(tmp_path):
    raw = score_plot(tmp_path / "raw.png", RAW, RAW, title="v")
    same = score_plot(
        tmp_path / "s.png", RAW, RAW, title="v", final_label="gaussian(sigma=3)", same_unit=True
    )
    two = score_plot(
        tmp_path / "two.png", RAW, RAW, title="v", final_label="minmax-per-video", fps=10
    )
    assert pixels(raw).shape == pixels(same).shape
    assert pixels(two).shape[0] > 1.5 * pixels(raw).shape[0]


def test_labels_are_shaded_where_they_are(tmp_path):
    labels = np.zeros(len(RAW), bool)
    plain = pixels(score_plot(tmp_path / "a.png", RAW, RAW, title="v", labels=labels))
    assert not shaded(plain).any()
    labels[len(RAW) // 2 :] = True
    half = shaded(pixels(score_plot(tmp_path / "b.png", RAW, RAW, title="v", labels=labels)))
    columns = np.flatnonzero(half[half.shape[0] // 2])
    assert columns.min() > 0.48 * half.shape[1]
    assert columns.max() > 0.95 * half.shape[1]


def test_the_normal_level_is_drawn_dashed(tmp_path):
    flat = np.zeros(50)
    image = pixels(score_plot(tmp_path / "a.png", flat, flat, title="v", normal_level=1.0))
    dark = (np.abs(image - 0x4A).max(axis=-1) < 16).sum(axis=1)
    row = image[dark.argmax()]
    assert 0.3 < (row.sum(axis=-1) < 400).mean() < 0.8


def test_the_axis_starts_at_zero_if_no_score_is_negative(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(module.Axes, "legend", lambda axis, **_: seen.append(axis.get_ylim()))
    high = np.linspace(5, 6, 20)
    score_plot(tmp_path / "a.png", high, high, title="v")
    score_plot(tmp_path / "b.png", high - 7, high - 7, title="v")
    assert seen[0][0] == 0 and seen[0][1] > 6
    assert seen[1][0] < -2


def test_alarms_are_marked_where_they_are(tmp_path):
    flat = np.ones(100)
    path = tmp_path / "a.png"
    alarms = [Span(5.0, 7.5, "motion"), Span(9.0, math.inf)]
    image = pixels(score_plot(path, flat, flat, title="v", fps=10, alarms=alarms))
    violet = np.abs(image - np.array([0x82, 0x50, 0xDF])).max(axis=-1) < 8
    row = violet.sum(axis=1).argmax()
    columns = np.flatnonzero(violet[row]) / image.shape[1]
    assert row > 0.7 * image.shape[0]
    assert 0.5 < columns.min() < 0.57 and columns.max() > 0.97
    gap = np.diff(columns).max()
    assert 0.1 < gap < 0.17
    # The name of the part stands above its bar.
    assert violet[: row - 8].any()


def test_scores_that_are_all_missing_still_make_a_plot(tmp_path):
    none = np.full(10, math.nan)
    assert score_plot(tmp_path / "sub" / "a.png", none, none, title="v", fps=25).is_file()


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    def fail(_self, path, **_options):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(module.Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        score_plot(tmp_path / "a.png", RAW, RAW, title="v")
    assert list(tmp_path.iterdir()) == []


def test_clock():
    assert [module._clock(s) for s in (0, 65, 599.96, 2.5)] == ["0:00", "1:05", "10:00", "0:02.5"]
