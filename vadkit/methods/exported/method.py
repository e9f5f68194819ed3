"""A trained method in one file, run by ONNX Runtime or PyTorch without its code or recipe."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from vadkit import trust
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import DataError, PluginError, RecipeError
from vadkit.methods.exported import SUFFIXES
from vadkit.methods.exported.onnx_file import external_data
from vadkit.methods.method import Method, Scores
from vadkit.reading import MOST_JSON, checked, parse_json
from vadkit.recipe import AlarmSettings
from vadkit.recipe.model import Side
from vadkit.text import printable

# The key of the metadata in the file.
RECORD = "vadkit.json"


class ScoreGraph(nn.Module):
    """A method's scoring as a function of tensors: frames, and flow if the method takes it.

    Returns frame scores (B, S) and, for a method with maps, maps (B, S, h, w).
    """

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, frames: Tensor, flow: Tensor | None = None) -> tuple[Tensor, ...]:
        scores = self.method.score(Clips(frames, flow))
        maps = () if scores.maps is None else (scores.maps.float(),)
        return (scores.frames.float(), *maps)


class ExportedMethod:
    """Scores clips like the method that was exported.

    ``clip`` is the method's clip spec; ``record`` has the other metadata from ``export``.
    """

    def __init__(
        self, run: Callable[[list[Tensor]], Sequence[Tensor]], record: dict[str, Any]
    ) -> None:
        self.run = run
        self.record = record
        self.clip = ClipSpec(**checked(_Clip, record["clip"]).model_dump())

    def score(self, clips: Clips) -> Scores:
        """Score a batch of clips, on the CPU."""
        tensors = [clips.frames.float().cpu()]
        if self.clip.flow and clips.flow is not None:
            tensors.append(clips.flow.float().cpu())
        try:
            frames, *maps = self.run(tensors)
        except Exception as error:
            # Each runtime has its own errors for a graph that does not match its record.
            reason = printable(str(error).strip().partition("\n")[0], 300)
            raise DataError(f"the exported model does not accept its clips: {reason}") from None
        wanted = (len(clips.frames), len(self.clip.scored))
        if tuple(frames.shape) != wanted or any(map.ndim != 4 for map in maps):
            raise DataError(
                f"the exported model returns scores {tuple(frames.shape)}; expected {wanted}"
            )
        return Scores(frames, maps[0] if maps else None)


def clip_record(clip: ClipSpec) -> dict[str, Any]:
    """Return a clip spec as JSON-like data, which ``ExportedMethod`` reads."""
    # The other fields belong to training, or to clips of features, which are not exported.
    return {name: value for name, value in asdict(clip).items() if name in _Clip.model_fields}


def load_exported(path: Path, *, own: bool = False) -> ExportedMethod:
    """Load the method from an ``.onnx`` or ``.pt2`` file; ``own`` marks a file of this process.

    Raises ``DataError`` for a file that is missing, broken, or was not written by vadkit;
    ``PluginError`` for a ``.pt2`` file that is not trusted, because reading it can run code; and
    ``RecipeError`` if ONNX Runtime is not installed.
    """
    if not path.is_file():
        raise DataError(f"no exported model at {path}; write one with `vadkit export`")
    if path.suffix == ".onnx":
        return _load_onnx(path)
    if path.suffix == ".pt2":
        return _load_pt2(path, own)
    raise DataError(f"{path} is not an exported model; expected {' or '.join(SUFFIXES)}")


def open_onnx(path: Path) -> Any:
    """Return the session of an ``.onnx`` file that has all its weights.

    Raises ``DataError`` for another file, and ``RecipeError`` if ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise RecipeError(
            f"{path} needs ONNX Runtime; install it with: pip install 'vadkit[onnx]'"
        ) from None
    content = path.read_bytes()
    if outside := external_data(content):
        raise DataError(
            f"{path} takes weights from another file, {printable(outside)}, which is not "
            "supported; vadkit export writes one file with everything"
        )
    try:
        return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime raises its own errors for each kind of broken file.
        raise DataError(f"{path} cannot be read as an ONNX model: {error}") from None


