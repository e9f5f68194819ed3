"""The speed of an object, and where its foot is."""

import torch

from vadkit.data.tensors import Clips
from vadkit.features.speed import SpeedAtPlace


def test_median_speed_and_place_by_hand():
    flow = torch.zeros(2, 2, 1, 40, 60)
    # 3 right and 4 up in three quarters of the object; the rest of it stands.
    flow[0, 0, 0, 15:40, 10:30], flow[0, 1, 0, 15:40, 10:30] = 3.0, -4.0
    clips = Clips(torch.zeros(2, 1, 2, 40, 60), flow)
    regions = [torch.tensor([[12.0, 10.0, 24.0, 34.0]]), torch.tensor([[0.0, 0.0, 20.0, 20.0]])]
    found = SpeedAtPlace()(clips, regions)
    torch.testing.assert_close(found, torch.tensor([[5.0, 18 / 40, 34 / 40], [0, 0.25, 0.5]]))


def test_no_region():
    clips = Clips(torch.zeros(1, 1, 2, 40, 60), torch.zeros(1, 2, 1, 40, 60))
    assert SpeedAtPlace()(clips, [torch.zeros(0, 4)]).shape == (0, 3)
