"""vadkit: video anomaly detection from one recipe.

    run = vadkit.train("quickstart")
    print(vadkit.evaluate(run))
    scores = vadkit.Detector.load(run).score("video.mp4")

Names are loaded on first use, so ``import vadkit`` is fast and does not import torch.
"""

from __future__ import annotations

import importlib
import sys

# Not from `typing`: with `python -m vadkit`, Python searches the current folder first until
# `vadkit.__main__` has run, and that folder may contain an untrusted `typing.py`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vadkit.data.labels.intervals import Labels
    from vadkit.data.objects import ObjectFinder
    from vadkit.data.pseudo.scene import Pseudo
    from vadkit.data.tensors import Clips
    from vadkit.data.videos import ClipSpec, Track, Video
    from vadkit.densities.density import Density
    from vadkit.errors import DataError, PluginError, RecipeError, TrainingError, VadkitError
    from vadkit.evaluation.metrics import Metric, Setting
    from vadkit.evaluation.protocol import Protocol
    from vadkit.features.feature import Feature
    from vadkit.hooks.hook import FitContext, Hook
    from vadkit.inference.alarms import Event
    from vadkit.inference.frame_score import FrameScore
    from vadkit.inference.sinks.sink import EventSink, ResultSink, Sink, SourceInfo, VideoScores
    from vadkit.inference.sources.source import Frame, Source, SourceEvent
    from vadkit.methods.method import Method, Scores, Update
    from vadkit.recipe import Recipe, load_recipe
    from vadkit.registry import register
    from vadkit.scoring.calibration import Calibration
    from vadkit.scoring.scorer import Scorer
    from vadkit.workflows.build import load_videos
    from vadkit.workflows.calibrate.threshold import calibrate
    from vadkit.workflows.compare import Comparison, compare
    from vadkit.workflows.detector import Detector
    from vadkit.workflows.evaluate.evaluation import Evaluation, evaluate
    from vadkit.workflows.infer.archive import infer
    from vadkit.workflows.infer.result import Inferred
    from vadkit.workflows.train import resume, train
    from vadkit.workflows.video_input import ScoredVideo

__version__ = "0.1.0"

# Where each public name is defined. The imports above and `__all__` below list the same names, for
# type checkers and editors; a test compares the three.
_HOMES = {
    # Functions
    "train": "vadkit.workflows.train",
    "resume": "vadkit.workflows.train",
    "evaluate": "vadkit.workflows.evaluate.evaluation",
    "infer": "vadkit.workflows.infer.archive",
    "calibrate": "vadkit.workflows.calibrate.threshold",
    "compare": "vadkit.workflows.compare",
    "load_recipe": "vadkit.recipe",
    "load_videos": "vadkit.workflows.build",
    "register": "vadkit.registry",
    # Their arguments and results
    "Detector": "vadkit.workflows.detector",
    "ScoredVideo": "vadkit.workflows.video_input",
    "Recipe": "vadkit.recipe",
    "Evaluation": "vadkit.workflows.evaluate.evaluation",
    "Comparison": "vadkit.workflows.compare",
    "Calibration": "vadkit.scoring.calibration",
    "Inferred": "vadkit.workflows.infer.result",
    # Contracts: methods
    "Method": "vadkit.methods.method",
    "Update": "vadkit.methods.method",
    "Scores": "vadkit.methods.method",
    "Clips": "vadkit.data.tensors",
    "ClipSpec": "vadkit.data.videos",
    # Contracts: hooks
    "Hook": "vadkit.hooks.hook",
    "FitContext": "vadkit.hooks.hook",
    # Contracts: data
    "Video": "vadkit.data.videos",
    "Track": "vadkit.data.videos",
    "Labels": "vadkit.data.labels.intervals",
    "ObjectFinder": "vadkit.data.objects",
    "Pseudo": "vadkit.data.pseudo.scene",
    "Feature": "vadkit.features.feature",
    "Density": "vadkit.densities.density",
    # Contracts: scores and metrics
    "Scorer": "vadkit.scoring.scorer",
    "Metric": "vadkit.evaluation.metrics",
    "Setting": "vadkit.evaluation.metrics",
    "Protocol": "vadkit.evaluation.protocol",
    # Contracts: streams
    "Frame": "vadkit.inference.sources.source",
    "Source": "vadkit.inference.sources.source",
    "SourceEvent": "vadkit.inference.sources.source",
    "FrameScore": "vadkit.inference.frame_score",
    "Event": "vadkit.inference.alarms",
    "Sink": "vadkit.inference.sinks.sink",
    "EventSink": "vadkit.inference.sinks.sink",
    "ResultSink": "vadkit.inference.sinks.sink",
    "SourceInfo": "vadkit.inference.sinks.sink",
    "VideoScores": "vadkit.inference.sinks.sink",
    # Errors
    "VadkitError": "vadkit.errors",
    "RecipeError": "vadkit.errors",
    "DataError": "vadkit.errors",
    "TrainingError": "vadkit.errors",
    "PluginError": "vadkit.errors",
}

__all__ = [
    "Calibration",
    "ClipSpec",
    "Clips",
    "Comparison",
    "DataError",
    "Density",
    "Detector",
    "Evaluation",
    "Event",
    "EventSink",
    "Feature",
    "FitContext",
    "Frame",
    "FrameScore",
    "Hook",
    "Inferred",
    "Labels",
    "Method",
    "Metric",
    "ObjectFinder",
    "PluginError",
    "Protocol",
    "Pseudo",
    "Recipe",
    "RecipeError",
    "ResultSink",
    "ScoredVideo",
    "Scorer",
    "Scores",
    "Setting",
    "Sink",
    "Source",
    "SourceEvent",
    "SourceInfo",
    "Track",
    "TrainingError",
    "Update",
    "VadkitError",
    "Video",
    "VideoScores",
    "__version__",
    "calibrate",
    "compare",
    "evaluate",
    "infer",
    "load_recipe",
    "load_videos",
    "register",
    "resume",
    "train",
]


if not TYPE_CHECKING:
    # A type checker that saw this function would accept every name.
    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            # With `name` and `obj`, Python itself suggests the nearest name.
            message = f"module 'vadkit' has no attribute '{name}'"
            raise AttributeError(message, name=name, obj=sys.modules[__name__])
        found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
