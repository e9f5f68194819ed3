"""Features of segments by a network of the user in one file, run without its code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.data.weights import no_weights
from vadkit.errors import DataError
from vadkit.features.extractor import Extractor, file_digest
from vadkit.features.segments import Crops, crops_of
from vadkit.methods.exported.method import open_onnx, open_pt2
from vadkit.text import printable

Channels = Annotated[tuple[float, ...], Field(min_length=3, max_length=3)]


class NetworkFile(Extractor):
    """Features of a segment by your own network, in an ``.onnx`` or a ``.pt2`` file.

    With ``sees: pictures``, the network takes ``sampled`` frames (N, 3, H, W) of a segment and its
    outputs are averaged; with ``segments``, it takes (B, 3, T, H, W). It returns (., D). Pixels are
    in 0..1, minus ``mean``, divided by ``deviation``. Reading a ``.pt2`` file (torch.export) can
    run code, so it must be trusted (--trust-plugins). Networks run on the CPU, one call for each
    crop.
    """

    def __init__(
        self,
        *,
        file: Path,
        sees: Literal["pictures", "segments"] = "pictures",
        sampled: Annotated[int, Field(ge=1)] = 2,
        mean: Channels = (0.0, 0.0, 0.0),
        deviation: Channels = (1.0, 1.0, 1.0),
        crops: Crops = "one",
        crop: Annotated[int, Field(ge=8)] = 224,
    ) -> None:
        super().__init__()
        self.file, self.sees, self.sampled = file.expanduser(), sees, sampled
        self.crops, self.size = crops, crop
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1))
        self._run = _runner(self.file)

    mean: Tensor
    deviation: Tensor

    @property
    def weights(self) -> str | None:
        return file_digest(self.file)

    @torch.no_grad()
    def forward(self, clips: Clips) -> Tensor:
        frames = clips.frames.float().expand(-1, 3, -1, -1, -1).transpose(1, 2)
        if self.sees == "pictures":
            count = min(self.sampled, frames.shape[1])
            frames = frames[:, ((torch.arange(count) + 0.5) * frames.shape[1] / count).long()]
        scaled = (frames - self.mean) / self.deviation
        found = [self._rows(one) for one in crops_of(scaled, self.crops, self.size)]
        return torch.stack(found, dim=1).to(clips.device)

    def _rows(self, pictures_BTCHW: Tensor) -> Tensor:
        batch, count = pictures_BTCHW.shape[:2]
        pictures = self.sees == "pictures"
        given = pictures_BTCHW.flatten(0, 1) if pictures else pictures_BTCHW.transpose(1, 2)
        try:
            rows = self._run(given.contiguous().cpu()).float()
        except Exception as error:
            # Each runtime has its own errors for an input that a graph does not take.
            reason = printable(str(error).strip().partition("\n")[0], 300)
            raise DataError(
                f"features: {self.file} does not accept {self.sees} of shape "
                f"{tuple(given.shape)}: {reason}"
            ) from None
        if len(rows) != len(given) or rows.ndim < 2:
            raise DataError(
                f"features: {self.file} returns {tuple(rows.shape)} for {len(given)} {self.sees}; "
                "expected a row for each"
            )
        rows = rows.flatten(1)
        return rows.unflatten(0, (batch, count)).mean(dim=1) if pictures else rows


def _runner(file: Path) -> Callable[[Tensor], Tensor]:
    if not file.is_file():
        raise no_weights(file, "a network", "Give an .onnx or a .pt2 file that you have")
    if file.suffix == ".onnx":
        session: Any = open_onnx(file)
        (name, *others) = [entry.name for entry in session.get_inputs()]
        if others:
            raise DataError(f"features: {file} has {1 + len(others)} inputs; expected one")
        return lambda given: torch.from_numpy(session.run(None, {name: given.numpy()})[0])
    if file.suffix == ".pt2":
        module, _ = open_pt2(file)
        return lambda given: _first(module(given))
    raise DataError(f"features: {file} is not a network; expected an .onnx or a .pt2 file")


def _first(output: Any) -> Tensor:
    found: Tensor = output[0] if isinstance(output, tuple | list) else output
    return found
