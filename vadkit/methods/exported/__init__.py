"""Methods from exported files, .onnx and .pt2."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = (".onnx", ".pt2")


def is_exported(path: Path) -> bool:
    """Whether the path is that of an exported file, not of a run folder."""
    return path.suffix in SUFFIXES and not path.is_dir()
