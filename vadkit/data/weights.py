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

    try:
        return torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:
        # Broken files give errors of a dozen kinds: of the archive, of pickle, of what it holds.
        reason = str(error).strip().split("\n")[0][:200]
        raise DataError(
            f"weights {weights} cannot be loaded ({reason}); expected a state dict saved by "
            "torch.save, as torchvision's own are"
        ) from None
