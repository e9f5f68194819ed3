"""A trained method in one file, run by ONNX Runtime or PyTorch without its code or recipe."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vadkit import trust
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import DataError, PluginError, RecipeError
from vadkit.methods.method import Method, Scores
from vadkit.methods.onnx_file import external_data
from vadkit.text import printable

# Under which a file holds what is known beside the graph.
RECORD = "vadkit.json"
SUFFIXES = (".onnx", ".pt2")


class ScoreGraph(nn.Module):
    """A method's scoring as a function of tensors: frames, and flow where it takes any.

    Gives frame scores (B, S) and, for a method with maps, maps (B, S, h, w).
    """

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, frames: Tensor, flow: Tensor | None = None) -> tuple[Tensor, ...]:
        scores = self.method.score(Clips(frames, flow))
        maps = () if scores.maps is None else (scores.maps.float(),)
        return (scores.frames.float(), *maps)


class ExportedMethod:
    """Scores clips as the method that was exported does.

    ``clip`` is the method's; ``record`` holds what else was known, as ``export`` wrote it.
    """

    def __init__(
        self, run: Callable[[list[Tensor]], Sequence[Tensor]], record: dict[str, Any]
    ) -> None:
        self.run = run
        self.record = record
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record["clip"].items()
        }
        self.clip = ClipSpec(**fields)

    def score(self, clips: Clips) -> Scores:
        """Scores of a batch of clips, on the CPU."""
        given = [clips.frames.float().cpu()]
        if self.clip.flow and clips.flow is not None:
            given.append(clips.flow.float().cpu())
        frames, *maps = self.run(given)
        return Scores(frames, maps[0] if maps else None)


def clip_record(clip: ClipSpec) -> dict[str, Any]:
    """A clip as JSON-like data, the form that ``ExportedMethod`` reads."""
    return asdict(clip)


def load_exported(path: Path, *, own: bool = False) -> ExportedMethod:
    """The method in an ``.onnx`` or ``.pt2`` file; ``own`` is one that this process just wrote.

    Raises ``DataError`` for a file that is missing, broken, or was not written by vadkit,
    ``PluginError`` for a ``.pt2`` file that this user neither exported nor allowed, because reading
    one can run code, and ``RecipeError`` when ONNX Runtime is not installed.
    """
    if not path.is_file():
        raise DataError(f"no exported model at {path}; write one with `vadkit export`")
    if path.suffix == ".onnx":
        return _load_onnx(path)
    if path.suffix == ".pt2":
        return _load_pt2(path, own)
    raise DataError(f"{path} is no exported model; expected {' or '.join(SUFFIXES)}")


def _load_onnx(path: Path) -> ExportedMethod:
    try:
        import onnxruntime
    except ImportError:
        raise RecipeError(
            f"{path} needs ONNX Runtime; install it with: pip install 'vadkit[onnx]'"
        ) from None
    content = path.read_bytes()
    if outside := external_data(content):
        raise DataError(
            f"{path} takes weights from another file, {printable(outside)}, which is not read; "
            "vadkit export writes one file that holds everything"
        )
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime raises errors of its own for each way in which a file can be broken.
        raise DataError(f"{path} cannot be read as an ONNX model: {error}") from None
    record = _record(path, session.get_modelmeta().custom_metadata_map.get(RECORD))
    names = [entry.name for entry in session.get_inputs()]

    def run(given: list[Tensor]) -> list[Tensor]:
        fed = {name: one.numpy() for name, one in zip(names, given, strict=True)}
        return [torch.from_numpy(found) for found in session.run(None, fed)]

    return ExportedMethod(run, record)


def _load_pt2(path: Path, own: bool) -> ExportedMethod:
    content = path.read_bytes()
    found = {RECORD: ""}
    # PyTorch unpickles parts of the file, evaluates its size expressions with SymPy, and looks
    # functions up by the names in its graph. No check of ours could tell a harmless file.
    if not (own or trust.is_trusted(trust.digest(content))):
        raise PluginError(
            f"{path} was not exported by this user (sha256 {trust.digest(content)}), and reading a "
            ".pt2 file can run any code. Use an .onnx file instead; if you trust who made this "
            "one, add --trust-plugins"
        )
    try:
        module = torch.export.load(io.BytesIO(content), extra_files=found).module()
    except Exception as error:
        # A broken archive fails in as many places as it has parts.
        raise DataError(f"{path} cannot be read as a torch.export file: {error}") from None
    return ExportedMethod(lambda given: module(*given), _record(path, found[RECORD]))


def _record(path: Path, text: str | bytes | None) -> dict[str, Any]:
    if not text:
        raise DataError(f"{path} was not written by `vadkit export`: it does not say its clip")
    record: dict[str, Any] = json.loads(text)
    return record
