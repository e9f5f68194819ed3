"""The interface of the family ``extractors``: features of segments, computed from frames."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from vadkit.data.tensors import Clips


class Extractor(nn.Module):
    """Features of segments. A segment is one clip; nothing of an extractor is trained.

    ``forward`` takes clips of frames in 0..1 and returns features (B, crops, D) of float32.
    ``flow`` says whether it uses the optical flow ``Clips.flow``, to every fourth frame of the
    clip.
    """

    from_file: ClassVar[bool] = False
    flow: ClassVar[bool] = False

    @classmethod
    def needs_flow(cls, params: Mapping[str, Any]) -> bool:
        """Whether an extractor with these parameters uses optical flow."""
        return cls.flow

    def train(self, mode: bool = True) -> Extractor:
        """Stay in evaluation mode."""
        super().train(False)
        return self

    @property
    def weights(self) -> str | None:
        """The digest of the weights; None if there are none."""
        return None

    def forward(self, clips: Clips) -> Tensor:
        """Return features (B, crops, D)."""
        raise NotImplementedError


def file_digest(path: Path) -> str:
    """Return a hash of a file of weights."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
