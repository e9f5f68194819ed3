"""Precomputed rows of features, with one file for each video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from vadkit.arrays import MOST_BYTES, load_archive, load_array
from vadkit.data.clips.extras import GivenRows
from vadkit.data.videos import Video
from vadkit.errors import DataError
from vadkit.features.feature import Feature

# A row belongs to a region if their boxes overlap by more than this (intersection over union).
_OVERLAP = 0.3
# The memory limit for rows of one frame: eight objects of 2,048 numbers each.
_BYTES_A_FRAME = 8 * 2048 * 4


class FileFeature(Feature):
    """Features from a folder with a file for each video of the dataset, and no other video."""

    from_file: ClassVar[bool] = True
    # Possible names of a video's file; the first existing one is used.
    endings: ClassVar[tuple[str, ...]] = (".npz",)

    def __init__(self, *, train: Path | None = None, test: Path | None = None) -> None:
        super().__init__()
        self.folders = {"train": train, "test": test}

    def read(self, video: Video, length: int) -> GivenRows:
        """Read the rows of ``video``, which has ``length`` frames; boxes are in source pixels.

        Raises ``DataError`` for a file that is missing, unreadable, or has rows for other frames.
        """
        path = self._path(video)
        try:
            most = max(MOST_BYTES, length * _BYTES_A_FRAME)
            single = path.suffix == ".npy"
            arrays = {"": load_array(path, most)} if single else load_archive(path, most)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path} cannot be read as plain arrays ({error}); pickled objects are not read, "
                "because they can run code"
            ) from None
        rows = self.rows_of(arrays, path)
        _check(rows, length, path)
        order = np.argsort(rows.frame, kind="stable")
        return GivenRows(
            rows.frame[order].astype(np.int64),
            rows.rows[order].astype(np.float32),
            None if rows.xyxy is None else rows.xyxy[order].astype(np.float32),
        )

    def rows_of(self, arrays: dict[str, np.ndarray], path: Path) -> GivenRows:
        """Return the rows of the arrays of a file by name; that of a ``.npy`` file is under ''."""
        raise NotImplementedError

    def _path(self, video: Video) -> Path:
        folder, name = self.folders[video.split], type(self).__name__
        if folder is None:
            raise DataError(
                f"{name}: no folder for the {video.split} split; set {video.split} to one with a "
                f"file for each video, such as {video.id}{self.endings[0]}"
            )
        folder = folder.expanduser()
        if not folder.is_dir():
            raise DataError(f"{name}: {folder} is not a folder")
        paths = [folder / f"{video.id}{ending}" for ending in self.endings]
        for path in paths:
            if path.is_file():
                return path
        names = sorted(each.name for each in folder.iterdir())
        raise DataError(
            f"{name}: video '{video.id}' has no {' or '.join(path.name for path in paths)} in "
            f"{folder}; it contains {len(names)} files: {', '.join(names[:8]) or 'none'}"
        )

    def forward(self, given: Sequence[Tensor], regions: Sequence[Tensor]) -> Tensor:  # type: ignore[override]
        """Return each region's row (F,), whose box overlaps it most; NaN if none overlaps enough.

        ``given`` has rows (n, 4 + F) of each clip, starting with their boxes. A row of a whole
        frame is used for every region.
        """
        from torchvision.ops import box_iou

        found = []
        for rows, boxes in zip(given, regions, strict=True):
            if not len(rows):
                found.append(rows.new_full((len(boxes), rows.shape[1] - 4), torch.nan))
            elif rows[:, :4].isnan().any():
                found.append(rows[:1, 4:].expand(len(boxes), -1))
            else:
                overlap, best = box_iou(boxes, rows[:, :4]).max(dim=1)
                near = (overlap > _OVERLAP)[:, None]
                found.append(torch.where(near, rows[best, 4:], torch.nan))
        return torch.cat(found)


class EmbeddingsFile(FileFeature):
    """Embeddings from your own program, with one file for each video.

    ``train`` and ``test`` are folders. For the video 01, the file is ``01.npy``, an array (N, F)
    with a row for each of its N frames; or ``01.npz`` with ``frame`` (n,) from 0 and ``rows`` (n,
    F), and with ``xyxy`` (n, 4), boxes in source pixels, if rows describe objects. An object gets
    the row whose box has the largest intersection over union with its own, above 0.3. If there is
    none, only the other features score the object.
    """

    endings = (".npz", ".npy")

    def rows_of(self, arrays: dict[str, np.ndarray], path: Path) -> GivenRows:
        """Return rows and, if the file has them, boxes."""
        if path.suffix == ".npy":
            rows = arrays[""]
            _expect(rows, ("frames", "F"), path, "the array")
            return GivenRows(np.arange(len(rows)), rows)
        frame = _member(arrays, "frame", ("n",), path)
        rows = _member(arrays, "rows", (len(frame), "F"), path)
        boxes = _member(arrays, "xyxy", (len(frame), 4), path) if "xyxy" in arrays else None
        return GivenRows(frame, rows, boxes)


class PosesFile(FileFeature):
    """Poses from your own pose estimator, with one file for each video.

    ``train`` and ``test`` are folders. For the video 01, the file is ``01.npz`` with ``frame`` (n,)
    from 0 and ``keypoints`` (n, K, 2) or (n, K, 3): x and y in source pixels and, optionally, a
    confidence; 0 means invisible. A pose becomes 2K numbers: its points relative to the middle of
    their box, in units of the box height, and 0 for invisible points. The numbers therefore do not
    depend on position and size. An object gets the pose whose box has the largest intersection over
    union with its own, above 0.3.
    """

    def rows_of(self, arrays: dict[str, np.ndarray], path: Path) -> GivenRows:
        """Return normalised poses and the boxes around their points."""
        frame = _member(arrays, "frame", ("n",), path)
        points = _member(arrays, "keypoints", (len(frame), "K", "2 or 3"), path)
        if points.shape[2] not in (2, 3) or not points.shape[1]:
            raise DataError(
                f"{path}: 'keypoints' is {points.shape}; expected (n, K, 2) of x and y, or "
                "(n, K, 3) with a confidence for each point"
            )
        seen = np.ones(points.shape[:2], bool) if points.shape[2] == 2 else points[..., 2] > 0
        kept = seen.any(axis=1)
        frame, seen, places = frame[kept], seen[kept], points[kept, :, :2].astype(np.float64)
        low = np.where(seen[..., None], places, np.inf).min(axis=1, initial=np.inf)
        high = np.where(seen[..., None], places, -np.inf).max(axis=1, initial=-np.inf)
        height = np.maximum(high[:, 1] - low[:, 1], 1)[:, None, None]
        shape = (places - ((low + high) / 2)[:, None]) / height
        rows = np.where(seen[..., None], shape, 0).reshape(len(frame), -1)
        return GivenRows(frame, rows, np.hstack([low, high]))


def _member(
    arrays: dict[str, np.ndarray], name: str, shape: tuple[int | str, ...], path: Path
) -> np.ndarray:
    if name not in arrays:
        raise DataError(
            f"{path} lacks the array '{name}'; it has {', '.join(sorted(arrays)) or 'none'}"
        )
    _expect(arrays[name], shape, path, f"'{name}'")
    return arrays[name]


def _expect(array: np.ndarray, shape: tuple[int | str, ...], path: Path, name: str) -> None:
    """Letters stand for any length."""
    fits = len(array.shape) == len(shape) and all(
        isinstance(wanted, str) or wanted == length
        for wanted, length in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype.kind not in "iuf":
        raise DataError(
            f"{path}: {name} is {array.dtype} {array.shape}; expected numbers "
            f"({', '.join(map(str, shape))})"
        )


def _check(given: GivenRows, length: int, path: Path) -> None:
    frame, rows = given.frame, given.rows
    if path.suffix == ".npy" and len(rows) != length:
        raise DataError(
            f"{path} has rows of {len(rows)} frames, but the video has {length}; a .npy file "
            "needs a row for each frame. Save frame and rows as .npz if some frames have none"
        )
    if (frame != np.rint(frame)).any() or (frame < 0).any():
        raise DataError(f"{path}: 'frame' has a value that is not a whole number from 0 on")
    if len(frame) and frame.max() >= length:
        raise DataError(
            f"{path}: rows reach frame {frame.max():g}, but the video has {length} frames, 0 to "
            f"{length - 1}; count from 0, or is it another version of the video?"
        )
    if not np.isfinite(rows).all() or not (given.xyxy is None or np.isfinite(given.xyxy).all()):
        raise DataError(f"{path} has values that are not finite")
    if given.xyxy is None and len(np.unique(frame)) < len(frame):
        raise DataError(
            f"{path} has several rows of one frame; also save their boxes as 'xyxy' (n, 4)"
        )
