"""Regions: cells of a grid, means over boxes."""

import torch

from vadkit.features.feature import grid_boxes, owners, region_means


def test_a_grid_divides_the_frame_row_by_row():
    boxes = grid_boxes((2, 3), (20, 60))
    assert boxes.tolist() == [
        [0, 0, 20, 10],
        [20, 0, 40, 10],
        [40, 0, 60, 10],
        [0, 10, 20, 20],
        [20, 10, 40, 20],
        [40, 10, 60, 20],
    ]


def test_regions_know_their_clip():
    assert owners([torch.zeros(2, 4), torch.zeros(0, 4), torch.zeros(1, 4)]).tolist() == [0, 0, 2]


def test_means_are_over_the_pixels_that_a_box_touches():
    planes = torch.arange(2 * 2 * 4 * 5.0).view(2, 2, 4, 5)
    boxes = [torch.tensor([[1.2, 0.0, 2.5, 2.0]]), torch.tensor([[0.0, 0.0, 5.0, 4.0]])]
    found = region_means(planes, boxes)
    assert found.shape == (2, 2)
    torch.testing.assert_close(found[0], planes[0, :, 0:2, 1:3].mean(dim=(1, 2)))
    torch.testing.assert_close(found[1], planes[1].mean(dim=(1, 2)))


def test_boxes_beyond_the_frame_still_have_a_pixel():
    planes = torch.arange(20.0).view(1, 1, 4, 5)
    outside = torch.tensor([[7.0, 9.0, 8.0, 12.0], [-4.0, -4.0, -1.0, -1.0], [2.0, 1.0, 2.0, 1.0]])
    assert region_means(planes, [outside])[:, 0].tolist() == [19, 0, 7]
    assert region_means(planes, [torch.zeros(0, 4)]).shape == (0, 1)
