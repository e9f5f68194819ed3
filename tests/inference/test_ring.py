"""Overlapping clips as views of the last frames."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from vadkit.inference.ring import Ring

CPU = torch.device("cpu")


def filled(keep, count):
    ring = Ring(keep)
    for value in range(count):
        ring.append(torch.full((2, 3), value % 256, dtype=torch.uint8), torch.float32, CPU)
    return ring


@given(st.data())
def test_clips_hold_the_frames_of_their_numbers(data):
    keep = data.draw(st.integers(4, 20))
    count = data.draw(st.integers(keep, 90))
    frames, step = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    span = (frames - 1) * step + 1
    if span > keep:
        return
    first, last = count - keep + 1 if count > keep else 0, count - span
    starts = data.draw(st.lists(st.integers(min(first, last), last), min_size=1, max_size=4))
    clips = filled(keep, count).clips(sorted(set(starts)), frames, step)
    wanted = [[start + n * step for n in range(frames)] for start in sorted(set(starts))]
    assert clips[..., 0, 0].tolist() == wanted
    assert clips.shape[2:] == (2, 3)


def test_clips_evenly_apart_are_views():
    ring = filled(8, 21)
    clips = ring.clips([14, 16, 18], 2)
    rows = ring.append(torch.zeros(2, 3), torch.float32, CPU)
    assert clips.untyped_storage().data_ptr() == rows.untyped_storage().data_ptr()
    assert ring.clips([14, 16, 17], 2).untyped_storage().data_ptr() != rows.data_ptr()


def test_memory_does_not_grow():
    ring = filled(8, 1000)
    assert ring.append(torch.zeros(2, 3), torch.float32, CPU).untyped_storage().nbytes() == 384
