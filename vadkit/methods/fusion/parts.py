"""The input of the parts of a fusion: frames and flow from the fusion's clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method
from vadkit.registry import find

# Parts by name: complete mappings with a ``type``.
Parts = Mapping[str, Mapping[str, Any]]


class PartInput(NamedTuple):
    """The input of a part: frames of the fusion's clips from ``start`` on, and its flow."""

    name: str
    start: int
    clip: ClipSpec
    flow: tuple[int, ...]
    scale: tuple[float, float]
    gray: bool = False

    @classmethod
    def of(cls, name: str, spec: Mapping[str, Any], clip: ClipSpec) -> PartInput:
        part = _part_clip(name, spec, clip)
        start = clip.scored[0] - part.scored[0]
        flow = tuple(clip.flow.index(start + offset) for offset in part.flow if clip.flow)
        part = replace(
            part,
            flow=part.flow if flow else (),
            boxes=None if clip.boxes is None else part.boxes,
        )
        low, high = part.range
        gray = clip.channels == "rgb" and part.channels == "gray"
        return cls(name, start, part, flow, (low, high - low), gray)

    def take(self, clips: Clips) -> Clips:
        """Return the part's clips."""
        frames = clips.frames[:, :, self.start : self.start + self.clip.frames]
        flow = None
        if self.flow:
            assert clips.flow is not None
            first, last = self.flow[0], self.flow[-1] + 1
            # Flow of consecutive frames is a view, which costs nothing.
            in_a_row = self.flow == tuple(range(first, last))
            flow = clips.flow[:, :, first:last] if in_a_row else clips.flow[:, :, list(self.flow)]
        return self._clips(frames, flow, clips)

    def window(self, clips: Clips, frames: int) -> Clips:
        """Return the last frames of a window that the fusion encodes, with the last flow."""
        return self._clips(clips.frames[:, :, -frames:], clips.flow if self.flow else None, clips)

    def _clips(self, frames: Tensor, flow: Tensor | None, clips: Clips) -> Clips:
        low, span = self.scale
        if self.gray:
            frames = gray_levels(frames)
        if self.scale != (0.0, 1.0):
            frames = frames * span + low
        boxes = clips.boxes if self.clip.boxes is not None else None
        given = None
        if self.clip.given:
            assert clips.given is not None
            given = {place: clips.given[_given(self.name, place)] for place in self.clip.given}
        return Clips(frames, flow, boxes, clips.videos, given)


def gray_levels(frames_B3THW: Tensor) -> Tensor:
    """Return grey levels (B, 1, T, H, W) of RGB frames, with the weights of ITU-R BT.601."""
    red, green, blue = frames_B3THW.split(1, dim=1)
    gray: Tensor = (red * 0.299).add_(green, alpha=0.587).add_(blue, alpha=0.114)
    return gray


def _given(name: str, place: str) -> str:
    """Return the position of a part's component in the parameters of the fusion."""
    return f"parts.{name}.{place}"


def _kind(name: str, spec: Mapping[str, Any]) -> tuple[type[Method], dict[str, Any]]:
    """Return a part's class and its parameters."""
    params = {key: value for key, value in spec.items() if key != "type"}
    return cast(type[Method], find("methods", spec["type"]).load()), params


def part_defaults(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part's defaults. Raises ``ValueError`` if the method cannot be a part."""
    kind, params = _kind(name, spec)
    if not name.isidentifier():
        raise ValueError(f"parts: '{name}' must be a name of letters, digits and underscores")
    if spec["type"] == "fusion":
        raise ValueError(f"parts.{name}: use the parts of a fusion instead of the fusion")
    defaults = kind.defaults_for(params)
    if not {"frames", "size", "channels"} <= set(defaults.get("clip", {})):
        raise ValueError(f"parts.{name}: {spec['type']} does not define the clip it needs")
    learned = [s for s in ("networks", "losses", "optimizers") if defaults.get(s)]
    if learned:
        raise ValueError(
            f"parts.{name}: {spec['type']} has {' and '.join(learned)} to train, but fusion "
            "accepts only methods without gradients, such as motion-field; train it separately "
            "and compare"
        )
    return defaults


def part_can_ignore(name: str, spec: Mapping[str, Any]) -> bool:
    """Whether a part leaves ignored places out of its scores."""
    kind, params = _kind(name, spec)
    return kind.can_ignore(params)


def _part_clip(name: str, spec: Mapping[str, Any], clip: ClipSpec) -> ClipSpec:
    """Return the clip of a part, with at most as many frames as in its defaults."""
    kind, params = _kind(name, spec)
    defaults = part_defaults(name, spec)["clip"]
    frames = min(defaults["frames"], clip.frames)
    channels = clip.channels if defaults["channels"] == "rgb" else "gray"
    try:
        part = kind.clip_spec(frames, clip.size, channels, clip.step)
        part = kind.clip_for(part, params, ())
    except ValueError as error:
        raise ValueError(f"part '{name}': {error}") from None
    if len(part.scored) != 1 or part.ahead:
        raise ValueError(f"part '{name}' scores several frames of a clip; fusion needs one")
    return part


def fewest_frames(parts: Parts) -> int:
    """Return the fewest frames that contain the clips of all parts, and their encoded windows."""
    before = after = 0
    kinds = {name: _kind(name, spec)[0] for name, spec in parts.items()}
    most = max(kind.encoded_frames for kind in kinds.values())
    for name, spec in parts.items():
        defaults = part_defaults(name, spec)["clip"]
        clip = ClipSpec(defaults["frames"], defaults["size"], defaults["channels"], (0,))
        part = _part_clip(name, spec, clip)
        # Windows extend backwards from their last frame; a longer one extends further.
        further = most - kinds[name].encoded_frames if kinds[name].encoded_frames else 0
        before = max(before, part.scored[0] + further)
        after = max(after, part.frames - 1 - part.scored[0])
    return before + 1 + after


def fused_clip(clip: ClipSpec, parts: Parts) -> ClipSpec:
    """Return the clip spec with the frame that all parts score, and the flow and boxes of any part.

    Raises ``ValueError`` if the clip is too short, or if a part cannot use it.
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
        raise ValueError("fusion cannot combine parts that use the objects of different frames")
    return replace(
        clip,
        scored=(scored,),
        flow=tuple(sorted(flow)),
        boxes=next(iter(boxes), None),
        given=tuple(_given(name, place) for name, part in clips.items() for place in part.given),
    )
