"""Frames get their highest object; maps show each within its box."""

import torch

from vadkit.methods.objects import counted, highest, painted

BOXES = [
    torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.2, 1.0, 3.7, 2.5]]),
    torch.zeros(0, 4),
    torch.tensor([[-3.0, 2.0, 1.0, 9.0]]),
]
SCORES = torch.tensor([5.0, 2.0, -4.0])


def test_a_frame_has_the_score_of_its_highest_object():
    assert highest(SCORES, BOXES, torch.tensor(-1.0)).tolist() == [5, -1, -1]


def test_the_map_holds_the_highest_score_at_each_place():
    maps = painted(SCORES, BOXES, (4, 5), torch.tensor(-9.0))
    assert maps[0].tolist() == [
        [5, 5, -9, -9, -9],
        [5, 5, 2, 2, -9],
        [-9, 2, 2, 2, -9],
        [-9, -9, -9, -9, -9],
    ]
    assert (maps[1] == -9).all()
    assert maps[2].tolist() == [[-9] * 5, [-9] * 5, [-4, -9, -9, -9, -9], [-4, -9, -9, -9, -9]]


def test_objects_centred_in_an_ignored_place_have_the_lowest_score():
    ignored = torch.zeros(4, 5, dtype=torch.bool)
    ignored[1:, 2:] = True
    assert counted(SCORES, BOXES, ignored, torch.tensor(-9.0)).tolist() == [5, -9, -4]
    assert counted(SCORES, BOXES, None, torch.tensor(-9.0)) is SCORES
    parts = torch.stack([SCORES, SCORES + 1])
    found = counted(parts, BOXES, ignored, torch.tensor([-9.0, -8.0]))
    assert found.tolist() == [[5, -9, -4], [6, -8, -3]]
    # A box beyond the edge counts for the edge, and a clip may have no objects.
    ignored[:] = True
    assert counted(SCORES, BOXES, ignored, torch.tensor(0.0)).tolist() == [0, 0, 0]
    nothing = counted(torch.zeros(0), BOXES[1:2], ignored, torch.tensor(0.0))
    assert nothing.shape == (0,)
