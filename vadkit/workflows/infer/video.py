"""Score one video: send its frames through the detector, and the results to the sinks."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.data.store.digests import content_state
from vadkit.errors import DataError, describe_exhausted
from vadkit.files import describe_os_error
from vadkit.recipe import Spec
from vadkit.registry import build, find
from vadkit.text import shortened
from vadkit.workflows.infer.result import Inferred, ResultKey, save_result
from vadkit.workflows.infer.sources import InputVideo, event_source
from vadkit.workflows.rules import Rules
from vadkit.workflows.run import require_run
from vadkit.workflows.workers import Progress, Score
from vadkit.zones import now_on

if TYPE_CHECKING:
    from vadkit.data.decoding.child import Worker
    from vadkit.inference.alarms import Event
    from vadkit.inference.frame_score import FrameScore
    from vadkit.inference.sinks.every import EverySink
    from vadkit.inference.sinks.sink import SourceInfo, VideoScores
    from vadkit.inference.source_output import SourceOutput
    from vadkit.inference.sources.files import FileSource
    from vadkit.inference.sources.source import SourceEvent
    from vadkit.workflows.detector import Detector

# Seconds between two progress reports.
_REPORT_S = 0.5


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# A video and the folder for its results.
Item = tuple[InputVideo, Path]


@dataclass(frozen=True)
class Work:
    """What is done with each video: the model that scores it, and the sinks that write.

    Sinks of events write to ``out``, so that there is one log for all videos; other sinks write to
    the folder of each video. ``key`` identifies model and sinks in results. ``rules`` replace the
    alarm rules of the run.
    """

    run: Path
    checkpoint: str
    sinks: tuple[Spec, ...]
    out: Path
    key: ResultKey
    stretch: bool
    rules: Rules | None = None


def start_scoring(work: Work, threads: int | None = None) -> Score:
    """Load the detector and return the function that scores a video with it.

    ``threads`` is for PyTorch, None for its own choice.
    """
    import cv2
    import torch

    from vadkit.data.decoding.child import Worker
    from vadkit.device import few_threads
    from vadkit.workflows.detector import load_detector

    run, out = work.run, work.out
    detector = load_detector(run, work.checkpoint, stretch=work.stretch)
    if work.rules is not None:
        work.rules.apply(detector)
    if threads is not None:
        # Videos are scored in parallel, one per core; more threads would wait for each other.
        torch.set_num_threads(threads)
        cv2.setNumThreads(1)
    decoder = Worker()
    inside = run.is_dir() and out.resolve().is_relative_to(run.resolve())

    def score(item: Item, progress: Progress) -> Inferred:
        video, folder = item
        if inside:
            require_run(run)
        try:
            state = content_state(video.path)
            new_sinks = _make_sinks(work.sinks, folder, out)
            called = event_source(video, folder)
            with few_threads(detector.method, detector.device):
                result = _score_video(detector, decoder, new_sinks, video, called, progress)
            save_result(folder, video.path, state, work.key, result)
        except DataError as error:
            return Inferred.failed(str(video.path), str(error))
        except OSError as error:
            return Inferred.failed(str(video.path), f"{video.path}: {describe_os_error(error)}")
        except Exception as error:
            exhausted = describe_exhausted(error)
            if exhausted is None:
                raise
            return Inferred.failed(str(video.path), f"{video.path}: {exhausted}")
        return result

    # The decoder is a process, which ends with the function that uses it.
    weakref.finalize(score, decoder.close)
    return score


def _make_sinks(kinds: Sequence[Spec], folder: Path, out: Path) -> EverySink:
    from vadkit.inference.sinks.every import EverySink
    from vadkit.inference.sinks.sink import EventSink

    new_sinks = []
    for kind in kinds:
        of_events = issubclass(find("sinks", kind.type).load(), EventSink)  # type: ignore[arg-type]
        place = out if of_events else folder
        new_sinks.append((kind.type, build("sinks", kind.type, kind.params, place)))
    return EverySink(new_sinks)


def _score_video(
    detector: Detector,
    decoder: Worker,
    sinks: EverySink,
    video: InputVideo,
    called: str,
    progress: Progress,
) -> Inferred:
    """Score a video; raise ``DataError`` if it cannot be read or written."""
    from vadkit.inference.sinks.sink import ResultSink

    pictures = not all(isinstance(sink, ResultSink) for _, sink in sinks.sinks)
    source = _source(detector, decoder, video, pictures)
    output: SourceOutput | None = None
    rows: list[tuple[float, float, float]] = []  # time, raw score and live score of each frame

    def opened(event: SourceEvent) -> None:
        nonlocal output
        output = _output(detector, sinks, video, called, event)

    started = reported = time.monotonic()
    frames, seen = 0, _Seen()
    with contextlib.ExitStack() as undo:
        undo.callback(sinks.abort)
        for item in _scores(detector, source, opened):
            assert output is not None
            rows.append((item.time, item.raw, item.score))
            seen.take(output.frame(item))
            now = time.monotonic()
            if now - reported >= _REPORT_S:
                progress(len(rows) - frames)
                frames, reported = len(rows), now
        progress(len(rows) - frames)
        span = detector.method.clip.scoring.span
        if output is None or len(rows) < span:
            raise DataError(
                f"{video.path} has {len(rows)} frames; the method needs {span} or more to score any"
            )
        seen.take(output.finish())
        times, raw, live = np.array(rows).T
        scores = _finished(detector, output.info, times, raw)
        files = output.close(scores)
        if sinks.failed:
            raise _unwritten(video, sinks)
        undo.pop_all()
    return seen.into(_summary(video, scores, live, started, files), detector.rules is not None)


def _output(
    detector: Detector, sinks: EverySink, video: InputVideo, called: str, event: SourceEvent
) -> SourceOutput:
    """Return the output of a video that was opened; recordings of Frigate tell camera and time."""
    from vadkit.inference.recorded import recorded
    from vadkit.inference.sinks.sink import SourceInfo
    from vadkit.inference.source_output import SourceOutput

    assert event.fps is not None and event.size is not None
    info = SourceInfo(
        shortened(Path(video.name).name),
        event.fps,
        event.size,
        detector.normal,
        detector.calibration,
        now_on(detector.zones),
    )
    known = recorded(video.path)
    return SourceOutput(
        info,
        sinks,
        detector.rules,
        source=known.camera if known else called,
        epoch=known.start if known else None,
        ring=detector.clip_ring() if sinks.show_events else None,
        camera=detector.alarms.camera_changes,
    )


class _Seen:
    """What has happened in a video: the number of its events by kind, and its highest alarm."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.highest: Event | None = None

    def take(self, events: Sequence[Event]) -> None:
        """Count events that start; of equal peaks, the later state of an alarm is kept."""
        for event in events:
            self.begun[event.kind] += not event.over
            if event.kind == "alarm":
                before = self.highest.peak_score if self.highest else None
                if before is None or event.peak_score is None or event.peak_score >= before:
                    self.highest = event

    def into(self, result: Inferred, alarmed: bool) -> Inferred:
        """Add what was seen to a result; ``alarmed`` says whether there is a threshold."""
        return replace(
            result,
            alarms=self.begun["alarm"] if alarmed else None,
            camera_changes={
                kind: times for kind, times in self.begun.items() if kind != "alarm" and times
            },
            reasons=list(self.highest.reasons) if self.highest else [],
        )


