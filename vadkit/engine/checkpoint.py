"""Checkpoints: written whole or not at all, loaded without running code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import torch

from vadkit.errors import TrainingError
from vadkit.files import write_whole

FORMAT = 1
# How the files that torch.save writes since PyTorch 1.6 begin.
ZIP = b"PK\x03\x04"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, text) whole; ``OSError`` where it cannot be written."""
    with write_whole(path) as partial, partial.open("wb") as file:
        target: Any = _Recorded(file)
        try:
            torch.save({"format": FORMAT, **state}, target)
        except RuntimeError:
            if target.error is not None:
                raise target.error from None
            raise


class _Recorded:
    """A file that keeps the error of a failed write, which ``torch.save`` hides behind its own."""

    def __init__(self, file: BinaryIO) -> None:
        self.error: OSError | None = None
        self._file = file

    def write(self, data: Any) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint with ``weights_only=True``.

    Raises ``TrainingError`` when the file is missing, damaged or of another format.
    """
    if not path.is_file():
        raise TrainingError(
            f"no checkpoint at {path}; train the run first, or finish it with --resume"
        )
    with path.open("rb") as file:
        if file.read(4) != ZIP:
            # PyTorch's older formats are no form of ours, and have been attacked (CVE-2025-32434).
            raise TrainingError(f"checkpoint {path} cannot be read: it is no zip archive")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise TrainingError(f"checkpoint {path} cannot be read: {reason}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise TrainingError(f"{path} is not a vadkit checkpoint of format {FORMAT}")
    return state
