"""The recipe as typed data: its sections, without the parameters of components."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from vadkit.schedule import spans
from vadkit.text import printable

Positive = Annotated[int, Field(ge=1)]
# Frames of 8K video have 4,320 by 7,680 pixels.
Side = Annotated[int, Field(ge=8, le=16_384)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_Share = Annotated[float, Field(ge=0, le=1)]
Corner = tuple[_Share, _Share]
# Twice the smallest area of a triangle of a zone's corners, as a share of the picture.
_LEAST_AREA = 1e-6


class Section(BaseModel):
    """A section in which all keys are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spec(BaseModel):
    """A component by name; all other keys are parameters of its constructor."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, without ``type``."""
        return dict(self.model_extra or {})


class LossSpec(Spec):
    """A loss and its weight in the sum."""

    weight: float = 1.0


class Clip(Section):
    """The frames that a method sees together: number, size (height, width) and colour.

    ``fps`` is the frame rate that the method is trained at. None measures it: the median rate of
    the training videos, which the run's recipe then contains. Video at another rate is brought to
    it. ``aspect`` is the width of the training pictures divided by their height, measured likewise;
    None if they have several shapes. Video of another shape is refused.
    """

    frames: Annotated[int, Field(ge=1, le=256)]
    size: tuple[Side, Side]
    channels: Literal["rgb", "gray"]
    step: Positive = 1
    fps: Annotated[float, Field(gt=0, le=1000)] | None = None
    aspect: Annotated[float, Field(gt=0, le=1000)] | None = None


class Bags(Section):
    """How a method that learns from video labels sees a video: as a bag of segments.

    ``fit`` brings a video to ``segments`` segments in training: ``average`` takes means of equal
    shares, ``pad`` leaves out segments evenly or pads, and a mask says what is padding. None for
    ``segments`` keeps all. Scoring always uses every segment of a video. ``scale`` ``length``
    divides the features of a segment by their length, ``standard`` brings each feature to mean 0
    and deviation 1 over the training segments. ``window`` is the number of the latest segments that
    live scoring sees. ``holdout`` keeps this share of the training videos, normal and abnormal, out
    of training: for the hook ``{type: evaluate, on: held-out}``, and for calibration.

    ``dim`` is the number of features of a segment and ``classes`` are the kinds of anomalies. Both
    are measured, and the run's recipe contains them.
    """

    segments: Annotated[int, Field(ge=1, le=100_000)] | None = 32
    fit: Literal["average", "pad"] = "average"
    scale: Literal["none", "length", "standard"] = "none"
    window: Annotated[int, Field(ge=1, le=10_000)] = 32
    holdout: Annotated[float, Field(gt=0, lt=1)] | None = None
    dim: Positive | None = None
    classes: list[str] | None = None


class Stage(Section):
    """One of several stages of training: only the updates of these ``roles`` are made.

    ``share`` is its part of the epochs, relative to the other stages.
    """

    roles: Annotated[list[str], Field(min_length=1)]
    share: Annotated[float, Field(gt=0, le=100_000)] = 1.0


class Train(Section):
    """Duration and settings of training.

    ``precision`` ``auto`` is bfloat16 on a GPU that computes in it, ``fast`` on such a CPU, too.
    ``deterministic`` makes a run on one device repeatable to the bit; without it, a GPU multiplies
    in TF32 and tries which kernels are fastest. With ``capture``, a GPU runs whole steps as CUDA
    graphs where it can. ``compile`` compiles the networks with ``torch.compile``; ``auto`` does so
    for a long training on a GPU.

    ``minutes`` ends training after this time if ``epochs`` have not ended it before. The
    learning-rate schedule is then run through within that time.

    ``stages`` train roles of the method one after another, instead of all of them on each batch.
    They share ``epochs``; a learning-rate schedule runs over all of them.

    ``init`` is a run folder or a checkpoint file whose weights training starts from.
    """

    epochs: Positive
    minutes: Annotated[float, Field(gt=0, le=100_000)] | None = None
    init: Annotated[str, Field(min_length=1)] | None = None
    batch_size: Positive
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    device: str = "auto"
    precision: Literal["auto", "fast", "fp32", "bf16"] = "auto"
    deterministic: bool = True
    capture: bool = True
    compile: bool | Literal["auto"] = "auto"
    accumulate: Positive = 1
    clip_grad_norm: Annotated[float, Field(gt=0)] | None = None
    max_steps: Positive | None = None
    stages: Annotated[list[Stage], Field(min_length=1)] | None = None


