"""A trained method on new video: frames in, a score for every frame out."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vadkit.arguments import as_name, as_path
from vadkit.data.flow import Flow
from vadkit.data.objects import FrameFinder
from vadkit.device import pick_device, pick_precision
from vadkit.errors import DataError, RecipeError
from vadkit.evaluation.presets import online
from vadkit.inference.alarms import AlarmRules
from vadkit.inference.clip_ring import ClipRing
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sources.source import Frame, Source
from vadkit.inference.streams import run_streams, stream_frames
from vadkit.inference.window import delay_of
from vadkit.methods.exported import is_exported
from vadkit.methods.exported.method import ExportedMethod, load_exported
from vadkit.methods.method import Method
from vadkit.methods.weak.live import LiveSegments
from vadkit.methods.weak.method import WeakMethod
from vadkit.recipe import AlarmSettings, Keep, Zone, check_components
from vadkit.registry import build, build_spec
from vadkit.scoring.calibration import Calibration, load_calibration
from vadkit.scoring.normal import NormalScores, load_normal
from vadkit.scoring.scorer import PacedStep, Scorer, looks_ahead, stream_chain
from vadkit.workflows.build import build_list, load_method, time_rules
from vadkit.workflows.extraction import AT_ONCE
from vadkit.workflows.feature_sets import from_file
from vadkit.workflows.run import checkpoint_file, load_run
from vadkit.workflows.streamed import store_settings
from vadkit.workflows.video_input import ScoredVideo, one_source, timed_frames

_log = logging.getLogger("vadkit.infer")
_FPS = 25.0


@dataclass(repr=False)
class Detector:
    """A method with its weights, ready to score frames.

    ``normal`` has the statistics of scores on training video, ``calibration`` the threshold, and
    ``alarms`` the alarm rules; ``scorers`` are those of the recipe. ``flow`` and ``objects``
    compute other inputs of the method; None if it needs none. ``batch_size`` is that of ``vadkit
    eval``, so that scores are bit-identical. ``maps`` requests score maps. ``settings`` are
    parameters of sources, by component. ``zones`` are places that do not count; they may be
    replaced at any time if the method ``ignores`` places. ``keep`` is how long events are kept,
    and ``run`` the folder of the run, None for an exported file.
    """

    method: Method | ExportedMethod | LiveSegments
    device: torch.device
    dtype: torch.dtype
    batch_size: int = 8
    normal: NormalScores | None = None
    scorers: tuple[Scorer, ...] = ()
    flow: Flow | None = None
    objects: FrameFinder | None = None
    maps: bool = True
    calibration: Calibration | None = None
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zones: tuple[Zone, ...] = ()
    ignores: bool = False
    keep: Keep = field(default_factory=Keep)
    run: Path | None = None

    def __repr__(self) -> str:
        clip = self.method.clip.scoring
        height, width = clip.size
        known = "no threshold" if math.isnan(self.threshold) else f"threshold {self.threshold:.4g}"
        return (
            f"Detector({type(self.method).__name__}, clips of {clip.frames} {clip.channels} frames "
            f"at {height}x{width}, on {self.device}, {known})"
        )

    @classmethod
    def load(cls, run: str | Path, checkpoint: str = "last", *, stretch: bool = False) -> Detector:
        """Load the detector of a run folder, or of an exported ``.onnx`` or ``.pt2`` file.

        With ``stretch``, it also scores pictures of another shape than in training, stretched.
        Raises ``TrainingError`` if the run has no such checkpoint, and ``DataError`` if the file
        cannot be read.
        """
        return load_detector(
            as_path(run, "run"), as_name(checkpoint, "checkpoint"), stretch=stretch
        )

    @property
    def threshold(self) -> float:
        """The alarm threshold for scores: calibrated, or from ``normal``, or NaN."""
        if self.calibration is not None:
            return self.calibration.threshold
        return math.nan if self.normal is None else self.normal.frame_q999

    @property
    def usual(self) -> float:
        """The median of live scores on normal video; NaN if unknown."""
        if self.calibration is not None:
            return self.calibration.usual
        return math.nan if self.normal is None else self.normal.frame_q50

    @property
    def explained_from(self) -> float:
        """The raw score from which frames are explained; NaN without a threshold or maps.

        It is half-way up to the threshold, because smoothing may be behind the raw score.
        """
        return (self.usual + self.threshold) / 2 if self.maps else math.nan

    @property
    def rules(self) -> AlarmRules | None:
        """The alarm rules; None if there is no threshold."""
        if math.isnan(self.threshold):
            return None
        settings = self.alarms
        return AlarmRules(
            self.threshold,
            time_rules(settings).release(self.threshold, self.usual),
            settings.min_duration_s,
            settings.merge_s,
            settings.cooldown_s,
            settings.hours,
            settings.days,
            settings.longest_s,
            self.usual,
        )

    def clip_ring(self) -> ClipRing:
        """Return a buffer for the pictures of alarms, with the times of the recipe."""
        return ClipRing(before_s=self.alarms.before_s, after_s=self.alarms.after_s)

    @property
    def delay(self) -> int:
        """The number of later frames that are needed to score a frame."""
        return delay_of(self.method.clip.scoring, 1)

    def batch_for(self, max_delay: int | None) -> int:
        """Return the batch size of a stream for scores at most ``max_delay`` frames late.

        Raises ``RecipeError`` if the method needs more frames than that.
        """
        if max_delay is None:
            return self.batch_size
        if max_delay < self.delay:
            raise RecipeError(
                f"a delay of {max_delay} frames is not possible: the method needs {self.delay} "
                "frames after the one that it scores"
            )
        batches = range(self.batch_size, 0, -1)
        return next(b for b in batches if delay_of(self.method.clip.scoring, b) <= max_delay)

    def smoothing(self, *, live: bool) -> PacedStep:
        """Return the function from raw scores to final ones, for one stream.

        It is the recipe's scorers if all are causal, else the protocol ``online``, with the same
        results as ``vadkit eval``. For live sources, non-causal scorers raise ``RecipeError``.
        """
        ahead = [scorer for scorer in self.scorers if not scorer.causal]
        if ahead and live:
            raise RecipeError(looks_ahead(ahead[0]))
        chain = [] if ahead else list(self.scorers)
        return stream_chain(
            chain or [build("scorers", name, params) for name, params in online().scorers()]
        )

    def stream(
        self,
        frames: str | Path | Source | Iterable[np.ndarray | Frame],
        max_delay: int | None = None,
        *,
        fps: float | None = None,
    ) -> Iterator[FrameScore]:
        """Score a video, a camera or frames, in order; each frame is processed once.

        ``frames`` is a video file, a folder of images, the address of a camera such as
        ``rtsp://...``, a source, or frames (H, W, 3) uint8 RGB. Yields frames in order, with the
        same scores as ``vadkit eval``. A score comes at most ``max_delay`` frames after its frame
        (None: after a batch of clips; for a live source, without waiting for a full batch). Plain
        frames have a rate of ``fps`` per second (None: that of training, 25 if it is unknown).

        Threads read the source; its events are logged, and its error is raised.
        """
        batch = self.batch_for(max_delay)
        if isinstance(frames, str | os.PathLike):
            return self._stream_source(one_source(frames, self.settings), max_delay)
        if hasattr(frames, "read") and not isinstance(frames, io.IOBase):
            source: Source = frames  # type: ignore[assignment]
            return self._stream_source(source, max_delay)
        if not isinstance(frames, Iterable) or isinstance(frames, io.IOBase):
            raise TypeError(
                "'frames' must be a path, an address, a source, or frames (H, W, 3) uint8 RGB; "
                f"got {type(frames).__name__}"
            )
        if fps is not None and not 0 < fps < math.inf:
            raise RecipeError(f"fps: must be above 0; got {fps}")
        rate = fps or self.method.clip.fps or _FPS
        timed = timed_frames(frames, rate, self.method.clip.planes)
        return stream_frames(self, timed, batch, fps)

    def _stream_source(self, source: Source, max_delay: int | None) -> Iterator[FrameScore]:
        with contextlib.closing(
            run_streams(self, {source.name: source}, max_delay=max_delay)
        ) as items:
            for _, item in items:
                if isinstance(item, FrameScore):
                    yield item
                elif item.error is not None:
                    raise item.error
                elif item.message:
                    _log.warning("%s %s: %s", source.name, item.kind, item.message)

    def score(self, video: str | Path | Source | Iterable[np.ndarray]) -> ScoredVideo:
        """Score a whole video: a file, a folder of images, a source, or frames (H, W, 3) uint8 RGB.

        Raises ``DataError`` if it cannot be read.
        """
        if isinstance(video, str | os.PathLike):
            settings = {**self.settings}
            if self.objects is None:
                # Frames are resized while they are decoded.
                clip = self.method.clip
                form = {"size": clip.size, "channels": clip.channels}
                settings["file"] = {**settings.get("file", {}), **form}
            video = one_source(video, settings)
        found = list(_without_pictures(replace(self, maps=False).stream(video)))
        names = found[-1].parts if found else {}
        return ScoredVideo(
            time=np.array([one.time for one in found], float),
            raw=np.array([one.raw for one in found], float),
            score=np.array([one.score for one in found], float),
            alarm=np.array([one.alarm for one in found], bool),
            threshold=self.threshold,
            parts={
                name: np.array([one.parts.get(name, math.nan) for one in found]) for name in names
            },
        )


def _without_pictures(scores: Iterator[FrameScore]) -> Iterator[FrameScore]:
    nothing = np.empty((0, 0, 3), np.uint8)
    return (replace(score, frame=nothing) for score in scores)


def load_detector(run: Path, checkpoint: str = "last", *, stretch: bool = False) -> Detector:
    """Load the detector of a run, or of a file from `vadkit export`.

    With ``stretch``, it also scores pictures of another shape than in training.
    """
    detector = _load_exported(run) if is_exported(run) else _load_run(run, checkpoint)
    if stretch:
        detector.method.clip = replace(detector.method.clip, aspect=None)
    return detector


def _load_run(run: Path, checkpoint: str) -> Detector:
    recipe = load_run(run)
    device = pick_device(recipe.train.device)
    method, _ = load_method(recipe, checkpoint_file(run, checkpoint), device)
    spec = method.clip.scoring
    flow = objects = None
    live = None
    if recipe.features is not None and from_file(recipe):
        raise RecipeError(
            f"features: {recipe.features.type} has features only for its dataset; to score other "
            "video, train with features that are computed from frames"
        )
    if spec.given:
        raise RecipeError(
            f"method.{spec.given[0]}: the file has features only for its dataset; to score other "
            "video, train with features that are computed from frames"
        )
    if spec.flow and recipe.flow is not None:
        flow = build("flow", recipe.flow.type, recipe.flow.params)
    if spec.boxes is not None and recipe.objects is not None:
        objects = build("objects", recipe.objects.type, recipe.objects.params)
        if not objects.reads_frames:
            raise RecipeError(
                f"objects: {recipe.objects.type} has objects only for its dataset; to score other "
                "video, train with a component that finds objects in frames, such as "
                "objects.type: blobs"
            )
    batch_size = recipe.train.batch_size
    if recipe.features is not None and recipe.bags is not None:
        extractor = build("extractors", recipe.features.type, recipe.features.params).to(device)
        assert isinstance(method, WeakMethod)
        live = LiveSegments(method, extractor, recipe.bags.window)
        # As many segments at a time as in `eval`.
        batch_size = AT_ONCE
    reading = store_settings(recipe)
    return Detector(
        live or method,
        device,
        pick_precision(recipe.train.precision, device),
        batch_size=batch_size,
        normal=load_normal(run),
        scorers=tuple(build_list("scorers", recipe.scorers)),
        flow=flow,
        objects=objects,
        calibration=load_calibration(run),
        alarms=recipe.alarms,
        zones=tuple(recipe.zones),
        ignores=method.can_ignore(recipe.method.params),
        keep=recipe.keep,
        run=run,
        settings={
            "file": {
                "readers": reading.readers,
                "plugins": reading.plugins,
                "stall_s": reading.stall_s,
                "levels": reading.levels,
            }
        },
    )


def _load_exported(path: Path) -> Detector:
    method = load_exported(path)
    record = method.record
    try:
        flow = check_components(record["flow"], "flow", "optional", "flow")
        scorers = check_components(record["scorers"], "scorers", "list", "scorers")
    except RecipeError as error:
        raise DataError(f"{path} has a damaged record: {error}; export it again") from None
    normal, calibration = record["normal"], record.get("calibration")
    return Detector(
        method,
        torch.device("cpu"),
        torch.float32,
        normal=NormalScores.from_dict(normal) if normal else None,
        scorers=tuple(build_spec("scorers", spec) for spec in scorers),
        flow=build_spec("flow", flow) if flow else None,
        calibration=Calibration.from_dict(calibration) if calibration else None,
        alarms=AlarmSettings(**record["alarms"]),
        settings={"file": {"levels": record["levels"]}},
    )
