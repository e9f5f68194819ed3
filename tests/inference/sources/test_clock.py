"""One rising clock over connections that each count anew."""

import math

from vadkit.inference.sources.clock import StreamClock


def test_times_of_the_stream_count_and_not_jitter_of_arrival():
    clock = StreamClock()
    arrivals = [100.0, 100.09, 100.1, 100.3]
    times = [clock.at(50 + 0.1 * n, arrived) for n, arrived in enumerate(arrivals)]
    assert [round(time, 9) for time in times] == [0.0, 0.1, 0.2, 0.3]
    assert clock.now(100.2) == clock.last
    assert clock.now(101.5) == 1.5


def test_a_new_connection_continues_at_the_wall_clock():
    clock = StreamClock()
    clock.at(7.0, 100.0)
    clock.at(8.0, 101.0)
    clock.reconnected()
    assert clock.at(0.0, 130.0) == 30.0
    assert clock.at(0.5, 130.1) == 30.5


def test_times_rise_when_the_stream_jumps():
    clock = StreamClock()
    assert clock.at(10.0, 100.0) == 0.0
    # Back, as a looped file does; and an hour ahead, as a camera that sets its clock does.
    assert clock.at(0.0, 101.0) == 1.0
    assert clock.at(0.1, 101.1) == 1.1
    assert clock.at(3600.0, 102.0) == 2.0
    # The same time twice, and frames that arrive at once.
    assert clock.at(3600.0, 102.0) > 2.0


def test_frames_without_times_have_those_of_their_arrival():
    clock = StreamClock()
    assert [clock.at(math.nan, 100 + n) for n in (0, 1, 2.5)] == [0.0, 1.0, 2.5]
