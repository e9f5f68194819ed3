"""Weights of networks from local files; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vadkit.errors import DataError


def no_weights(path: object, what: str, source: str) -> DataError:
    """Return the error for a missing weights file."""
    return DataError(f"{what} not found: {path}; vadkit downloads no weights. {source}")


def load_state(weights: Path) -> Any:
    """Load a file of ``torch.save`` or safetensors on the CPU.

    Raises ``DataError`` if it is broken, or if safetensors is needed and not installed.
    """
    import torch

    try:
        if weights.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(weights)
        return torch.load(weights, map_location="cpu", weights_only=True)
    except ImportError:
        raise DataError(
            f"weights {weights} need safetensors; install it with: pip install safetensors"
        ) from None
    except Exception as error:
        # Broken files raise errors of many types: from the archive, from pickle, from the content.
        reason = str(error).strip().split("\n")[0][:200]
        raise DataError(
            f"weights {weights} cannot be loaded ({reason}); expected a state dict saved by "
            "torch.save, such as those of torchvision"
        ) from None
