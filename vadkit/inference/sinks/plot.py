"""Plot the scores over time."""

from __future__ import annotations

import math
from pathlib import Path

from vadkit.inference.alarms import Event
from vadkit.inference.sinks.sink import ResultSink, SourceInfo, VideoScores, file_for
from vadkit.scoring.scorer import chain_label


class Plot(ResultSink):
    """PNG of raw and final scores over time, with threshold, alarms and labelled intervals.

    If the run is not calibrated for the final scores, the plot shows the level that 99% of training
    frames stay below instead of the threshold.
    """

    def __init__(self, out: Path) -> None:
        super().__init__(out)
        self._alarms: dict[str, Event] = {}

    def open(self, info: SourceInfo) -> None:
        super().open(info)
        self._alarms = {}

    def event(self, event: Event) -> None:
        """Note the time of an alarm."""
        if event.kind == "alarm":
            self._alarms[event.id] = event

    def close(self, result: VideoScores | None) -> Path:
        from vadkit.reports.score_plot import Span, score_plot

        assert result is not None, "not a live sink"
        normal = self.info.normal if self.info else None
        known = self.info.calibration if self.info else None
        if known is not None and chain_label(known.chain()) != result.final_label:
            known = None
        return score_plot(
            file_for(self.out, result.name, ".png"),
            result.raw,
            result.final,
            title=result.name,
            final_label=result.final_label,
            times=result.times,
            labels=result.labels,
            normal_level=normal.frame_q99 if normal and known is None else None,
            threshold=known.threshold if known else None,
            same_unit=result.same_unit,
            alarms=[
                Span(one.start, math.inf if one.end is None else one.end, one.part or "")
                for one in self._alarms.values()
            ],
        )