def open_pt2(path: Path, *, own: bool = False) -> tuple[nn.Module, str]:
    """Return the module of a ``.pt2`` file, and its metadata; see ``load_exported``."""
    content = path.read_bytes()
    found = {RECORD: ""}
    # PyTorch unpickles parts of the file, evaluates its size expressions with SymPy, and looks up
    # functions by the names in its graph. A check cannot prove that a file is harmless.
    if not (own or trust.is_trusted(trust.digest(content))):
        raise PluginError(
            f"{path} was not exported by this user (sha256 {trust.digest(content)}), and reading "
            "a .pt2 file can run any code. Use an .onnx file instead; if you trust the author of "
            "this file, add --trust-plugins"
        )
    try:
        module: nn.Module = torch.export.load(io.BytesIO(content), extra_files=found).module()
    except Exception as error:
        # A broken archive fails in many different places.
        raise DataError(f"{path} cannot be read as a torch.export file: {error}") from None
    return module, found[RECORD]


def _load_onnx(path: Path) -> ExportedMethod:
    session = open_onnx(path)
    record = _record(path, session.get_modelmeta().custom_metadata_map.get(RECORD))
    names = [entry.name for entry in session.get_inputs()]

    def run(tensors: list[Tensor]) -> list[Tensor]:
        inputs = {name: one.numpy() for name, one in zip(names, tensors, strict=True)}
        return [torch.from_numpy(found) for found in session.run(None, inputs)]

    method = ExportedMethod(run, record)
    _check_inputs(path, method.clip, [entry.shape for entry in session.get_inputs()])
    return method


def _load_pt2(path: Path, own: bool) -> ExportedMethod:
    module, text = open_pt2(path, own=own)
    return ExportedMethod(lambda tensors: module(*tensors), _record(path, text))


def _record(path: Path, text: str | bytes | None) -> dict[str, Any]:
    if not text:
        raise DataError(f"{path} was not written by `vadkit export`: it has no clip record")
    try:
        if len(text) > MOST_JSON:
            raise ValueError("it is too large")
        record = parse_json(text if isinstance(text, str) else text.decode())
        return checked(_Record, record).model_dump()
    except ValueError as error:
        raise DataError(f"{path} has a damaged record: {error}; export it again") from None


_Number = Annotated[float, Field(allow_inf_nan=False)]
_Place = Annotated[int, Field(ge=0, lt=256)]


class _Clip(BaseModel):
    """The clip of an exported method, as ``ClipSpec``; bounds are those of recipes."""

    model_config = ConfigDict(extra="forbid")

    frames: Annotated[int, Field(ge=1, le=256)]
    size: tuple[Side, Side]
    channels: Literal["rgb", "gray"]
    scored: Annotated[tuple[_Place, ...], Field(min_length=1)]
    step: Annotated[int, Field(ge=1, le=10_000)]
    range: tuple[_Number, _Number]
    ahead: Annotated[int, Field(ge=0, lt=256)]
    flow: tuple[_Place, ...]
    # Only files of earlier versions have it; it is always false there.
    flow_trains: Annotated[bool, Field(exclude=True)] = False
    boxes: None
    given: Annotated[tuple[str, ...], Field(max_length=0)]
    fps: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    aspect: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> _Clip:
        if max(*self.scored, *self.flow, self.ahead) >= self.frames:
            raise ValueError("scored, flow and ahead must be within the frames of the clip")
        if self.range[0] >= self.range[1]:
            raise ValueError("range must be two ascending numbers")
        return self


class _Record(BaseModel):
    """The metadata that `vadkit export` writes with the graph."""

    clip: _Clip
    flow: dict[str, Any] | None
    scorers: list[dict[str, Any]]
    normal: dict[str, Any] | None
    calibration: dict[str, Any] | None = None
    alarms: AlarmSettings = AlarmSettings()
    levels: tuple[float, float] | None = None


def _check_inputs(path: Path, clip: ClipSpec, shapes: Sequence[Sequence[Any]]) -> None:
    """Raise ``DataError`` unless the inputs of a graph match the clips in its record.

    ``shapes`` are those of its inputs; entries that are not numbers are free.
    """
    wanted = [(None, clip.planes, clip.frames, *clip.size)]
    if clip.flow:
        wanted.append((None, 2, len(clip.flow), *clip.size))
    fits = len(shapes) == len(wanted) and all(
        len(shape) == len(want)
        and all(
            not isinstance(a, int) or b is None or a == b for a, b in zip(shape, want, strict=True)
        )
        for shape, want in zip(shapes, wanted, strict=True)
    )
    if not fits:
        raise DataError(
            f"{path}: its graph takes {[list(shape) for shape in shapes]}, but its record "
            f"describes clips {[list(want[1:]) for want in wanted]}; export it again"
        )
