"""Between threads: who is too fast waits, or drops what waits."""

import threading
import time

import numpy as np
import pytest

from vadkit.inference.buffer import Buffer, Closed, FrameBuffer
from vadkit.inference.sources.source import Frame, SourceEvent

PICTURE = np.zeros((2, 2, 3), np.uint8)


def test_a_full_buffer_makes_the_writer_wait():
    buffer = Buffer(2)
    done = []

    def write():
        for number in range(5):
            buffer.put(number)
            done.append(number)
        buffer.finish()

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.1)
    assert done == [0, 1]
    assert list(buffer) == [0, 1, 2, 3, 4]
    thread.join()


def test_closing_frees_both_sides():
    buffer = Buffer(1)
    buffer.put(1)
    threading.Timer(0.05, buffer.close).start()
    with pytest.raises(Closed):
        buffer.put(2)
    assert buffer.get() is None
    assert Buffer(1).get(timeout_s=0.01) is None


def named(items):
    return [item.kind if isinstance(item, SourceEvent) else item.time for item in items]


def test_a_full_buffer_drops_live_frames_until_it_is_empty():
    buffer = FrameBuffer(3)
    buffer.put(SourceEvent("opened", 0.0, fps=10.0))
    for number in range(5):
        buffer.put_live(Frame(number, PICTURE))
    assert named(buffer.get() for _ in range(3)) == ["opened", 0, 1]
    # One still waits, so the run that is being scored goes on before another one begins.
    buffer.put_live(Frame(5, PICTURE, missed=2))
    assert buffer.get().time == 2
    buffer.put_live(Frame(6, PICTURE))
    buffer.put_live(Frame(7, PICTURE))
    buffer.finish()
    items = list(buffer)
    assert named(items) == ["dropped", 6, 7]
    assert (items[0].frames, items[0].time) == (3, 5)
    assert "3 frames dropped" in items[0].message
    assert [frame.missed for frame in items[1:]] == [5, 0]


def test_frames_dropped_last_are_counted_too():
    buffer = FrameBuffer(2)
    for number in range(6):
        buffer.put_live(Frame(number, PICTURE))
    buffer.finish()
    items = list(buffer)
    assert named(items) == [0, 1, "dropped"]
    assert items[2].frames == 4
