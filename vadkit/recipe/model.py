"""The recipe as typed data: its sections, and nothing of what components take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]
# Frames of 8K video are 4,320 by 7,680.
Side = Annotated[int, Field(ge=8, le=16_384)]


class Section(BaseModel):
    """A section whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spec(BaseModel):
    """A component by name; every other key is a parameter of its constructor."""

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
    """The frames that a method sees together: how many, how large (height, width), what colour."""

    frames: Annotated[int, Field(ge=1, le=256)]
    size: tuple[Side, Side]
    channels: Literal["rgb", "gray"]
    step: Positive = 1


class Train(Section):
    """How long and how to train."""

    epochs: Positive
    batch_size: Positive
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool = False
    accumulate: Positive = 1
    clip_grad_norm: Annotated[float, Field(gt=0)] | None = None
    max_steps: Positive | None = None


class Data(Section):
    """How videos are read and where their frames are kept."""

    store: Literal["auto", "disk", "ram", "device", "none"] = "auto"
    on_bad_video: Literal["stop", "skip"] = "stop"
    readers: Annotated[list[str], Field(min_length=1)] = ["pyav", "decord"]
    stall_s: Annotated[float, Field(gt=0)] = 20.0
    workers: Positive = 2


class Calibrate(Section):
    """How the alarm threshold is found on normal video, for so many false alarms an hour.

    A method that takes no gradient is fitted again on all training videos but a fold, which it
    then scores, for each of ``folds``. ``holdout`` keeps that share of the training videos out of
    training instead, which a method that takes gradients needs for an honest threshold.
    """

    method: Literal["pot", "quantile", "conformal"] = "pot"
    false_alarms_per_hour: Annotated[float, Field(gt=0)] = 1.0
    folds: Annotated[int, Field(ge=2)] = 2
    holdout: Annotated[float, Field(gt=0, lt=1)] | None = None


class Alarms(Section):
    """What makes an alarm of scores over the threshold; times in seconds.

    ``hysteresis`` is how far below the threshold an alarm ends, in shares of the way from there
    to the usual score. Clips reach from ``before_s`` before an alarm to ``after_s`` after it.
    """

    hysteresis: Annotated[float, Field(ge=0, le=1)] = 0.1
    min_duration_s: Annotated[float, Field(ge=0)] = 0.0
    merge_s: Annotated[float, Field(ge=0)] = 2.0
    cooldown_s: Annotated[float, Field(ge=0)] = 0.0
    before_s: Annotated[float, Field(ge=0)] = 5.0
    after_s: Annotated[float, Field(ge=0)] = 5.0


class Recipe(Section):
    """A complete, resolved recipe: every component named, every parameter filled in."""

    name: str
    plugins: list[Path] = []
    dataset: Spec
    clip: Clip
    data: Data = Data()
    augments: list[Spec] = []
    flow: Spec | None = None
    objects: Spec | None = None
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
    # What `vadkit tune` may try, by place, as vadkit.recipe.search reads it.
    search: dict[str, Any] = {}
    calibration: Calibrate | None = Calibrate()
    alarms: Alarms = Alarms()
    sinks: list[Spec] = []

    def as_data(self) -> dict[str, Any]:
        """Plain JSON-like data, in the order of the sections."""
        return self.model_dump(mode="json")


# Sections that name components: section -> (family, how the section holds them).
COMPONENT_SECTIONS: dict[str, tuple[str, Literal["one", "optional", "list", "roles"]]] = {
    "dataset": ("datasets", "one"),
    "augments": ("augments", "list"),
    "flow": ("flow", "optional"),
    "objects": ("objects", "optional"),
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

# Sections of plain settings: a recipe may say some of them.
SETTINGS_SECTIONS: dict[str, type[Section]] = {
    "clip": Clip,
    "data": Data,
    "train": Train,
    "calibration": Calibrate,
    "alarms": Alarms,
}

# What a recipe gets where neither it nor its method says otherwise.
DEFAULTS: dict[str, Any] = {
    "hooks": [{"type": "progress"}, {"type": "metrics-log"}, {"type": "checkpoint"}],
    "scorers": [],
    "evaluators": [
        {"type": "frame-auc"},
        {"type": "false-alarms"},
        {"type": "alarms"},
        {"type": "category-auc"},
    ],
    "protocols": [{"type": "raw"}, {"type": "online"}, {"type": "offline"}],
}
