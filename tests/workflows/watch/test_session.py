"""The delay of scores, on the clock of their source."""

import math

import pytest

from vadkit.workflows.watch.session import SourceDelay


def test_the_fastest_frame_counts_as_having_come_at_once():
    delay = SourceDelay()
    # Taken at 0, 1 and 2 s; arrived 0.3, 0.1 and 5 s later, and scored 0.02 s after that.
    assert delay.of(0.0, 1000.3, 1000.32) == pytest.approx(0.02)
    assert delay.of(1.0, 1001.1, 1001.12) == pytest.approx(0.02)
    # A frame that waited in a pipe arrived late, although it was scored at once.
    assert delay.of(2.0, 1007.0, 1007.02) == pytest.approx(4.92)


def test_without_a_time_of_arrival_there_is_no_delay():
    assert math.isnan(SourceDelay().of(3.0, 0.0, 1000.0))


def test_a_clock_that_drifts_is_measured_anew():
    delay = SourceDelay()
    # The clock of the camera loses 1 ms per second: 0.3 s in five minutes.
    late = [delay.of(n * 0.999, 1000.0 + n, 1000.0 + n) for n in range(3600)]
    assert max(late) < 0.65