class Data(Section):
    """How videos are read, and where their frames are kept.

    ``levels`` are the values of images of more than 8 bits that become black and white. By default,
    they are measured on the training images, and written into the run.
    """

    store: Literal["auto", "disk", "ram", "device", "none"] = "auto"
    on_bad_video: Literal["stop", "skip"] = "stop"
    readers: Annotated[list[str], Field(min_length=1)] = ["pyav", "decord"]
    stall_s: Annotated[float, Field(gt=0)] = 20.0
    levels: tuple[float, float] | None = None
    workers: Positive = 2

    @field_validator("levels")
    @classmethod
    def _levels_rise(cls, levels: tuple[float, float] | None) -> tuple[float, float] | None:
        if levels is not None and not -math.inf < levels[0] < levels[1] < math.inf:
            raise ValueError("the first level must be below the second one")
        return levels


class Calibrate(Section):
    """Calibration of the alarm threshold on normal video.

    The threshold meets two limits: ``false_alarms_per_hour``, and ``alarm_time``, the share of
    normal time inside alarms. Rare events in normal video, up to the share ``contamination`` of
    the time, do not move it.

    A method without gradients is fitted again for each of ``folds``, without that fold, and scores
    the fold. ``holdout`` instead keeps this share of the training videos out of training; a method
    with gradients needs it for a realistic threshold.
    """

    method: Literal["pot", "quantile", "conformal"] = "pot"
    false_alarms_per_hour: Annotated[float, Field(gt=0)] = 1.0
    alarm_time: Annotated[float, Field(gt=0, le=1)] = 0.02
    contamination: Annotated[float, Field(ge=0, lt=0.5)] = 0.02
    folds: Annotated[int, Field(ge=2)] = 2
    holdout: Annotated[float, Field(gt=0, lt=1)] | None = None


class Scheduled(Section):
    """A section with hours of the day, such as ``22:00-06:00``, and days of the week.

    None is always. Times are local times of the computer; hours past midnight belong to the day on
    which they start.
    """

    hours: str | None = None
    days: Annotated[tuple[Day, ...], Field(min_length=1)] | None = None

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, hours: str | None) -> str | None:
        if hours is not None:
            spans(hours)
        return hours


