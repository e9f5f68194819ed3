"""Read scores by kind of anomaly: an array of frames and kinds for each video."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vadkit.arrays import load_archive, load_array
from vadkit.errors import DataError


def read_kind_scores(path: Path, kinds: list[str]) -> dict[str, np.ndarray]:
    """Return scores (N, K) by video: a ``.npz``, or a folder of ``.npy`` named like the videos.

    The columns are the ``kinds``, in this order. An archive of arrays without names is a list.
    """
    try:
        if path.is_dir():
            files = sorted(path.rglob("[!.]*.npy"))
            arrays = {
                file.relative_to(path).with_suffix("").as_posix(): load_array(file)
                for file in files
            }
        else:
            arrays = load_archive(path)
    except FileNotFoundError:
        raise DataError(f"scores by kind not found: {path}") from None
    except (OSError, ValueError) as error:
        raise DataError(
            f"scores by kind {path} cannot be read as plain NumPy arrays ({error}); give a .npz "
            "with an array for each video, or a folder of .npy files"
        ) from None
    if not arrays:
        raise DataError(f"{path} contains no array; expected one for each video")
    for name, values in arrays.items():
        if values.ndim != 2 or values.dtype.kind not in "biuf" or values.shape[1] != len(kinds):
            raise DataError(
                f"{path}, '{name}' is {values.dtype} {values.shape}; expected numbers (frames, "
                f"{len(kinds)}), a column for each of the kinds {', '.join(kinds)}"
            )
    return {name: values.astype(np.float64) for name, values in arrays.items()}
