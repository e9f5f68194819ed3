"""When a camera counts as lost, and as back."""

from __future__ import annotations

from vadkit.inference.outages import Outages
from vadkit.inference.sources.source import SourceEvent


def made(after_s=10.0):
    now = [100.0]
    outages = Outages(["gate", "yard"], after_s, clock=lambda: now[0], time_of_day=lambda: 0.5)
    return outages, now


def test_a_camera_is_lost_after_a_while_and_back_with_a_frame():
    outages, now = made()
    assert outages.source_event("gate", SourceEvent("lost", 7.0, "refused")) == []
    now[0] += 9.0
    assert outages.source_event("gate", SourceEvent("retrying", 7.0, "still refused")) == []
    assert outages.due() == []
    now[0] += 1.0
    (lost,) = outages.due()
    assert outages.due() == []
    assert (lost.kind, lost.source, lost.start, lost.end) == ("source-lost", "gate", 7.0, None)
    assert lost.id == "gate-19700101T000000500Z-lost" and lost.message == "still refused"
    assert outages.frame("yard", 8.0) == []
    # A frame from before that is scored late changes nothing.
    assert outages.frame("gate", 7.0) == []
    # That the connection stands again is no frame yet.
    assert outages.source_event("gate", SourceEvent("reconnected", 17.5)) == []
    (back,) = outages.frame("gate", 18.0)
    assert (back.kind, back.id, back.over, back.end) == ("source-back", lost.id, True, 18.0)
    assert outages.frame("gate", 18.1) == []


def test_a_short_silence_is_no_outage_and_a_failure_is_one_at_once():
    outages, now = made()
    outages.source_event("gate", SourceEvent("stalled", 7.0, "hangs"))
    now[0] += 9.0
    assert outages.frame("gate", 16.0) == []
    now[0] += 9.0
    assert outages.due() == []
    (lost,) = outages.source_event("yard", SourceEvent("failed", 3.0, "gave up"))
    assert (lost.source, lost.message) == ("yard", "gave up")
    assert outages.due() == []


def test_one_that_is_lost_and_then_fails_is_lost_once():
    outages, _ = made(0.0)
    outages.source_event("gate", SourceEvent("lost", 7.0, "refused"))
    assert len(outages.due()) == 1
    assert outages.source_event("gate", SourceEvent("failed", 7.0, "gave up")) == []
