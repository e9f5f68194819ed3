"""Export a run to one file that scores clips, and check it against the run's scores."""

from __future__ import annotations

import io
import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vadkit import trust
from vadkit.errors import RecipeError, TrainingError
from vadkit.files import write_whole
from vadkit.registry import find
from vadkit.workflows.build import load_method
from vadkit.workflows.run import checkpoint_file, load_run

if TYPE_CHECKING:
    import torch

    from vadkit.data.videos import ClipSpec
    from vadkit.recipe import Recipe

Format = Literal["onnx", "torch-export"]
_SUFFIXES: dict[str, str] = {"onnx": ".onnx", "torch-export": ".pt2"}
# The largest allowed difference of a score, relative to the larger of 1 and the score.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Exported:
    """A written file, and the largest difference of its scores from those of PyTorch.

    ``difference`` is in the unit of the scores, over random clips in batches of 1 and 3.
    """

    path: Path
    format: str
    difference: float
    bytes: int


def export(
    run: Path, *, format: Format = "onnx", out: Path | None = None, checkpoint: str = "last"
) -> Exported:
    """Export the scoring of a run's method as ``RUN/export/<name>.onnx`` or ``.pt2``.

    The file accepts batches of any size. It contains the clip spec, the recipe's flow, scorers and
    alarms, the scores of normal frames and the calibration, so ``Detector.load`` needs nothing
    else. It is written only if its scores agree with those of PyTorch.

    Raises ``RecipeError`` for a method that needs object boxes or cannot be traced, for a scorer or
    flow of a plugin, and for a missing package; ``TrainingError`` if the scores disagree.
    """
    import torch

    from vadkit.methods.exported.method import ScoreGraph, clip_record, load_exported
    from vadkit.scoring.calibration import load_calibration
    from vadkit.scoring.normal import load_normal

    recipe = load_run(run)
    method, _ = load_method(recipe, checkpoint_file(run, checkpoint), torch.device("cpu"))
    clip = method.clip.scoring
    name = recipe.method.type
    if clip.boxes is not None:
        raise RecipeError(f"method '{name}' scores object boxes, which export does not support yet")
    if clip.given:
        raise RecipeError(
            f"method '{name}' takes features from files, which export does not support"
        )
    _check_contained(recipe)
    normal, calibration = load_normal(run), load_calibration(run)
    record = {
        "recipe": recipe.name,
        "method": name,
        "clip": clip_record(clip),
        "flow": recipe.flow.model_dump() if recipe.flow is not None and clip.flow else None,
        "scorers": [spec.model_dump() for spec in recipe.scorers],
        "normal": normal.to_dict() if normal is not None else None,
        "calibration": calibration.to_dict() if calibration is not None else None,
        "alarms": recipe.alarms.model_dump(),
        "levels": recipe.data.levels,
    }
    path = out or run / "export" / f"{recipe.name}{_SUFFIXES[format]}"
    if path.suffix != _SUFFIXES[format]:
        raise RecipeError(f"{path}: a file of format {format} ends in {_SUFFIXES[format]}")
    graph = ScoreGraph(method).eval()
    with write_whole(path) as partial:
        _write(graph, clip, record, format, partial, name)
        difference = _difference(graph, load_exported(partial, own=True), clip)
        digest = trust.digest(partial.read_bytes())
    trust.remember_own({digest: path}, "export")
    return Exported(path, format, difference, path.stat().st_size)


def _check_contained(recipe: Recipe) -> None:
    """Raise ``RecipeError`` for a scorer or flow of a plugin: their code is outside of the graph.

    The graph contains what a plugin's method, networks and losses compute.
    """
    named = [("scorers", spec.type) for spec in recipe.scorers]
    if recipe.flow is not None:
        named.append(("flow", recipe.flow.type))
    for family, name in named:
        if find(family, name).obj is not None:
            raise RecipeError(
                f"{family} '{name}' is code of a plugin, which an exported file cannot contain; "
                "use the run itself, or train with built-in scorers and flow"
            )


def _write(
    graph: Any, clip: ClipSpec, record: dict[str, Any], format: str, path: Path, name: str
) -> None:
    import torch

    from vadkit.methods.exported.method import RECORD

    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            program = traced(graph, clip)
            if format == "torch-export":
                extra = {RECORD: json.dumps(record)}
                # Export to memory, because PyTorch reports a full disk with errors of its own.
                torch.export.save(program, content := io.BytesIO(), extra_files=extra)
                path.write_bytes(content.getbuffer())
                return
            model = torch.onnx.export(program, dynamo=True, verbose=False, optimize=True)
    except ImportError as error:
        raise RecipeError(
            f"export to ONNX needs {error.name}; install it with: pip install 'vadkit[onnx]'"
        ) from None
    except OSError:
        raise
    except Exception as error:
        # torch.export raises errors of many types, with many lines.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RecipeError(
            f"method '{name}' cannot be exported: its scoring is not a fixed graph ({reason})"
        ) from None
    assert model is not None
    model.model.metadata_props[RECORD] = json.dumps(record)
    model.save(path)


def traced(graph: Any, clip: ClipSpec) -> torch.export.ExportedProgram:
    """Trace the graph for batches of any size; raises the errors of ``torch.export``."""
    import torch

    batch = torch.export.Dim("batch", min=1, max=1024)
    clips = example(clip, 2)
    shapes = dict(zip(("frames", "flow"), [{0: batch}] * len(clips), strict=False))
    with torch.no_grad():
        return torch.export.export(graph, clips, dynamic_shapes=shapes)


def example(clip: ClipSpec, batch: int) -> tuple[torch.Tensor, ...]:
    """Return random clips, and flow if the method takes it; always the same ones."""
    import torch

    generator = torch.Generator().manual_seed(batch)
    low, high = clip.range
    size = (batch, clip.planes, clip.frames, *clip.size)
    frames = torch.rand(size, generator=generator) * (high - low) + low
    if not clip.flow:
        return (frames,)
    flow = torch.randn((batch, 2, len(clip.flow), *clip.size), generator=generator)
    return frames, flow


def _difference(graph: Any, exported: Any, clip: ClipSpec) -> float:
    """Return the largest difference of scores and maps; raise ``TrainingError`` if too large."""
    import torch

    largest = 0.0
    for batch in (1, 3):
        clips = example(clip, batch)
        with torch.inference_mode():
            expected = graph(*clips)
        for ours, theirs in zip(expected, exported.run(list(clips)), strict=True):
            gap = (ours - theirs).abs()
            allowed = TOLERANCE * ours.abs().clamp(min=1)
            if not torch.equal(ours.isnan(), theirs.isnan()) or (gap > allowed).any():
                raise TrainingError(
                    f"the exported model's scores differ from PyTorch's by up to "
                    f"{gap.nan_to_num().max():.3g}; nothing was written"
                )
            largest = max(largest, gap.nan_to_num().max().item())
    return largest
