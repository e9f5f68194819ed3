"""Embeddings of texts, from a file or from a package with weights in it; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vadkit.arrays import is_archive, load_archive, load_array
from vadkit.errors import DataError
from vadkit.text import printable


def embed(texts: Sequence[str]) -> np.ndarray:
    """Return embeddings (N, 256) float32 of unit length by the package ``wordllama``.

    They are means of word vectors: fast on a CPU, and without the order of words. A text without
    any known word has the embedding 0. Raises ``DataError`` if the package is not installed.
    """
    try:
        import wordllama
    except ImportError:
        raise DataError(
            "texts need wordllama; install it with: pip install 'vadkit[text]', or give a file "
            "with their embeddings"
        ) from None
    # Both files are in the package, but version 0.4.0 looks for one of them in the cache only.
    model = wordllama.WordLlama.load(
        cache_dir=Path(wordllama.__file__).parent, disable_download=True
    )
    # It divides by the length, which is 0 for an empty text.
    with np.errstate(invalid="ignore"):
        found = np.asarray(model.embed(list(texts), norm=True), np.float32)
    return np.nan_to_num(found)


def class_texts(path: Path, names: Sequence[str]) -> np.ndarray:
    """Return the embeddings (N, F) float32 of texts for these names from a file.

    An ``.npz`` archive has an array (F,) for each name, in any case; other names are allowed. An
    ``.npy`` file has the array (N, F) in the order of the names. Raises ``DataError``.
    """
    known = ", ".join(map(printable, names))
    try:
        if is_archive(path):
            rows = _by_name(load_archive(path), names)
        else:
            rows = np.asarray(load_array(path))
    except (OSError, ValueError) as error:
        raise DataError(f"texts {path} cannot be read: {error}; expected {known}") from None
    if rows.ndim != 2 or len(rows) != len(names) or rows.dtype.kind not in "fiu" or not rows.size:
        raise DataError(
            f"texts {path} have {rows.dtype} {rows.shape}; expected a row of numbers for each of "
            f"{len(names)} texts, in this order: {known}"
        )
    rows = rows.astype(np.float32)
    if not (np.isfinite(rows).all() and rows.any(axis=1).all()):
        raise DataError(f"texts {path} have rows that are zero or not finite")
    return rows


def _by_name(arrays: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    found = {name.lower(): values for name, values in arrays.items()}
    missing = [name for name in names if name.lower() not in found]
    if missing:
        have = ", ".join(printable(name) for name in list(arrays)[:8])
        raise ValueError(f"it has no '{printable(missing[0])}'; it has {have}")
    rows = [found[name.lower()].reshape(-1) for name in names]
    if len({row.shape for row in rows}) > 1:
        raise ValueError("its rows have different numbers of features")
    return np.stack(rows)


def with_features(rows_NF: np.ndarray, features: int) -> np.ndarray:
    """Return rows (N, features) of unit length with the same cosines as the rows (N, F).

    Rows that have as many features keep them. Others are rotated: the result is exact if there are
    no more rows than ``features``, and else the nearest in the squared error of the cosines.
    """
    rows = rows_NF.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
    if rows.shape[1] == features:
        return np.asarray(rows, np.float32)
    left, sizes, _ = np.linalg.svd(rows, full_matrices=False)
    kept = min(features, len(sizes))
    out = np.zeros((len(rows), features))
    out[:, :kept] = left[:, :kept] * sizes[:kept]
    # A fixed rotation, so that the features at the end are not all zero.
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(features, features)))
    out = out @ turn
    out /= np.linalg.norm(out, axis=1, keepdims=True).clip(1e-12)
    return np.asarray(out, np.float32)
