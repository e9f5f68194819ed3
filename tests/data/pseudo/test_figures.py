"""Figures cut from video and pasted into clips."""

import numpy as np
import pytest
import torch

from vadkit.data.pseudo.figures import DRAWS, Figures, cut_figures, paste_figures
from vadkit.data.videos import ClipSpec

SPEC = ClipSpec(3, (60, 80), "gray", (1,))


class Video:
    """A bright figure of 12x6 that walks right, two pixels a frame, over a dark street."""

    def __init__(self, moves=2):
        self.frames = np.full((30, 60, 80, 1), 60, np.uint8)
        for time, frame in enumerate(self.frames):
            frame[20:32, 8 + moves * time : 14 + moves * time] = 200

    def __len__(self):
        return len(self.frames)

    def read(self, start, stop, out=None):
        return self.frames[start:stop]


def test_a_figure_is_cut_out_with_its_motion():
    figures = cut_figures([Video()], SPEC)
    pixels, steps = figures
    assert pixels.shape[:3] == (1, 2, 3)
    assert steps[0].tolist() == pytest.approx([2, 0], abs=0.1)
    solid = pixels[0, 1] > 0.9
    assert solid.sum() >= 3 * 12 * 6
    assert pixels[0, 0][solid].median().item() == pytest.approx(200 / 255, abs=0.01)
    again = cut_figures([Video()], SPEC)
    assert all(torch.equal(one, two) for one, two in zip(figures, again, strict=True))


def test_video_without_figures_has_none():
    assert cut_figures([Video(moves=0)], SPEC) is None
    assert cut_figures([], SPEC) is None


def square(step):
    """A white 4x4 square that fills its picture."""
    pixels = torch.ones(1, 2, 3, 4, 4)
    return Figures(pixels, torch.tensor([step]))


@pytest.mark.parametrize(
    ("turn", "speed", "moved"),
    # An eighth of a turn at the own speed; half a turn, at one and a half of it.
    [(0.0, 0.0, (2**0.5, 2**0.5)), (0.5, 0.5, (-3.0, 0.0))],
)
def test_a_pasted_figure_turns(turn, speed, moved):
    clips = torch.zeros(1, 1, 3, 40, 60)
    drawn = torch.tensor([[0.0, 0.5, 0.5, turn, speed]])
    assert drawn.shape[1] == DRAWS
    edited, masks = paste_figures(clips, square([2.0, 0.0]), drawn)
    assert masks[0, 0, 1].sum() == 16 and edited[0, 0, 1][masks[0, 0, 1]].min() == 1
    rows, columns = torch.arange(40) + 0.5, torch.arange(60) + 0.5
    frames = edited[0, 0]
    weights = frames.sum(dim=(1, 2))
    x = (frames.sum(dim=1) * columns).sum(dim=1) / weights
    y = (frames.sum(dim=2) * rows).sum(dim=1) / weights
    assert (x[1].item(), y[1].item()) == pytest.approx((30, 20))
    assert x.diff().tolist() == pytest.approx([moved[0]] * 2, abs=1e-3)
    assert y.diff().tolist() == pytest.approx([moved[1]] * 2, abs=1e-3)


def test_a_figure_that_walks_down_is_turned_too():
    clips = torch.zeros(1, 1, 3, 40, 60)
    # Half of a whole turn, at its own speed.
    drawn = torch.tensor([[0.0, 0.5, 0.5, 0.5, 0.0]])
    quarter = torch.tensor([[0.0, 0.5, 0.5, (0.5 - 0.25) / 1.5, 0.0]])
    for one, moved in ((drawn, (-1, -2)), (quarter, (-2, 1))):
        frames = paste_figures(clips, square([1.0, 2.0]), one)[0][0, 0]
        rows, columns = torch.arange(40) + 0.5, torch.arange(60) + 0.5
        weights = frames.sum(dim=(1, 2))
        x = (frames.sum(dim=1) * columns).sum(dim=1) / weights
        y = (frames.sum(dim=2) * rows).sum(dim=1) / weights
        assert x.diff().tolist() == pytest.approx([moved[0]] * 2, abs=1e-3)
        assert y.diff().tolist() == pytest.approx([moved[1]] * 2, abs=1e-3)
