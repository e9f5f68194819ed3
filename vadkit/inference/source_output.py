"""The path of one source from scores to alarms and sinks."""

from __future__ import annotations

from dataclasses import replace

from vadkit.inference.alarms import AlarmRules, Event
from vadkit.inference.clip_ring import ClipRing
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks.every import PATIENCE_S, EverySink
from vadkit.inference.sinks.sink import SourceInfo, VideoScores
from vadkit.inference.source_alarms import SourceAlarms


class SourceOutput:
    """Takes the scored frames of one source in order, and sends frames and alarms to its sinks.

    Without ``rules`` there are no alarms. ``source`` is the name of the source in events, by
    default its name. ``epoch`` is the Unix time of the source's time 0, if known. ``ring`` keeps
    the pictures of alarms; with None there are none. ``camera`` looks for long changes of the
    camera, such as a covered lens.
    """

    def __init__(
        self,
        info: SourceInfo,
        sinks: EverySink,
        rules: AlarmRules | None,
        *,
        source: str | None = None,
        epoch: float | None = None,
        ring: ClipRing | None = None,
        camera: bool = True,
    ) -> None:
        self.info, self.sinks = info, sinks
        self.alarms = SourceAlarms(
            rules,
            source=source or info.name,
            epoch=epoch,
            ring=ring,
            calibration=info.calibration,
            camera=camera,
        )
        sinks.open(info)

    @property
    def alarm(self) -> bool:
        """Whether an alarm is active."""
        return self.alarms.on

    def frame(self, item: FrameScore) -> list[Event]:
        """Handle the next frame; return the events that it ends and starts."""
        events = self.alarms.push(
            item.time,
            item.score,
            frame=item.frame,
            score_map=item.map,
            parts=item.parts,
            evidence=item.evidence,
        )
        self.sinks.frame(replace(item, alarm=self.alarm))
        return self._send(events)

    def finish(self) -> list[Event]:
        """No frame comes for now or forever; return the event that is over now."""
        return self._send(self.alarms.finish())

    def close(self, result: VideoScores | None = None, patience_s: float = PATIENCE_S) -> list[str]:
        """Close the sinks, with the scores of a video that has ended; return the written files."""
        return [str(path) for path in self.sinks.close(result, patience_s)]

    def _send(self, events: list[Event]) -> list[Event]:
        for event in events:
            self.sinks.event(event)
        return events
