"""Weights of networks, from files of the user's; none is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vadkit.errors import DataError


def no_weights(path: object, what: str, source: str) -> DataError:
    """The error for a network's file that is not there."""
    return DataError(f"{what} not found: {path}; vadkit downloads no weights. {source}")


def load_state(weights: Path) -> Any:
    """What a file of ``torch.save`` holds, on the CPU; ``DataError`` for one that is broken."""
    import torch

    if not _is_zip(weights) and tuple(map(int, torch.__version__.split(".")[:2])) < (2, 6):
        raise DataError(
            f"weights {weights} are in an old format, of which PyTorch {torch.__version__} may run "
            "code (CVE-2025-32434); install PyTorch 2.6 or later"
        )
    try:
        return torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:
        # Broken files give errors of a dozen kinds: of the archive, of pickle, of what it holds.
        reason = str(error).strip().split("\n")[0][:200]
        raise DataError(
            f"weights {weights} cannot be loaded ({reason}); expected a state dict saved by "
            "torch.save, as torchvision's own are"
        ) from None


def _is_zip(path: Path) -> bool:
    """Whether ``torch.save`` of PyTorch 1.6 or later wrote the file, by how it begins."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return True
