"""Long changes of a camera are events; what passes or is slow is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.inference.camera_videos import Incident, infrared, scene, shifted, video
from vadkit.inference.camera_picture import compare, small_picture
from vadkit.inference.camera_state import HOLD_S, CameraMonitor


def events_of(seconds: float, incident: Incident | None = None, *, seed: int = 0):
    monitor = CameraMonitor(source="gate")
    found = []
    for time, frame in video(seconds, incident, seed=seed):
        found += monitor.push(time, frame)
    return found + monitor.finish()


def between(start: float, stop: float, change) -> Incident:
    return lambda time, frame: change(frame) if start <= time < stop else frame


def with_bus(frame):
    """Return the frame with a bus that covers half of it."""
    frame = frame.copy()
    frame[:, 40:210] = (200, 160, 40)
    frame[60:90, 60:190] = 30
    return frame


CHANGES = {
    "shift": ("camera-moved", lambda f: shifted(32, 8, f), "shifted by about 10% of its width"),
    "push": ("camera-moved", lambda f: shifted(10, 2, f), "shifted by about 3% of its width"),
    "turn": ("camera-moved", lambda f: scene(9), "the usual view is gone"),
    "dark": ("camera-covered", lambda f: f * 0 + 4, "the picture is dark"),
    "cloth": ("camera-covered", lambda f: f * 0 + 90, "the view is covered"),
    "blur": ("camera-covered", lambda f: cv2.GaussianBlur(f, (0, 0), 6), "the picture is blurred"),
    "dim": ("lighting", lambda f: f * 0.4, "darker than usual"),
    "lamp": ("lighting", lambda f: f * 1.7, "brighter than usual"),
    "night": ("lighting", infrared, "no colours, as at night"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_lasts_is_one_event_with_a_start_and_an_end(name):
    kind, change, words = CHANGES[name]
    begun, over = events_of(60, between(20, 45, change))
    assert begun.kind == over.kind == kind and begun.id == over.id == f"gate-00000020.000s-{kind}"
    assert words in begun.message and over.message == f"{begun.message}; now as before"
    assert begun.start == 20 and begun.end is None
    assert over.end == pytest.approx(45, abs=1)
    assert begun.snapshot is not None and begun.peak_score is None


@pytest.mark.parametrize(
    "incident",
    [
        None,
        between(30, 32, with_bus),
        between(30, 38, with_bus),
        between(30, 32, lambda f: f * 0 + 150),
        lambda t, f: f * (0.4 if t > 20 and int(t) % 2 else 1),
        lambda t, f: f * (0.4 if t > 20 and int(t / 3) % 2 else 1),
        lambda t, f: shifted(round(6 * np.sin(5 * t)), 0, f) if t > 20 else f,
        lambda t, f: f * (1 - 0.5 * np.clip((t - 20) / 10, 0, 1)),
    ],
    ids=["nothing", "bus", "slow bus", "lorry", "lamp", "slow lamp", "shaking", "cloud"],
)
def test_what_passes_flickers_shakes_or_is_slow_is_no_event(incident):
    assert events_of(60, incident) == []


@pytest.mark.slow
def test_a_sunset_is_no_event():
    # In a third of the time that a real one takes.
    sunset = events_of(260, lambda t, f: f * (1 - 0.85 * np.clip((t - 40) / 200, 0, 1)))
    assert sunset == []


@pytest.mark.slow
def test_a_new_light_becomes_usual_after_a_minute_and_a_covered_camera_never():
    begun, over = events_of(100, between(20, 999, lambda f: f * 0.4))
    assert over.end - begun.start == pytest.approx(60, abs=1)
    assert "adapted after 60 s: this picture is the usual one from now on" in over.message
    begun, over = events_of(160, between(20, 999, lambda f: f * 0))
    assert over.end == pytest.approx(159.8) and over.message == begun.message


@pytest.mark.slow
def test_a_new_view_becomes_usual_and_asks_to_train_again():
    begun, over = events_of(160, between(20, 999, lambda f: scene(9)))
    assert over.end - begun.start == pytest.approx(120, abs=1)
    assert over.message.endswith(
        "if the camera stays there, train it again on video of the new view"
    )


def test_a_covered_camera_that_has_moved_is_two_events():
    def incident(time, frame):
        return frame * 0 if 20 <= time < 40 else shifted(40, 8, frame) if time >= 40 else frame

    kinds = [(one.kind, one.over) for one in events_of(60, incident)]
    assert kinds == [
        ("camera-covered", False),
        ("camera-covered", True),
        ("camera-moved", False),
        ("camera-moved", True),
    ]


def test_a_suspicion_ends_after_the_time_that_a_change_must_last():
    monitor = CameraMonitor()
    suspected = longest = 0
    for time, frame in video(40, lambda t, f: f * (1 - 0.5 * np.clip((t - 10) / 12, 0, 1))):
        monitor.push(time, frame)
        suspected = suspected + 1 if monitor.suspects else 0
        longest = max(longest, suspected)
    assert 0 < longest / 5 <= HOLD_S + 0.5


def test_grey_small_and_flat_pictures_can_be_compared():
    flat, grey = np.full((30, 40, 1), 90, np.uint8), np.zeros((300, 400, 3), np.uint8)
    grey[::20] = 200
    assert compare(small_picture(flat), small_picture(flat)) is None
    assert compare(small_picture(flat // 3), small_picture(flat)).words == "darker than usual"
    assert compare(small_picture(grey), small_picture(grey[..., :1])) is None
    monitor = CameraMonitor()
    assert monitor.push(0, np.empty((0, 0, 3), np.uint8)) == [] == monitor.finish()


def test_a_clock_that_starts_again_is_followed():
    monitor = CameraMonitor()
    found = []
    for time, frame in video(12):
        found += monitor.push(time + 1000, frame)
    for time, frame in video(20, between(8, 99, lambda f: f * 0)):
        found += monitor.push(time, frame)
    assert [one.kind for one in found] == ["camera-covered"] and found[0].start == 8