def _unwritten(video: InputVideo, sinks: EverySink) -> DataError:
    failures = "; ".join(f"{name}: {reason}" for name, reason in sinks.failed.items())
    return DataError(f"{video.path} was scored, but some outputs could not be written: {failures}")


def _source(detector: Detector, decoder: Worker, video: InputVideo, pictures: bool) -> FileSource:
    from vadkit.inference.sources.files import FileSource

    form = dict(detector.settings.get("file", {}))
    if not pictures and detector.objects is None:
        # No sink shows the frames, so they are resized while decoding.
        clip = detector.method.clip
        form |= {"size": clip.size, "channels": clip.channels}
    source = FileSource(video.path, **form)
    source.worker = decoder
    return source


def _summary(
    video: InputVideo,
    scores: VideoScores,
    live: np.ndarray,
    started: float,
    files: list[str],
) -> Inferred:
    scored = np.isfinite(scores.raw)
    # If a scorer normalises each video, scores are not comparable between videos.
    compared = scores.final if scores.same_unit else live
    peak = int(np.nanargmax(compared)) if scored.any() else -1
    return Inferred(
        video=str(video.path),
        frames=len(scores.raw),
        scored=int(scored.sum()),
        frames_per_s=len(scores.raw) / max(time.monotonic() - started, 1e-9),
        peak=float(compared[peak]) if scored.any() else float("nan"),
        peak_s=float(scores.times[peak]) if scored.any() else float("nan"),
        alarms=None,
        files=files,
    )


def _scores(
    detector: Detector, source: FileSource, opened: Callable[[SourceEvent], None]
) -> Iterator[FrameScore]:
    """Yield the frames of a file with their scores; first call ``opened`` with its properties."""
    from vadkit.inference.frame_score import FrameScore
    from vadkit.inference.streams import run_streams

    with contextlib.closing(run_streams(detector, {source.name: source})) as items:
        for _, item in items:
            if isinstance(item, FrameScore):
                yield item
            elif item.error is not None:
                raise item.error
            elif item.kind == "opened":
                opened(item)


def _finished(
    detector: Detector, info: SourceInfo, times: np.ndarray, raw: np.ndarray
) -> VideoScores:
    from vadkit.inference.sinks.sink import VideoScores
    from vadkit.scoring.scorer import apply, chain_keeps_unit, chain_label

    return VideoScores(
        info.name,
        info.fps,
        raw,
        apply(detector.scorers, {info.name: raw})[info.name],
        chain_label(detector.scorers),
        same_unit=chain_keeps_unit(detector.scorers),
        times=times,
    )
