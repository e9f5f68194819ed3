"""Weights of networks from local files; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vadkit.errors import DataError


def no_weights(path: object, what: str, source: str) -> DataError:
    """Return the error for a missing weights file."""
    return DataError(f"{what} not found: {path}; vadkit downloads no weights. {source}")


def load_state(weights: Path) -> Any:
    """Load a file of ``torch.save`` on the CPU; raise ``DataError`` if it is broken."""
    import torch

    try:
        return torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:
        # Broken files raise errors of many types: from the archive, from pickle, from the content.
        reason = str(error).strip().split("\n")[0][:200]
        raise DataError(
            f"weights {weights} cannot be loaded ({reason}); expected a state dict saved by "
            "torch.save, such as those of torchvision"
        ) from None