class Zone(Scheduled):
    """A place in the picture that is treated in its own way.

    ``polygon`` lists its corners (x, y) as shares of the width and height of the picture. Mode
    ``ignore`` leaves it out of scores, maps, calibration and alarms, at all times or in the given
    hours. With ``camera``, it holds only for the camera of this name in `vadkit watch`.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    polygon: Annotated[tuple[Corner, ...], Field(min_length=3, max_length=200)]
    mode: Literal["ignore"] = "ignore"
    camera: str | None = None

    @property
    def always(self) -> bool:
        """Whether it holds at all times and for all cameras."""
        return self.hours is None and self.days is None and self.camera is None

    @field_validator("name")
    @classmethod
    def _is_one_line(cls, name: str) -> str:
        if printable(name) != name or not name.strip():
            raise ValueError("must be a name on one line, without invisible characters")
        return name

    @field_validator("polygon")
    @classmethod
    def _has_area(cls, polygon: tuple[Corner, ...]) -> tuple[Corner, ...]:
        (x, y), *others = polygon
        sides = [(a - x, b - y) for a, b in others]
        if max(abs(a * d - b * c) for a, b in sides for c, d in sides) < _LEAST_AREA:
            raise ValueError("the corners of the polygon are on one line, so it has no area")
        return polygon


class AlarmSettings(Scheduled):
    """Rules that turn scores into alarms; times in seconds.

    ``hysteresis`` sets the level at which an alarm ends, as a share of the distance from the
    threshold down to the median score. An alarm that lasts for ``longest_s`` is over, and its level
    counts as usual until the score is back (null: it lasts as long as the score is high).
    ``camera_changes`` makes long changes of a camera events of their own. Clips start ``before_s``
    before an alarm and end ``after_s`` after it. Outside ``hours`` and ``days``, a camera raises no
    alarms; files have no time of day.
    """

    hysteresis: Annotated[float, Field(ge=0, le=1)] = 0.1
    min_duration_s: Annotated[float, Field(ge=0)] = 0.0
    merge_s: Annotated[float, Field(ge=0)] = 2.0
    cooldown_s: Annotated[float, Field(ge=0)] = 0.0
    longest_s: Annotated[float, Field(gt=0)] | None = 300.0
    camera_changes: bool = True
    before_s: Annotated[float, Field(ge=0)] = 5.0
    after_s: Annotated[float, Field(ge=0)] = 5.0


class Keep(Section):
    """How long `vadkit watch` keeps events with their pictures and clips; null is without end.

    Older ones than ``days`` are removed, and the oldest ones if pictures and clips have more than
    ``gib`` GiB. Events with an answer go last.
    """

    days: Annotated[float, Field(gt=0)] | None = None
    gib: Annotated[float, Field(gt=0)] | None = 20.0


class Recipe(Section):
    """A complete, resolved recipe: all components are named, all parameters are filled in."""

    name: str
    plugins: list[Path] = []
    dataset: Spec
    clip: Clip
    data: Data = Data()
    augments: list[Spec] = []
    flow: Spec | None = None
    objects: Spec | None = None
    features: Spec | None = None
    bags: Bags | None = None
    method: Spec
    networks: dict[str, Spec] = {}
    losses: dict[str, LossSpec] = {}
    optimizers: dict[str, Spec] = {}
    schedulers: dict[str, Spec] = {}
    train: Train
    hooks: list[Spec] = []
    scorers: list[Spec] = []
    evaluators: list[Spec] = []
    protocols: list[Spec] = []
    # The values that `vadkit tune` may try, by place; see vadkit.recipe.search.
    search: dict[str, Any] = {}
    calibration: Calibrate | None = Calibrate()
    alarms: AlarmSettings = AlarmSettings()
    zones: list[Zone] = []
    sinks: list[Spec] = []
    keep: Keep = Keep()

    def __repr__(self) -> str:
        return f"Recipe({self.name!r}: {self.method.type} on {self.dataset.type})"

    __str__ = __repr__

    def as_data(self) -> dict[str, Any]:
        """Return plain JSON-like data, in the order of the sections."""
        return self.model_dump(mode="json")


# Sections of components: section -> (family, form of the section).
COMPONENT_SECTIONS: dict[str, tuple[str, Literal["one", "optional", "list", "roles"]]] = {
    "dataset": ("datasets", "one"),
    "augments": ("augments", "list"),
    "flow": ("flow", "optional"),
    "objects": ("objects", "optional"),
    "features": ("extractors", "optional"),
    "method": ("methods", "one"),
    "networks": ("networks", "roles"),
    "losses": ("losses", "roles"),
    "optimizers": ("optimizers", "roles"),
    "schedulers": ("schedulers", "roles"),
    "hooks": ("hooks", "list"),
    "scorers": ("scorers", "list"),
    "evaluators": ("evaluators", "list"),
    "protocols": ("protocols", "list"),
    "sinks": ("sinks", "list"),
}

# Sections of plain settings, which a recipe may set in part.
SETTINGS_SECTIONS: dict[str, type[Section]] = {
    "clip": Clip,
    "bags": Bags,
    "data": Data,
    "train": Train,
    "calibration": Calibrate,
    "alarms": AlarmSettings,
    "keep": Keep,
}

# The defaults of a recipe, unless its method has others.
DEFAULTS: dict[str, Any] = {
    "hooks": [{"type": "progress"}, {"type": "metrics-log"}, {"type": "checkpoint"}],
    "scorers": [],
    "evaluators": [
        {"type": "frame-auc"},
        {"type": "false-alarms"},
        {"type": "alarms"},
        {"type": "category-auc"},
        {"type": "video-auc"},
        {"type": "temporal-map"},
    ],
    "protocols": [{"type": "raw"}, {"type": "online"}, {"type": "offline"}],
}
