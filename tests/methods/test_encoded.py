"""Features of windows: each frame's worked out once where clips follow each other."""

import torch

from vadkit.data.tensors import Clips
from vadkit.methods.encoded import encode_each


class Sums:
    """Features are the sum of a window's frames and its flow."""

    encoded_frames = 2

    def __init__(self):
        self.windows = []

    def encode(self, clips):
        self.windows.append(len(clips))
        return clips.frames.sum(dim=(1, 2, 3, 4)) + clips.flow.sum(dim=(1, 2, 3, 4))


def clips(starts, frames=4):
    rows = [torch.arange(start, start + frames).float() for start in starts]
    pictures = torch.stack(rows).view(len(starts), 1, frames, 1, 1)
    return Clips(pictures, 100 * pictures[:, :, 1:].expand(-1, 2, -1, -1, -1))


def test_windows_are_encoded_once_and_in_order_of_time():
    method = Sums()
    features = encode_each(method, clips([0, 1, 2, 7, 8]))
    # Two runs of clips: 3 + 1 + 1 windows, and 3 + 1.
    assert method.windows == [9]
    expected = [[2 * t + 1 + 200 * (t + 1) for t in range(s, s + 3)] for s in (0, 1, 2, 7, 8)]
    assert features.tolist() == expected


def test_clips_of_one_window():
    method = Sums()
    assert encode_each(method, clips([3, 4], frames=2)).tolist() == [[807], [1009]]
    assert method.windows == [2]
