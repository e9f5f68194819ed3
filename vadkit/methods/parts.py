"""What the parts of a fusion take of its clips: which frames, and which flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method
from vadkit.registry import find

# Parts by name: mappings with a ``type``, complete.
Parts = Mapping[str, Mapping[str, Any]]


class View(NamedTuple):
    """What a part takes of the fusion's clips: frames from ``start`` on, flow by its places."""

    name: str
    start: int
    clip: ClipSpec
    flow: tuple[int, ...]
    scale: tuple[float, float]

    @classmethod
    def of(cls, name: str, spec: Mapping[str, Any], clip: ClipSpec) -> View:
        part = _part_clip(name, spec, clip)
        start = clip.scored[0] - part.scored[0]
        flow = tuple(clip.flow.index(start + offset) for offset in part.flow if clip.flow)
        part = replace(
            part,
            flow=part.flow if flow else (),
            boxes=None if clip.boxes is None else part.boxes,
        )
        low, high = part.range
        return cls(name, start, part, flow, (low, high - low))

    def take(self, clips: Clips) -> Clips:
        """The part's clips."""
        frames = clips.frames[:, :, self.start : self.start + self.clip.frames]
        flow = None
        if self.flow:
            assert clips.flow is not None
            first, last = self.flow[0], self.flow[-1] + 1
            # Flow of frames in a row is a view, which costs nothing.
            in_a_row = self.flow == tuple(range(first, last))
            flow = clips.flow[:, :, first:last] if in_a_row else clips.flow[:, :, list(self.flow)]
        return self._clips(frames, flow, clips)

    def window(self, clips: Clips, frames: int) -> Clips:
        """The last frames of a window that the fusion encodes, with the flow of the very last."""
        return self._clips(clips.frames[:, :, -frames:], clips.flow if self.flow else None, clips)

    def _clips(self, frames: Tensor, flow: Tensor | None, clips: Clips) -> Clips:
        low, span = self.scale
        if self.scale != (0.0, 1.0):
            frames = frames * span + low
        boxes = clips.boxes if self.clip.boxes is not None else None
        given = None
        if self.clip.given:
            assert clips.given is not None
            given = {place: clips.given[_given(self.name, place)] for place in self.clip.given}
        return Clips(frames, flow, boxes, clips.videos, given)


def _given(name: str, place: str) -> str:
    """Where a component of a part stands in the parameters of the fusion."""
    return f"parts.{name}.{place}"


def _kind(name: str, spec: Mapping[str, Any]) -> tuple[type[Method], dict[str, Any]]:
    """A part's class and its parameters."""
    params = {key: value for key, value in spec.items() if key != "type"}
    return cast(type[Method], find("methods", spec["type"]).load()), params


def part_defaults(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A part's defaults. Raises ``ValueError`` for one that cannot be a part."""
    kind, params = _kind(name, spec)
    if not name.isidentifier():
        raise ValueError(f"parts: '{name}' must be a name of letters, digits and underscores")
    if spec["type"] == "fusion":
        raise ValueError(f"parts.{name}: put the parts of a fusion in place of it")
    defaults = kind.defaults_for(params)
    if not {"frames", "size", "channels"} <= set(defaults.get("clip", {})):
        raise ValueError(f"parts.{name}: {spec['type']} does not say which clip it wants")
    learned = [s for s in ("networks", "losses", "optimizers") if defaults.get(s)]
    if learned:
        raise ValueError(
            f"parts.{name}: {spec['type']} has {' and '.join(learned)} to train, and fusion takes "
            "methods that only collect, such as motion-field; train it by itself and compare"
        )
    return defaults


def _part_clip(name: str, spec: Mapping[str, Any], clip: ClipSpec) -> ClipSpec:
    """The clip of a part, of at most as many frames as its defaults say."""
    kind, params = _kind(name, spec)
    frames = min(part_defaults(name, spec)["clip"]["frames"], clip.frames)
    try:
        part = kind.clip_spec(frames, clip.size, clip.channels, clip.step)
        part = kind.clip_for(part, params, ())
    except ValueError as error:
        raise ValueError(f"part '{name}': {error}") from None
    if len(part.scored) != 1 or part.ahead:
        raise ValueError(f"part '{name}' scores several frames of a clip; fusion takes one")
    return part


def fewest_frames(parts: Parts) -> int:
    """The fewest frames that hold the clips of all parts, and the windows that they encode."""
    before = after = 0
    kinds = {name: _kind(name, spec)[0] for name, spec in parts.items()}
    most = max(kind.encoded_frames for kind in kinds.values())
    for name, spec in parts.items():
        defaults = part_defaults(name, spec)["clip"]
        clip = ClipSpec(defaults["frames"], defaults["size"], defaults["channels"], (0,))
        part = _part_clip(name, spec, clip)
        # Windows reach back from their last frame, a longer one further than a shorter one.
        further = most - kinds[name].encoded_frames if kinds[name].encoded_frames else 0
        before = max(before, part.scored[0] + further)
        after = max(after, part.frames - 1 - part.scored[0])
    return before + 1 + after


def fused_clip(clip: ClipSpec, parts: Parts) -> ClipSpec:
    """The clip with the frame that all parts score, and the flow and boxes that any takes.

    Raises ``ValueError`` when it is too short, or cannot serve a part.
    """
    clips = {name: _part_clip(name, spec, clip) for name, spec in parts.items()}
    scored = clip.frames - 1 - max(part.frames - 1 - part.scored[0] for part in clips.values())
    starts = {name: scored - part.scored[0] for name, part in clips.items()}
    if min(starts.values()) < 0:
        raise ValueError(
            f"fusion of these parts needs {clip.frames - min(starts.values())} frames; got "
            f"{clip.frames}"
        )
    flow = {starts[name] + offset for name, part in clips.items() for offset in part.flow}
    boxes = {starts[name] + part.boxes for name, part in clips.items() if part.boxes is not None}
    if len(boxes) > 1:
        raise ValueError("fusion cannot have parts that take the objects of different frames")
    return replace(
        clip,
        scored=(scored,),
        flow=tuple(sorted(flow)),
        boxes=next(iter(boxes), None),
        given=tuple(_given(name, place) for name, part in clips.items() for place in part.given),
    )
