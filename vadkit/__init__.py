"""vadkit: video anomaly detection from one recipe.

Names are loaded when first used, so that ``import vadkit`` stays quick and does not import torch.
"""

from __future__ import annotations

import importlib

# Not from `typing`: with `python -m vadkit` the current folder is searched first until
# `vadkit.__main__` has run, and it may hold a stranger's `typing.py`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vadkit.recipe import load_recipe
    from vadkit.registry import register
    from vadkit.workflows.detector import Detector
    from vadkit.workflows.evaluate.evaluation import evaluate
    from vadkit.workflows.train import train

__version__ = "0.1.0"

_HOMES = {
    "register": "vadkit.registry",
    "load_recipe": "vadkit.recipe",
    "train": "vadkit.workflows.train",
    "evaluate": "vadkit.workflows.evaluate.evaluation",
    "Detector": "vadkit.workflows.detector",
}

__all__ = ["Detector", "__version__", "evaluate", "load_recipe", "register", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vadkit' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
