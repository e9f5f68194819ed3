"""Checkpoints: written atomically, loaded without running code."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from vadkit.errors import TrainingError, VadkitError
from vadkit.files import write_whole
from vadkit.text import printable

FORMAT = 1
# The first bytes of files that torch.save writes since PyTorch 1.6.
ZIP = b"PK\x03\x04"


# What ``torch.load`` accepts with ``weights_only=True``, besides tensors and collections.
_PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Size, torch.dtype, torch.device)
_Count = Annotated[int, Field(strict=True, ge=0, lt=2**53)]


class _State(BaseModel):
    """The content of every checkpoint; each part is checked by the code that loads it."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    method: dict[str, Any]
    optimizers: dict[str, dict[str, Any]]
    hooks: dict[str, dict[str, Any]]
    epoch: _Count
    step: _Count
    step_in_epoch: _Count
    # Checkpoints of older versions do not have it.
    seconds: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)] = 0.0
    sums: dict[str, Tensor]
    rng: dict[str, Any]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, text) atomically into an existing folder.

    Raises ``OSError`` if it cannot be written.
    """
    with write_whole(path, make_folder=False) as partial, partial.open("wb") as file:
        target: Any = _Recorded(file)
        try:
            torch.save({"format": FORMAT, **state}, target)
        except RuntimeError:
            if target.error is not None:
                raise target.error from None
            raise


def check_plain(value: Any, place: str) -> None:
    """Raise ``TrainingError`` if a part of ``value`` could be saved but not loaded again.

    ``place`` names the value. A NumPy number, for example, is not plain.
    """
    if isinstance(value, Tensor) or type(value) in _PLAIN:
        return
    if type(value) in (dict, OrderedDict):
        for key, item in value.items():
            check_plain(key, f"the keys of {place}")
            check_plain(item, f"{place}[{key!r}]")
    elif type(value) in (list, tuple, set):
        for number, item in enumerate(value):
            check_plain(item, f"{place}[{number}]")
    else:
        kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        raise TrainingError(
            f"{printable(place)} is a {kind}, which a checkpoint cannot hold; use only numbers of "
            "Python, text, tensors, lists and dicts, for example float(x) or str(path)"
        )


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

    Raises ``TrainingError`` if the file is missing, damaged or of another format.
    """
    if not path.is_file():
        raise TrainingError(
            f"no checkpoint at {path}; train the run first, or finish it with --resume"
        )
    with path.open("rb") as file:
        if file.read(4) != ZIP:
            # PyTorch's older formats are not used by vadkit, and have been attacked
            # (CVE-2025-32434).
            raise TrainingError(f"checkpoint {path} cannot be read: it is not a zip archive")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        # A damaged archive or pickle fails in many different ways.
        raise TrainingError(f"checkpoint {path} cannot be read: {_reason(error)}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise TrainingError(f"{path} is not a vadkit checkpoint of format {FORMAT}")
    try:
        _State.model_validate(state)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = printable(".".join(map(str, first["loc"])), 100)
        raise TrainingError(f"checkpoint {path} is damaged: {where}: {first['msg']}") from None
    return state


@contextlib.contextmanager
def restoring(path: Path) -> Iterator[None]:
    """Convert errors from restoring a checkpoint that does not match into one line."""
    try:
        yield
    except VadkitError:
        raise
    except Exception as error:
        # Modules, optimizers, hooks and plugins may raise any error.
        raise TrainingError(
            f"checkpoint {path} does not match the recipe: {_reason(error)}"
        ) from None


def _reason(error: Exception) -> str:
    """Return the first lines of an error on one line; PyTorch's errors have many."""
    lines = [line.strip() for line in str(error).strip().splitlines()[:3]]
    return printable(" ".join(lines), 400) or type(error).__name__
