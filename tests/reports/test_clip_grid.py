"""Pictures of clips: their size by rows and panels, and one scale for all error maps."""

import cv2
import numpy as np
import pytest

from vadkit.reports.clip_grid import DPI, GAP, PANEL_WIDTH, ClipRow, clip_grid

GREEN = np.zeros((3, 32, 48))
GREEN[1] = 1.0
GREY = np.full((1, 32, 48), 0.5)


def pixels(path):
    image = cv2.imread(str(path))
    assert image is not None
    return image[..., ::-1].astype(int)


def area(image, colour):
    """Square inches of a colour."""
    return (np.abs(image - colour).max(axis=-1) <= 3).sum() / DPI**2


@pytest.mark.parametrize("count", [1, 3])
def test_a_panel_each_for_frame_output_and_error(count, tmp_path):
    error = np.zeros((4, 6))
    error[:, :3] = 1.0
    rows = [ClipRow(f"v{n}", GREEN, GREY, error) for n in range(count)]
    image = pixels(clip_grid(tmp_path / "a" / "all.png", rows, title="t"))
    panel = PANEL_WIDTH**2 * 32 / 48
    # Black is also that of the texts.
    for colour, share in (([0, 255, 0], 1), ([127] * 3, 1), ([0, 0, 3], 0.5)):
        assert area(image, colour) == pytest.approx(count * panel * share, rel=0.15)
    # Left of its middle the error is as high as it gets.
    assert area(image, [252, 255, 164]) == pytest.approx(count * panel / 2, rel=0.1)
    less = pixels(clip_grid(tmp_path / "b.png", [r._replace(output=None) for r in rows], title="t"))
    assert less.shape[1] == pytest.approx(image.shape[1] - (PANEL_WIDTH + GAP) * DPI, abs=2)
    assert area(less, [127] * 3) < 0.05
    assert area(less, [0, 255, 0]) == pytest.approx(count * panel, rel=0.1)


def test_error_maps_share_their_scale(tmp_path):
    rows = [ClipRow("a", GREEN, None, np.full((4, 6), v)) for v in (1.0, 2.0)]
    image = pixels(clip_grid(tmp_path / "a.png", rows, title="t"))
    panel = PANEL_WIDTH**2 * 32 / 48
    # The first map is at half the scale: inferno's middle. The colour bar has a little of both.
    assert area(image, [188, 55, 84]) == pytest.approx(panel, rel=0.1)
    assert area(image, [252, 255, 164]) == pytest.approx(panel, rel=0.1)


def test_a_map_of_zeros_and_one_of_nothing_known(tmp_path):
    rows = [ClipRow("a", GREY, None, np.full((4, 6), v)) for v in (0.0, np.nan)]
    image = pixels(clip_grid(tmp_path / "a.png", rows, title="t"))
    assert area(image, [0, 0, 3]) == pytest.approx(PANEL_WIDTH**2 * 32 / 48, rel=0.1)


@pytest.mark.parametrize("output", [None, GREY])
def test_no_text_runs_over_the_edge(output, tmp_path):
    label = "Training_Normal_Videos/Normal_Videos103_x264\nframe 1234"
    error = np.full((4, 6), 0.00025)
    rows = [ClipRow(label, GREEN, output, error)] * 2
    title = "a-long-name-of-a-recipe, epoch 1234"
    image = pixels(clip_grid(tmp_path / "a.png", rows, title=title))
    for edge in (image[:5], image[-5:], image[:, :5], image[:, -5:]):
        assert (edge == 255).all()
    # Nor do the labels of two rows meet: between the panels all is white left of them.
    left = image[:, : int(0.5 * DPI)]
    rows_with_text = np.flatnonzero((left < 128).any(axis=(1, 2)))
    assert np.diff(rows_with_text).max() > 0.1 * DPI
