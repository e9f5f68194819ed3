"""The alarms of one source, without those that a long change of the camera explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from vadkit.inference.alarms import AlarmRules, AlarmTracker, Event
from vadkit.inference.boxes import CellEvidence
from vadkit.inference.camera_state import CameraMonitor
from vadkit.inference.clip_ring import ClipRing
from vadkit.scoring.calibration import Calibration, duration
from vadkit.scoring.standing import StandingLevel


class SourceAlarms:
    """Turns the scores and pictures of one source into alarms and events of its camera.

    - A long change of the camera is one event (see ``CameraMonitor``). While it lasts there are no
      alarms, and an alarm that it started is over. An alarm that starts with a change of the
      picture waits for up to five seconds until it is known whether the change lasts.
    - An alarm that lasts for ``rules.longest_s`` is over, and its level counts as usual (see
      ``StandingLevel``).

    Without ``rules`` there are no alarms, and without ``camera`` no events of the camera.
    ``calibration`` tells how sure an alarm is. ``source``, ``epoch`` and ``ring`` are those of
    ``AlarmTracker``.
    """

    def __init__(
        self,
        rules: AlarmRules | None,
        *,
        source: str = "",
        epoch: float | None = None,
        ring: ClipRing | None = None,
        calibration: Calibration | None = None,
        camera: bool = True,
    ) -> None:
        self.rules, self.calibration = rules, calibration
        self.tracker: AlarmTracker | None = None
        self.standing: StandingLevel | None = None
        if rules is not None:
            self.tracker = AlarmTracker(rules, source=source, epoch=epoch, ring=ring)
            if rules.longest_s is not None:
                self.standing = StandingLevel(rules.threshold, rules.usual, rules.longest_s)
        self.monitor = CameraMonitor(source=source, epoch=epoch) if camera else None
        # Alarms that wait until it is known whether the picture has changed for long.
        self._waiting: list[Event] = []

    @property
    def on(self) -> bool:
        """Whether an alarm is active at the last frame."""
        return self.tracker is not None and self.tracker.on and not self._waiting

    def push(
        self,
        time: float,
        score: float,
        *,
        frame: np.ndarray | None = None,
        score_map: np.ndarray | None = None,
        parts: Mapping[str, float] | None = None,
        evidence: Mapping[str, CellEvidence] | None = None,
    ) -> list[Event]:
        """Add the next frame (see ``AlarmTracker.push``); return events that end and start."""
        events: list[Event] = []
        if self.monitor is not None and frame is not None:
            for change in self.monitor.push(time, frame):
                events += self._changed(change, score)
        if self.tracker is None or self.rules is None:
            return events
        raised = 0.0 if self.standing is None else self.standing.push(time, score)
        self.tracker.rules = replace(
            self.rules,
            threshold=self.rules.threshold + raised,
            release=self.rules.release + raised,
        )
        changed = self.monitor is not None and self.monitor.active is not None
        found = self.tracker.push(
            time,
            np.nan if changed else score,
            frame=frame,
            score_map=score_map,
            parts=parts,
            evidence=evidence,
        )
        found += self._stood(time, score)
        if self.monitor is not None and self.monitor.suspects:
            self._waiting += found
            return events
        found, self._waiting = self._waiting + found, []
        return events + [self._sure(event) for event in found]

    def finish(self) -> list[Event]:
        """The source has ended; return the events that are over."""
        found = self._waiting
        self._waiting = []
        if self.tracker is not None:
            found = found + self.tracker.finish()
        found = [self._sure(event) for event in found]
        return found + ([] if self.monitor is None else self.monitor.finish())

    def _changed(self, change: Event, score: float) -> list[Event]:
        """End alarms that a change of the camera explains, and follow its end."""
        if self.tracker is None:
            return [change]
        if change.over:
            if self.standing is not None and self.rules is not None and score >= self.rules.release:
                # The scores of the new picture are no news.
                self.standing.stand(change.end or change.start, score, score)
            return [change]
        ended = self.tracker.finish()
        if self._waiting:
            begun = {event.id for event in self._waiting if not event.over}
            ended = [event for event in ended if event.id not in begun]
            self._waiting = []
        words = f"ended by {change.kind}: {change.message}"
        return [self._sure(replace(event, message=words)) for event in ended] + [change]

    def _stood(self, time: float, score: float) -> list[Event]:
        """End the alarm that has lasted too long."""
        tracker, standing = self.tracker, self.standing
        if tracker is None or standing is None or tracker.since is None:
            return []
        if not standing.is_standing(tracker.since, time):
            return []
        (event,) = tracker.finish()
        standing.stand(time, score, event.peak_score or score)
        lasted = duration((time - event.start) / 3600)
        words = f"still on after {lasted}: this level counts as usual until the score is back"
        return [replace(event, message=words)]

    def _sure(self, event: Event) -> Event:
        if self.calibration is None or event.peak_score is None:
            return event
        return replace(event, sure=self.calibration.sureness(event.peak_score))
